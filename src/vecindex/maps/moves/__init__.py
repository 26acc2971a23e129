"""Single articles moved to where more of the nearest are kept: in the polish of a map, and where it is anchored."""
