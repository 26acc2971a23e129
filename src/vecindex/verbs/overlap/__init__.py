"""How many of a question's nearest articles stay nearest on a map, and why the others do not."""
