"""The command line: parse, one call of the Python interface, render."""
