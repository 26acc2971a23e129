"""Vectors of a table that are kept in memory between searches."""
