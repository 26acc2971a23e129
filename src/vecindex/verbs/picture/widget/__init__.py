"""The map as a live widget in a notebook."""
