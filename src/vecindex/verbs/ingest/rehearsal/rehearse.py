"""Counts what an ingest would do and estimates its time and disk. Nothing is written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vecindex.sources.samples.sample import sample_of
from vecindex.sources.sampling import Spaced
from vecindex.types import Basis
from vecindex.verbs.ingest.given.vectors import settle_fingerprint
from vecindex.verbs.ingest.known.recent import RecentTexts
from vecindex.verbs.ingest.plan import Planner
from vecindex.verbs.ingest.prepare import Preparer
from vecindex.verbs.ingest.rate import Rate, measure_rate
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.run import Run
from vecindex.verbs.languages import MUCH_UNKNOWN

_TEXTS = 1_000
"""Texts whose lengths stand for those of all that are to be embedded."""
_ROWS = ("added", "changed", "skipped", "rejected", "older", "deleted", "left_out")
_COUNTS = (*_ROWS, "vectors", "repeated")
_USUAL_DIMENSION = 384
"""Of vectors as long as no table and no model says."""


@dataclass(slots=True)
class _Part:
    """What was counted of one source, and how many rows stand behind each."""

    report: IngestReport
    weight: float = 1.0
    stored: int = 0
    """Rows that the table would get."""
    text_bytes: int = 0
    reading_s: float = 0.0
    texts: Spaced[str] = field(default_factory=lambda: Spaced[str](_TEXTS))
    """Some of those that are to be embedded."""


def rehearse(run: Run, planner: Planner, preparer: Preparer) -> None:
    """Plan the rows of `planner`'s sources, samples or whole ones, and estimate what all rows come to.

    Sets `run.report` and reports the estimate. Raises as the run would.
    """
    run.may_recall()
    parts, sampled, beginnings, known = list[_Part](), False, list[str](), True
    recent = RecentTexts(run.fingerprint.dimension if run.fingerprint else _USUAL_DIMENSION)
    for settled in planner.sources:
        before_s = run.report.seconds.reading
        part = _Part(IngestReport(run.name, seconds=run.report.seconds))
        own = replace(planner, sources=[settled], report=part.report)
        # The vectors of the first rows are compared with the model, as by the run.
        _count(run, own, preparer, part, recent, is_settled=any(part.stored for part in parts))
        parts.append(part)
        if run.stop() and not own.complete:
            run.report.interrupted = True
            break
        part.reading_s = run.report.seconds.reading - before_s
        sample = sample_of(settled.source)
        if sample is not None and not sample.is_whole:
            sampled, known = True, known and sample.weight is not None
            part.weight = sample.weight or 1.0
            beginnings += [] if sample.spread else [sample.name]
    n_read = sum(part.report.read for part in parts)
    _add_up(run.report, parts)
    if run.report.interrupted:
        return
    if not sampled and planner.drop is None:
        run.report.missing = planner.registry.n_unmet
    _estimate(run, parts, n_read if sampled else None, known, beginnings)


def _count(
    run: Run, planner: Planner, preparer: Preparer, part: _Part, recent: RecentTexts, is_settled: bool
) -> None:
    """Plan the rows of one source."""
    for transaction in planner.transactions(run.stop):
        if run.precomputed and transaction.rows and not is_settled:
            settle_fingerprint(run, transaction.rows)
            is_settled = True
        preparer.check_fields(planner, transaction, run.fingerprint.dimension if run.fingerprint else 0)
        changed = sum(row.stored_hash is not None for row in transaction.rows)
        part.report.changed += changed
        part.report.added += len(transaction.rows) - changed
        part.stored += transaction.n_vectors
        part.text_bytes += sum(len(text.encode()) for row in transaction.rows for text in row.texts)
        for row in transaction.rows:
            if not preparer.keeps_vector(row):
                part.report.vectors += len(row.texts)
                for text in row.embed_texts:
                    part.texts.add(text)
                    part.report.repeated += not run.precomputed and recent.meet(text)
        run.rows_done += transaction.read
        run.report_progress()


def _add_up(report: IngestReport, parts: Sequence[_Part]) -> None:
    """Set the counts of a report to those of all parts, each times what stands behind it."""
    for name in _COUNTS:
        setattr(report, name, round(sum(part.weight * getattr(part.report, name) for part in parts)))
    for reasons in ("reject_reasons", "left_out_reasons"):
        found = dict[str, float]()
        for part in parts:
            for reason, n in getattr(part.report, reasons).items():
                found[reason] = found.get(reason, 0.0) + n * part.weight
        setattr(report, reasons, {reason: max(1, round(n)) for reason, n in found.items()})
    # Each is rounded, and the sum holds.
    report.read = sum(getattr(report, name) for name in _ROWS)


def _estimate(run: Run, parts: Sequence[_Part], sampled: int | None, known: bool, beginnings: list[str]) -> None:
    """Measure the rate and report the estimate; `known` is whether all sources know how many rows they have."""
    report = run.report
    texts = _mixed(parts)
    rate = _measured(run, texts) if texts and not run.precomputed else None
    seconds = texts_per_s = None
    if rate is not None:
        texts_per_s = rate.texts_per_s
        reading_s = sum(part.weight * part.reading_s for part in parts)
        # Of a sample they are made at most: the more rows, the more of their texts are equal.
        made = report.vectors - report.repeated
        # The threads of the run read and tokenize while the model is busy.
        seconds = rate.load_s + max(made / texts_per_s, reading_s + report.vectors * rate.tokenize_s)
        report.unknown = _count_unknown(rate, report.vectors)
    stored = sum(part.weight * part.stored for part in parts)
    text_bytes = sum(part.weight * part.text_bytes for part in parts) / max(1, stored)
    basis = Basis(sampled, rate.probed if rate else 0, beginnings, rate.remembered if rate else None)
    rows = report.vectors if known else None
    unknown = None if rate is None else _unknown_frac(rate)
    run.report_estimate(rows, sampled is None, texts_per_s, text_bytes, seconds, basis, unknown)


def _measured(run: Run, texts: Sequence[str]) -> Rate:
    """Return the rate of texts, equal ones embedded once, with what the model knows of each."""
    numbers: dict[str, int] = {}
    which = [numbers.setdefault(text, len(numbers)) for text in texts]
    rate = measure_rate(run, list(numbers))
    unknown = None if rate.unknown is None else rate.unknown[which]
    return replace(rate, unknown=unknown, counts=rate.counts[which])


def _count_unknown(rate: Rate, vectors: int) -> int:
    """Return how many of all texts the model knows little of, as far as those of the sample are like them.

    A text of which it knows nothing would be rejected, and is among them.
    """
    return 0 if rate.unknown is None else round(vectors * float((rate.unknown >= MUCH_UNKNOWN).mean()))


def _unknown_frac(rate: Rate) -> float:
    """Return the share of the sample's tokens that the model does not know."""
    return 0.0 if rate.unknown is None else float(np.average(rate.unknown, weights=np.maximum(rate.counts, 1)))


def _mixed(parts: Sequence[_Part]) -> list[str]:
    """Return texts of all parts, of each as many as it has of all that are to be embedded."""
    vectors = [part.weight * part.report.vectors for part in parts]
    mixed = []
    for part, n in zip(parts, vectors, strict=True):
        texts = part.texts.items
        wanted = min(len(texts), math.ceil(_TEXTS * n / sum(vectors))) if texts else 0
        mixed += [texts[i * len(texts) // wanted] for i in range(wanted)]
    return mixed
