"""A set of questions as it was read."""

from __future__ import annotations

from dataclasses import dataclass, field

from vecindex.types import Rejected


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what is known of it.

    Attributes
    ----------
    id : as its file gives it, else "#" and the number of its row.
    topic : a label that groups questions; None when there is none.
    answers : ids of the right articles; empty when they are not known.
    location : where it was read, for messages.
    named : whether the id is its file's.
    """

    id: str
    text: str
    topic: str | None = None
    answers: tuple[str, ...] = ()
    location: str = field(default="", compare=False)
    named: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of a file.

    Attributes
    ----------
    name : of the file, without its folder.
    rejected : rows that hold no usable question, with the reason.
    duplicates : rows that repeat a question's text; the first one counts, so that no question counts twice.
    """

    name: str
    questions: tuple[Question, ...]
    rejected: tuple[Rejected, ...] = ()
    duplicates: tuple[Rejected, ...] = ()

    @property
    def topics(self) -> list[str | None] | None:
        """The topic of each question; None when no question has one."""
        found = [q.topic for q in self.questions]
        return found if any(t is not None for t in found) else None
