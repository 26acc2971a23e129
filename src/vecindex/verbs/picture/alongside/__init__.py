"""Other maps of the table next to the one that a page shows."""
