"""Why neighbors are lost: the cause tree, and the experiments for and against each cause."""
