"""Pickles of the program that vecindex replaces: their shapes, and a reader that runs no code of theirs."""
