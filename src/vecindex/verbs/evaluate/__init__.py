"""How well a table finds the right articles of questions, by each way of ranking."""
