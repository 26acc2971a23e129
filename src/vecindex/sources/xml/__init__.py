"""XML: dumps of wikis and of question-and-answer sites."""
