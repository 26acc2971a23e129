"""Drawings as inline SVG, without a library."""
