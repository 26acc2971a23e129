"""The questions of an evaluation with their judgments, before any table is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from vecindex.core.questions import Question
from vecindex.errors import ConfigError, SourceError
from vecindex.messages import Placeholder, option, text
from vecindex.sources.base import excerpt
from vecindex.types import Observer, Rejected
from vecindex.verbs.evaluate.folder import files_in, is_folder
from vecindex.verbs.evaluate.options import JudgmentOptions
from vecindex.verbs.evaluate.qrels import Qrels, read_qrels
from vecindex.verbs.questions.reader import Questions, name_of, no_question, rows

_SHOWN = 3
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions with their judgments.

    Attributes
    ----------
    name : of the file of questions.
    questions : those that are judged, in their order.
    grades : {article: grade} of each; of questions that are judged by texts of answers all are empty.
    qrels : where the judgments come from; None where passages are judged by texts of answers.
    without : questions without any judgment, which are left out.
    unknown : ids of questions that are judged, but are not in the file.
    rejected : lines of both files that were left out.
    judged : whether anything is judged at all.
    """

    name: str
    questions: tuple[Question, ...]
    grades: tuple[dict[str, int], ...]
    qrels: Qrels | None
    without: int = 0
    unknown: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    judged: bool = True

    @property
    def by_texts(self) -> bool:
        """Whether a passage is right because it holds the text of an answer."""
        return self.judged and self.qrels is None


def read_asked(
    questions: Questions,
    options: JudgmentOptions,
    observer: Observer,
    stdin: BinaryIO | None = None,
    *,
    must_be_judged: bool = True,
) -> Asked:
    """Return the questions that have judgments; all of them where none has one and none must have.

    Equal texts of different ids are different questions here, since each may be judged on its own.

    Raises SourceError where a file cannot be read or nothing is judged, ConfigError where the files do not match.
    """
    given: Any = options["qrels"]
    if is_folder(questions):
        folder, (file, found) = str(questions), files_in(str(questions))
        questions, given = file, found if given is None and not options["answers_text"] else given
        judged = "" if given is None else f", judged by {shown_path(given, folder)}"
        observer.notice(f"questions of {shown_path(file, folder)}{judged}")
    all_of, rejected = _questions(questions, stdin)
    name = name_of(questions)
    if options["answers_text"]:
        return _by_texts(name, all_of, rejected)
    if given is None and not must_be_judged and not any(one.grades or one.answers for one in all_of):
        empty: dict[str, int] = {}
        return Asked(name, tuple(all_of), (empty,) * len(all_of), None, 0, (), tuple(rejected), judged=False)
    qrels = _of_answers(name, all_of) if given is None else read_qrels(given, stdin)
    kept = [one for one in all_of if one.id in qrels.grades]
    if not kept:
        raise _no_match(name, all_of, qrels)
    there = {one.id for one in all_of}
    return Asked(
        name,
        tuple(kept),
        tuple(qrels.grades[one.id] for one in kept),
        qrels,
        len(all_of) - len(kept),
        tuple(key for key in qrels.grades if key not in there),
        (*rejected, *qrels.rejected),
    )


def shown_path(file: object, folder: str) -> str:
    """Return a file's path, inside of a folder without it."""
    path = Path(str(file))
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(file)


def _questions(questions: Questions, stdin: BinaryIO | None) -> tuple[list[Question], list[Rejected]]:
    """Return all questions, each id once, and the lines that hold none."""
    kept: dict[str, Question] = {}
    rejected: list[Rejected] = []
    for item in rows(questions, stdin):
        if isinstance(item, Rejected):
            rejected.append(item)
        elif item.id in kept:
            reason = f"duplicate id: {kept[item.id].location} has it too"
            rejected.append(Rejected(item.location, reason, item.id, excerpt(item.text)))
        else:
            kept[item.id] = item
    if not kept:
        raise no_question(name_of(questions), rejected)
    return list(kept.values()), rejected


def _of_answers(name: str, questions: Sequence[Question]) -> Qrels:
    """Return the judgments that the questions hold themselves."""
    grades = {
        one.id: {key: max(0, grade) for key, grade in one.grades} or dict.fromkeys(one.answers, 1)
        for one in questions
        if one.grades or one.answers
    }
    if not grades:
        raise ConfigError(
            f"{name} has no judgments: no question has `answers`.",
            text(
                "Name a file of them: ",
                option("qrels", Placeholder("FILE")),
                '; or give each question "answers": ["id of an article"].',
            ),
        )
    return Qrels(name, "answers", grades)


def _by_texts(name: str, questions: Sequence[Question], rejected: Sequence[Rejected]) -> Asked:
    kept = [
        replace(one, answer_texts=one.answer_texts or one.answers)
        for one in questions
        if one.answer_texts or one.answers
    ]
    if not kept:
        raise ConfigError(
            f"{name} holds no text of an answer.",
            'Give each question "answers": ["a text that the right passage holds"].',
        )
    empty: dict[str, int] = {}
    without = len(questions) - len(kept)
    return Asked(name, tuple(kept), (empty,) * len(kept), None, without, (), tuple(rejected))


def _no_match(name: str, questions: Sequence[Question], qrels: Qrels) -> SourceError:
    """Return the error for judgments of other questions, with what probably happened."""
    asked, judged = some(one.id for one in questions), some(qrels.grades)
    what = f"No question of {name} is judged in {qrels.name}: its ids are {judged}, those of the questions {asked}."
    ids = {one.id for one in questions}
    if any(article in ids for of in qrels.grades.values() for article in of):
        hint = "The columns seem to be swapped: the question's id comes first."
    elif not any(one.named for one in questions):
        hint = "The questions have no ids of their own: give each one, as in the judgments."
    else:
        hint = "Both must have the same ids: are these files of one data set, and of one part of it?"
    return SourceError(what, hint)


def some(ids: Any) -> str:
    """Return the first three of some ids, for a message."""
    found = list(ids)
    more = ", ..." if len(found) > _SHOWN else ""
    short = [one if len(one) <= _SHOWN_CHARS else f"{one[:_SHOWN_CHARS]}…" for one in found[:_SHOWN]]
    return ", ".join(map(repr, short)) + more
