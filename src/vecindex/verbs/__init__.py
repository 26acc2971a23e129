"""One folder a verb: its options, its steps and its result; and what several verbs share."""
