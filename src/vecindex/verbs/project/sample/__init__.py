"""A map of which a sample is laid out, and the other articles are placed: its steps, and what is kept of it."""
