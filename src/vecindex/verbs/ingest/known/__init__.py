"""What a run knows: the rows of the table, which fields it keeps, the last texts, the speed of the model."""
