"""Indexes that are made of a table's columns."""
