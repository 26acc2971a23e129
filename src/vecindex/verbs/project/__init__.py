"""Maps made, updated, anchored and stored."""
