"""The local server: a page over the live table, and the JSON API under it. It writes labels alone, where asked to."""
