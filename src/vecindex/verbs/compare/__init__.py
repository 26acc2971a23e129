"""Which of several tables finds the right articles, and how they differ."""
