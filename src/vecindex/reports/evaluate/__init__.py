"""The pages of `evaluate` and `compare`: measures with intervals, and hits side by side."""
