"""A stored map as data for a page or a picture."""
