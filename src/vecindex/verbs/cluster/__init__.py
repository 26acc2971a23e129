"""What several verbs let workers on a cluster do."""
