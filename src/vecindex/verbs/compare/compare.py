"""Which of several tables finds the right articles: all asked the same questions, compared question by question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from vecindex.core.nulls import mean_of_shares
from vecindex.messages import Message, counted
from vecindex.store.database import Database
from vecindex.types import Observer, Silent
from vecindex.verbs.compare.agreement import PERSISTENCE, overlap_at, rank_biased_overlap
from vecindex.verbs.compare.named import its_commands, opened
from vecindex.verbs.compare.options import CompareOptions, checked_compare
from vecindex.verbs.compare.result import ComparedQuestion, ComparedTable, CompareResult, Pair
from vecindex.verbs.compare.sides import Side, asked_of, check_models, described
from vecindex.verbs.evaluate.asked import Asked, read_asked
from vecindex.verbs.evaluate.evaluate import judgment_counts, notes_on, ranked_question
from vecindex.verbs.evaluate.measures import SHOWN
from vecindex.verbs.evaluate.paired import difference, holm, verdict
from vecindex.verbs.evaluate.result import Difference
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions


def compare(
    database: Database,
    tables: Sequence[str],
    questions: Questions | None,
    options: CompareOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
) -> CompareResult:
    """Return how tables differ over the same questions; see `Index.compare`."""
    options, ranker = checked_compare(tables, questions, options)
    observer = observer or Silent()
    there = opened(database, list(tables))
    check_models(there, options)
    assert questions is not None, "checked above"
    asked = read_asked(questions, options, observer, stdin, must_be_judged=False)
    sides: list[Side] = []
    about: list[ComparedTable] = []
    for one in there:
        with its_commands(one.database, database):
            sides.append(asked_of(one, asked, ranker, options, model, observer))
    for side in sides:
        with its_commands(side.opened.database, database):
            about.append(described(side, sides[0], asked, options, model, observer))
    agreed = [_agreement(sides[0], side) for side in sides[1:]]
    measure = next(iter(sides[0].values), None)
    pairs = _pairs(about, sides, agreed, measure, options["seed"])
    counts = judgment_counts(asked, set.union(*(side.there for side in sides)), options["min_grade"])
    return CompareResult(
        questions_name=asked.name,
        questions=len(asked.questions),
        judged_by=counts if asked.judged else None,
        ranker=str(ranker),
        depth=options["depth"],
        min_grade=options["min_grade"],
        seed=options["seed"],
        measure=measure,
        persistence=PERSISTENCE,
        tables=tuple(about),
        pairs=pairs,
        items=tuple(_items(asked, sides, agreed, measure, options["min_grade"])),
        verdict=" ".join(pair.verdict for pair in pairs),
        notes=tuple(_notes(_judgment_notes(asked, sides, options["min_grade"]), about)),
        rejected=asked.rejected,
    )


Agreement = tuple[list[float], list[float], float]
"""The overlap@10 and the rank-biased overlap of each question, and the share of equal first hits."""


def _agreement(first: Side, other: Side) -> Agreement:
    lists = list(zip(first.ranking.ids, other.ranking.ids, strict=True))
    return (
        [overlap_at(one, two, SHOWN) for one, two in lists],
        [rank_biased_overlap(one, two) for one, two in lists],
        float(np.mean([one[:1] == two[:1] for one, two in lists])),
    )


def _pairs(
    about: Sequence[ComparedTable],
    sides: Sequence[Side],
    agreed: Sequence[Agreement],
    measure: str | None,
    seed: int,
) -> tuple[Pair, ...]:
    found: list[dict[str, Difference]] = [
        {name: difference(values, side.values[name], seed) for name, values in sides[0].values.items()}
        for side in sides[1:]
    ]
    if measure is not None:
        adjusted = holm([differences[measure].p for differences in found])
        for differences, p in zip(found, adjusted, strict=True):
            differences[measure] = replace(differences[measure], p_adjusted=p)
    pairs = []
    for one, differences, (overlaps, rbos, same_first) in zip(about[1:], found, agreed, strict=True):
        overlap, rbo = mean_of_shares(overlaps, seed=seed), mean_of_shares(rbos, seed=seed)
        if measure is None:
            common = f"{SHOWN * overlap.mean:.1f} of the first {SHOWN} hits"
            both = f"{one.name} and {about[0].name}"
            said = f"{both} have {common} in common. Which of them is better only judgments can show."
        else:
            means = {table.name: table.measures[measure].mean for table in (about[0], one)}
            said = verdict(about[0].name, one.name, measure, means, differences[measure])
        pairs.append(Pair(about[0].name, one.name, differences, overlap, rbo, same_first, said))
    return tuple(pairs)


def _items(
    asked: Asked, sides: Sequence[Side], agreed: Sequence[Agreement], measure: str | None, min_grade: int
) -> list[ComparedQuestion]:
    """Return the questions, those that differ most first: by the measure, else by their hits."""
    items = []
    for i, question in enumerate(asked.questions):
        grades = asked.grades[i]
        tables = {}
        for side in sides:
            values = {name: float(v[i]) for name, v in side.values.items()}
            tables[side.opened.name] = ranked_question(side.ranking, i, values, min_grade)
        others = [side.opened.name for side in sides[1:]]
        differences = {}
        if measure is not None:
            differences = {
                side.opened.name: float(side.values[measure][i] - sides[0].values[measure][i]) for side in sides[1:]
            }
        relevant = sum(grade >= min_grade for grade in grades.values()) if asked.qrels is not None else None
        rbo = {name: agreement[1][i] for name, agreement in zip(others, agreed, strict=True)}
        items.append(ComparedQuestion(question.id, question.text, relevant, tables, differences, rbo))

    def most_different(item: ComparedQuestion) -> tuple[float, float, str]:
        return -max(map(abs, item.differences.values()), default=0.0), min(item.rbo.values()), item.id

    return sorted(items, key=most_different)


def _judgment_notes(asked: Asked, sides: Sequence[Side], min_grade: int) -> list[Message]:
    """Return what to know of the judgments, as an evaluation has it."""
    if not asked.judged:
        return []
    there = set.union(*(side.there for side in sides))
    counts = judgment_counts(asked, there, min_grade)
    return notes_on(asked, counts, [side.values for side in sides], [side.opened.name for side in sides])


def _notes(of_judgments: Sequence[Message], about: Sequence[ComparedTable]) -> list[Message]:
    notes: list[Message] = list(of_judgments)
    for one in about[1:]:
        if one.only_here or one.lacks:
            notes.append(
                f"{one.name} has {counted(one.only_here, 'article')} that {about[0].name} has not, and "
                f"lacks {one.lacks:,} of "
                "its articles. What differs may be the articles, not the model."
            )
    return notes
