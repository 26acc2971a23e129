"""How results look on a terminal, and in tab-separated lines elsewhere."""
