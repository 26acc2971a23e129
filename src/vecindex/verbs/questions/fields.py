"""Names of the fields of a question, and what a file of questions looks like."""

from __future__ import annotations

TEXT_FIELDS = ("text", "question", "query")
ID_FIELDS = ("id", "_id", "qid", "query_id", "question_id")
KIND_FIELDS = ("kind", "group")
ANSWER_TEXT_FIELDS = ("answer_texts", "answer")
GRADE_FIELDS = ("grade", "relevance", "score")
MOST_GRADE = 1_000
"""The highest grade: trec_eval reserves memory for each grade up to the highest."""
FORMS = (
    'Give one a line: {"question": "...", "id": "...", "topic": "...", "answers": ["id of an article"]}, or as text; '
    "or a table with columns of these names."
)
