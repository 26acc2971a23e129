"""Some rows of large sources, spread over their whole length where their format allows for it."""
