"""The index that makes approximate searches quick: made, measured, removed."""
