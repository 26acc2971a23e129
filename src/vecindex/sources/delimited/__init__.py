"""Delimited files: what separates their fields, how they use quotes, whether they have a header, their columns."""
