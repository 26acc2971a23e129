"""The live table: what is shown of it, made once and kept."""
