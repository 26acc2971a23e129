"""Which of several models finds the right articles: a sample embedded by each, compared."""
