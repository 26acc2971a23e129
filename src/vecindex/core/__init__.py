"""Pure functions over arrays and plain values: no input or output, no heavy library."""
