"""JSON lines, arrays, objects one after the other, and records inside of objects."""
