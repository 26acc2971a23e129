"""Texts: one a file, one a line, or several in a file between tags."""
