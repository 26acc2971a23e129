"""The map as a page, and as a figure for a paper."""
