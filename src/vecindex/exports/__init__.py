"""Writes rows as files that other tools read: Parquet, CSV, JSON, NumPy."""
