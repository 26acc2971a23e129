"""How well a table finds the right articles of questions: ranked, judged, and measured with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.nulls import mean_of_shares
from vecindex.errors import ConfigError
from vecindex.messages import Message, Placeholder, command, counted, percent, text
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.search import Found
from vecindex.types import Observer, Silent
from vecindex.verbs.cluster.blocks import reached
from vecindex.verbs.evaluate.asked import Asked, read_asked, some
from vecindex.verbs.evaluate.kept import keep
from vecindex.verbs.evaluate.measures import HOLES, MEASURES, OF_TEXTS, first_relevant, measured
from vecindex.verbs.evaluate.options import EvaluateOptions, checked_evaluate, workers_of
from vecindex.verbs.evaluate.paired import difference, holm, is_shown
from vecindex.verbs.evaluate.ranking import Ranking, Searched, ranked, vectors_of
from vecindex.verbs.evaluate.result import (
    Against,
    EvaluatedQuestion,
    EvaluateResult,
    JudgedHit,
    JudgmentCounts,
    RankedQuestion,
    RankerFigures,
)
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions
from vecindex.verbs.search.finder import Source
from vecindex.verbs.search.rankers import Ranker

_MANY_HOLES = 0.2
_FEW_QUESTIONS = 30


def evaluate(
    database: Database,
    name: str,
    questions: Questions | None,
    options: EvaluateOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
    held: Source | None = None,
) -> EvaluateResult:
    """Return how well a table finds the right articles; see `Index.evaluate`.

    `held` keeps the vectors in memory from call to call.
    """
    options, rankers = checked_evaluate(questions, options)
    observer, workers = observer or Silent(), workers_of(options, rankers)
    table = database.articles(name, options["at"])
    # Opened before the work: its tag may be misspelled.
    before = None if options["against"] is None else database.articles(name, options["against"])
    assert questions is not None, "checked above"
    asked = read_asked(questions, options, observer, stdin)
    if not table.count():
        raise ConfigError(
            f"{table.where} holds no rows.", text("Fill it: ", command("ingest", Placeholder("SOURCE")))
        )
    there = known_articles(table)
    check_known(asked, there, table)
    then = None
    with reached(workers):
        searched = Searched(database, table, options["at"], model, options, workers=workers, held=held)
        now = _measured(searched, asked, rankers, options, observer)
        if options["against"] is not None and before is not None:
            searched = replace(searched, table=before, at=options["against"])
            then = _measured(searched, asked, rankers, options, observer)
    rankings, values = now.rankings, now.values
    counts = judgment_counts(asked, there, options["min_grade"])
    against = None
    if options["against"] is not None and then is not None:
        against = _against(options["against"], rankers, then.values, values, options["seed"])
    result = EvaluateResult(
        table=name,
        model=table.fingerprint.model,
        at=options["at"],
        articles=len(there),
        by_chunks=table.fingerprint.chunking is not None,
        questions_name=asked.name,
        questions=len(asked.questions),
        judged_by=counts,
        depth=options["depth"],
        min_grade=options["min_grade"],
        seed=options["seed"],
        embed_s=now.embed_s,
        rankers=tuple(
            RankerFigures(
                str(one.ranker),
                {measure: mean_of_shares(v, seed=options["seed"]) for measure, v in of.items()},
                one.seconds,
                sum(not ids for ids in one.ids),
            )
            for one, of in zip(rankings, values, strict=True)
        ),
        items=tuple(_items(asked, there, rankings, values, options["min_grade"])),
        notes=tuple(notes_on(asked, counts, values, [str(ranker) for ranker in rankers])),
        rejected=asked.rejected,
        against=against,
    )
    keep(database, result, asked, table, observer)
    return result


@dataclass(frozen=True, slots=True)
class _Measured:
    """The rankings of all questions, their measures (q,), and the seconds of their vectors."""

    rankings: list[Ranking]
    values: list[dict[str, F64]]
    embed_s: float


def _measured(
    searched: Searched, asked: Asked, rankers: Sequence[Ranker], options: EvaluateOptions, observer: Observer
) -> _Measured:
    vectors, embed_s = np.empty((len(asked.questions), 0), dtype=np.float32), 0.0
    if any(ranker.by_meaning for ranker in rankers):
        vectors, embed_s = vectors_of(searched.database, asked, searched.table, options, searched.model, observer)
    rankings = ranked(searched, asked, rankers, options["depth"], vectors, observer)
    return _Measured(rankings, [measures_of(one, asked, options["min_grade"]) for one in rankings], embed_s)


def _against(
    tag: str,
    rankers: Sequence[Ranker],
    then: Sequence[dict[str, F64]],
    now: Sequence[dict[str, F64]],
    seed: int,
) -> Against:
    """Return what has changed since a tag, by the measure that decides."""
    measure = next(iter(now[0]))
    found = [difference(one[measure], other[measure], seed) for one, other in zip(then, now, strict=True)]
    adjusted = holm([one.p for one in found])
    names = [str(ranker) for ranker in rankers]
    differences = {name: replace(one, p_adjusted=p) for name, one, p in zip(names, found, adjusted, strict=True)}
    fell = tuple(name for name, one in differences.items() if one.mean < 0 and is_shown(one))
    means = {name: float(of[measure].mean()) for name, of in zip(names, then, strict=True)}
    return Against(tag, measure, means, differences, fell)


def known_articles(table: ArticleTable) -> set[str]:
    """Return the ids of all articles of a table."""
    column = "id" if table.fingerprint.chunking is None else "article_id"
    return {key for batch in table.scan([column]) for key in batch.column(0).to_pylist()}


def check_known(asked: Asked, there: set[str], table: ArticleTable) -> None:
    """Raise ConfigError where no judged article is in the table, with what probably happened."""
    judged = dict.fromkeys(key for of in asked.grades for key in of)
    if not judged or any(key in there for key in judged):
        return
    assert asked.qrels is not None, "texts of answers judge nothing beforehand"
    what = (
        f"No article that {asked.qrels.name} judges is in {table.where} ({len(judged):,} are judged): their ids are "
        f"{some(judged)}, those of the table {some(sorted(there))}."
    )
    if any(key in there for key in asked.qrels.grades):
        hint: Message = "The columns seem to be swapped: the question's id comes first, then the article's."
    elif {key.lstrip("0") for key in judged} & {key.lstrip("0") for key in there}:
        hint = "The ids differ by zeros at their beginning: write them in both as in the articles' files."
    else:
        hint = text(
            "Is it another table? Or were the articles ingested with another field as their id? It is chosen by: ",
            command("ingest", Placeholder("SOURCE"), id_field=Placeholder("FIELD"), table=Placeholder("NAME")),
        )
    raise ConfigError(what, hint)


def measures_of(one: Ranking, asked: Asked, min_grade: int) -> dict[str, F64]:
    """Return the measures (q,) of a ranking; by texts of answers only those that need no more than the hits."""
    if not asked.judged:
        return {}
    if asked.by_texts:
        found = measured(one.ids, one.grades)
        return {name: found[name] for name in OF_TEXTS}
    found = measured(one.ids, one.grades, min_grade)
    return {name: found[name] for name in MEASURES}


def judgment_counts(asked: Asked, there: set[str], min_grade: int) -> JudgmentCounts:
    """Return what of the judgments could be used."""
    relevant = [[key for key, grade in of.items() if grade >= min_grade] for of in asked.grades]
    qrels = asked.qrels
    return JudgmentCounts(
        source=asked.name if qrels is None else qrels.name,
        form="answer texts" if qrels is None else qrels.form,
        judgments=sum(map(len, asked.grades)),
        relevant=sum(map(len, relevant)),
        unknown_articles=len({key for of in asked.grades for key in of if key not in there}),
        unknown_relevant=len({key for of in relevant for key in of if key not in there}),
        unknown_questions=len(asked.unknown),
        without=asked.without,
        none_relevant=0 if qrels is None else sum(not of for of in relevant),
        repeated=0 if qrels is None else qrels.repeated,
    )


def _items(
    asked: Asked,
    there: set[str],
    rankings: Sequence[Ranking],
    values: Sequence[Mapping[str, F64]],
    min_grade: int,
) -> list[EvaluatedQuestion]:
    items = []
    for i, question in enumerate(asked.questions):
        relevant = [key for key, grade in asked.grades[i].items() if grade >= min_grade]
        items.append(
            EvaluatedQuestion(
                id=question.id,
                text=question.text,
                relevant=None if asked.by_texts else len(relevant),
                missing=sum(key not in there for key in relevant),
                rankers={
                    str(one.ranker): ranked_question(one, i, {name: float(v[i]) for name, v in of.items()}, min_grade)
                    for one, of in zip(rankings, values, strict=True)
                },
            )
        )
    return items


def ranked_question(one: Ranking, i: int, measures: dict[str, float], min_grade: int) -> RankedQuestion:
    """Return what a ranker found of question i."""
    grades = one.grades[i]
    hits = [judged_hit(rank, hit, grades) for rank, hit in enumerate(one.shown[i], 1)]
    return RankedQuestion(measures, first_relevant(one.ids[i], grades, min_grade), tuple(hits))


def judged_hit(rank: int, found: Found, grades: Mapping[str, int]) -> JudgedHit:
    """Return a hit with its grade."""
    row = found.row
    article: str = row["article_id"] if "article_id" in row else row["id"]
    chunk: str | None = row["id"] if "article_id" in row else None
    return JudgedHit(
        rank, article, chunk, row["title"], found.dist, found.relevance, found.score, grades.get(article)
    )


def notes_on(
    asked: Asked, counts: JudgmentCounts, values: Sequence[Mapping[str, F64]], names: Sequence[str]
) -> list[Message]:
    """Return what to know before the figures are used, the gravest first.

    `values` are the measures of what is called by `names`: rankers, or tables.
    """
    notes: list[Message] = []
    n = len(asked.questions)
    if asked.by_texts:
        notes.append(
            "Judged by texts of answers: a passage may hold one by chance, or answer in other words. This is weaker "
            "than judgments; recall, nDCG and MAP need those."
        )
    if counts.unknown_relevant:
        unknown = counted(counts.unknown_relevant, "relevant article is", "relevant articles are")
        notes.append(f"{unknown} not in the table, and counted as not found.")
    if counts.without:
        notes.append(
            f"{counted(counts.without, 'question has', 'questions have')} no judgment: not counted in any figure."
        )
    if counts.unknown_questions:
        unknown = counted(counts.unknown_questions, "judged question is", "judged questions are")
        notes.append(f"{unknown} not among the questions.")
    if counts.none_relevant:
        notes.append(
            f"{counted(counts.none_relevant, 'question has', 'questions have')} no relevant article: counted as 0."
        )
    if counts.repeated:
        repeated = counted(counts.repeated, "pair is", "pairs are")
        notes.append(f"{repeated} judged again with another grade. The last one counts.")
    holes = [float(np.mean(of[HOLES])) for of in values if HOLES in of]
    if holes and max(holes) > _MANY_HOLES and counts.form != "answers":
        name = names[int(np.argmax(holes))]
        notes.append(
            f"{percent(max(holes))} of the first 10 hits by {name} were never judged, and count as wrong. A ranker "
            "that the judges did not see may be better than it looks."
        )
    if n < _FEW_QUESTIONS:
        notes.append(f"{counted(n, 'question is', 'questions are')} few: see the intervals.")
    return notes
