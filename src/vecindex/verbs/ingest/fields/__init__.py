"""Which fields of each source are taken for what, settled by its first rows before anything is embedded."""
