"""The Python interface: `vecindex.open("db")` gives an `Index` with the verbs of the command line."""

from vecindex.index.index import Index, open

__all__ = ["Index", "open"]
