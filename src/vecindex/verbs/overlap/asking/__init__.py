"""What `overlap` is asked: the questions with their vectors."""
