"""What to do next, chosen by what is known of the run: its questions, its maps, what was done already."""
