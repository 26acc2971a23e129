"""Sources of rows: files of each format, found and opened; data in memory; and what makes articles of their rows."""
