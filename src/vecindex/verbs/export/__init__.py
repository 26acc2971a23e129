"""Rows of the table as a file for other tools."""
