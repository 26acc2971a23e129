"""Ingests files as they come and change."""
