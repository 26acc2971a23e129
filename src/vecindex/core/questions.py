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
    topic : a label that groups questions, and may be compared with the articles' own; None when there is none.
    kind : another label, of how it is asked or where it comes from; figures are reported by it. None likewise.
    answers : ids of the right articles; empty when they are not known.
    location : where it was read, for messages.
    named : whether the id is its file's.
    grades : (article, grade) of each judged article, where the file gives grades; those above 0 are `answers`.
    answer_texts : texts that a passage with the answer holds; empty when they are not known.
    """

    id: str
    text: str
    topic: str | None = None
    answers: tuple[str, ...] = ()
    location: str = field(default="", compare=False)
    named: bool = field(default=True, compare=False)
    kind: str | None = None
    grades: tuple[tuple[str, int], ...] = ()
    answer_texts: tuple[str, ...] = ()


def worst_first(overlap: float | None, nearest_dist: float, id: str) -> tuple[float, float, str]:
    """Return the key that sorts questions: who keeps least first, then who is farthest from all articles, then by id.

    `overlap` is what it keeps on the map; None without a map.

    >>> sorted([worst_first(0.4, 0.1, "a"), worst_first(0.2, 0.3, "b"), worst_first(0.2, 0.5, "c")])[0]
    (0.2, -0.5, 'c')
    """
    return (0.0 if overlap is None else overlap), -nearest_dist, id


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

    @property
    def kinds(self) -> list[str | None] | None:
        """The kind of each question, or its topic where no question has a kind; None where none has either."""
        found = [q.kind for q in self.questions]
        return found if any(kind is not None for kind in found) else self.topics
