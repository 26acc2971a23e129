"""Sources to rows of the table, a transaction at a time."""
