"""Arrow data: files of it, tables and streams in memory, and what both share."""
