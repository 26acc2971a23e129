"""A sample of the articles, embedded by each model, asked the same questions; and which model to take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import BinaryIO, cast

from vecindex.embed.encoders import find
from vecindex.errors import Interrupted
from vecindex.messages import Message, counted
from vecindex.store.database import Database
from vecindex.types import Observer, Silent, SourceData
from vecindex.verbs.bench_models.options import BenchModelsOptions, checked_bench_models
from vecindex.verbs.bench_models.result import BenchedModel, BenchModelsResult, SampleFacts
from vecindex.verbs.bench_models.sample import Sample, draw
from vecindex.verbs.compare.compare import compare
from vecindex.verbs.compare.options import CompareOptions
from vecindex.verbs.compare.result import CompareResult
from vecindex.verbs.evaluate.asked import read_asked
from vecindex.verbs.evaluate.paired import is_shown
from vecindex.verbs.ingest.ingest import ingest
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.run import Stop
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions


def bench_models(
    database: Database,
    sources: Sequence[SourceData],
    questions: Questions | None,
    options: BenchModelsOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stop: Stop | None = None,
    stdin: BinaryIO | None = None,
) -> BenchModelsResult:
    """Return which of several models to take; see `Index.bench_models`."""
    options, models = checked_bench_models(sources, questions, options)
    observer = observer or Silent()
    assert questions is not None, "checked above"
    for name in models:
        # Before any is embedded by: a slip in the last name would cost the time of all others.
        find(name)
    asked = read_asked(questions, options, observer, stdin)
    given = [{"id": q.id, "text": q.text, "answer": list(q.answer_texts)} for q in asked.questions]
    sample = draw(sources, asked, options, observer)
    observer.notice(
        f"{len(sample.rows):,} of {counted(sample.articles, 'article')}, {sample.judged:,} of them "
        f"judged, by each model"
    )
    tables = _tables(models)
    embedded = {name: _embed(database, tables[name], name, sample, options, observer, stop) for name in models}
    grades = {q.id: of for q, of in zip(asked.questions, asked.grades, strict=True)}
    how: CompareOptions = {
        "maps": False,
        "qrels": None if asked.by_texts else grades,
        "answers_text": options["answers_text"],
        "min_grade": options["min_grade"],
        "depth": options["depth"],
        "seed": options["seed"],
        "device": options["device"],
        "trust_remote_code": options["trust_remote_code"],
    }
    found = compare(database, [tables[name] for name in models], given, how, model, observer)
    assert found.measure is not None, "the questions are judged"
    best = max(found.tables, key=lambda one: one.measures[str(found.measure)].mean).name
    if best != tables[models[0]]:
        others = [table for table in tables.values() if table != best]
        found = compare(database, [best, *others], given, how, model, observer)
    about = {one.name: one for one in found.tables}
    benched = tuple(
        BenchedModel(
            name,
            tables[name],
            about[tables[name]].measures[str(found.measure)].mean,
            about[tables[name]].dimension,
            embedded[name],
            about[tables[name]].texts_per_s,
        )
        for name in models
    )
    chosen, reasons = recommended(benched, found)
    return BenchModelsResult(
        database=database.uri,
        sample=SampleFacts(len(sample.rows), sample.articles, sample.judged, sample.missing, sample.rejected),
        models=benched,
        recommended=chosen,
        reasons=tuple(reasons),
        limits=tuple(_limits(sample, found)),
        compared=found,
    )


def _tables(models: Sequence[str]) -> dict[str, str]:
    """Return a table's name for each model."""
    found: dict[str, str] = {}
    for name in models:
        base = re.sub(r"[^A-Za-z0-9_.-]+", "-", name.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1])
        base = f"bench-{base.strip('-.') or 'model'}"
        again = sum(one == base or one.startswith(f"{base}-") for one in found.values())
        found[name] = f"{base}-{again + 1}" if again else base
    return found


def _embed(
    database: Database,
    table: str,
    name: str,
    sample: Sample,
    options: BenchModelsOptions,
    observer: Observer,
    stop: Stop | None,
) -> int:
    """Bring a model's table up to date with the sample, and return how many articles were embedded."""
    observer.notice(f"embedding by {name}")
    wanted = {
        "model": name,
        "id_field": "id",
        "text_field": "text",
        "title_field": "title",
        "prune": True,
        "device": options["device"],
        "trust_remote_code": options["trust_remote_code"],
    }
    done = ingest(
        database, table, [list(sample.rows)], cast("IngestOptions", wanted), observer, stop, name="the sample"
    )
    if done.interrupted:
        raise Interrupted(f"Stopped while the sample was embedded by {name}.", "The same command goes on from there.")
    return done.added + done.changed


def recommended(models: Sequence[BenchedModel], found: CompareResult) -> tuple[str, list[Message]]:
    """Return which model to take, and why: the best, or the fastest of those that are not shown to be worse.

    `found` compares the best one with each other one.
    """
    measure, by_table = str(found.measure), {one.table: one for one in models}
    best = by_table[found.tables[0].name]
    reasons: list[Message] = [f"{best.name} has the highest {measure}, {best.mean:.3f}."]
    alike = [best]
    for pair in found.pairs:
        one, change = by_table[pair.other], pair.differences[measure]
        ends = f"{change.mean:+.3f}"
        ends += f" ({change.low:+.3f} to {change.high:+.3f})" if change.low == change.low else " (of one question)"
        if is_shown(change):
            reasons.append(f"{one.name} finds less: {ends}.")
        else:
            reasons.append(f"{one.name} is not shown to be worse: {ends}.")
            alike.append(one)
    chosen = max(alike, key=lambda one: (one.texts_per_s or 0.0, -one.dimension, one.mean))
    if chosen is not best:
        faster = (chosen.texts_per_s or 0.0) / (best.texts_per_s or 1.0) if best.texts_per_s else None
        how = f"{faster:.1f} times as many texts a second" if faster else "more texts a second"
        reasons.append(f"Of these {chosen.name} is the fastest here: {how}, {chosen.dimension:,} values a vector.")
    return chosen.name, reasons


def _limits(sample: Sample, found: CompareResult) -> list[Message]:
    """Return what the sample cannot show."""
    limits: list[Message] = []
    if len(sample.rows) < sample.articles:
        limits.append(
            f"The sample has {len(sample.rows):,} of {counted(sample.articles, 'article')}. With fewer "
            f"wrong ones to find, "
            "every measure is higher than on all of them, and close models may change their order."
        )
    if found.judged_by is not None and found.judged_by.form == "answer texts":
        limits.append("Passages that hold an answer may not be in the sample: judgments by ids would put them there.")
    if sample.missing:
        missing = counted(sample.missing, "judged article is", "judged articles are")
        limits.append(f"{missing} not in the sources, and counted as not found.")
    widest = max(pair.differences[str(found.measure)].detectable for pair in found.pairs)
    if widest == widest:
        limits.append(
            f"{counted(found.questions, 'question does', 'questions do')} not show differences below "
            f"about {widest:.3f}."
        )
    limits.append("Speed is that of this machine on these texts.")
    return limits
