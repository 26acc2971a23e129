"""A sample of the articles of sources: all judged ones, and of the others a draw that is the same each time."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vecindex.errors import ConfigError
from vecindex.sources.articles import Article, to_article
from vecindex.sources.base import Record
from vecindex.sources.open import open_sources
from vecindex.types import Observer, SourceData
from vecindex.verbs.bench_models.options import BenchModelsOptions
from vecindex.verbs.evaluate.asked import Asked, some
from vecindex.verbs.ingest.fields.settle import LOOK_AHEAD, chooser, report, settle
from vecindex.verbs.ingest.options import IngestOptions, checked_ingest, reading


@dataclass(frozen=True, slots=True)
class Sample:
    """The drawn articles.

    Attributes
    ----------
    rows : with id, title and text, in the order of the draw.
    articles : how many there are in the sources; of repeated ids the first counts.
    judged : drawn because they are judged; `missing` are judged ones that the sources lack.
    rejected : rows of the sources that hold no article.
    """

    rows: tuple[dict[str, str | None], ...]
    articles: int
    judged: int
    missing: int
    rejected: int


def draw(sources: Sequence[SourceData], asked: Asked, options: BenchModelsOptions, observer: Observer) -> Sample:
    """Return all judged articles, and others up to `sample`, those of the smallest digests of id and seed.

    The same sources and seed give the same sample, in whatever order they are read. Memory is that of the sample and
    of all ids. Raises SourceError where the sources cannot be read, ConfigError where they hold no judged article.
    """
    wanted = {key for of in asked.grades for key in of}
    judged: dict[str, Article] = {}
    # The largest digest is first, and goes first.
    others: list[tuple[int, str, Article]] = []
    seen: set[str] = set()
    rejected = 0
    for found in _articles(sources, options, observer):
        if found is None:
            rejected += 1
        elif found.id not in seen:
            seen.add(found.id)
            if found.id in wanted:
                judged[found.id] = found
            else:
                heapq.heappush(others, (-_digest(found.id, options["seed"]), found.id, found))
                if len(others) > options["sample"]:
                    heapq.heappop(others)
    if wanted and not judged:
        theirs = some(sorted(seen)) if seen else "none"
        raise ConfigError(
            f"No judged article is in the sources ({len(wanted):,} are judged): their ids are "
            f"{some(sorted(wanted))}, those of the sources {theirs}.",
            "Is another field the id? Or do the judgments belong to other articles?",
        )
    room = max(0, options["sample"] - len(judged))
    drawn = [one for _, _, one in sorted(others, key=lambda other: (-other[0], other[1]))[:room]]
    rows = tuple({"id": a.id, "title": a.title, "text": a.text} for a in [*judged.values(), *drawn])
    return Sample(rows, len(seen), len(judged), len(wanted) - len(judged), rejected)


def _articles(
    sources: Sequence[SourceData], options: BenchModelsOptions, observer: Observer
) -> Iterator[Article | None]:
    """Yield each article as an ingest would read it, None for a row that holds none."""
    given: IngestOptions = checked_ingest({"id_field": options["id_field"], "text_field": options["text_field"]})
    named = [name for name in (options["id_field"], options["text_field"]) if name]
    opened = open_sources(sources, text_fields=named, notice=observer.notice, reading=reading(given))
    choose = chooser(given, None, None)
    settled = settle(opened, choose, LOOK_AHEAD)
    report(settled, observer)
    for one in settled.sources:
        if one.fields is None:
            continue
        for item in one.source.read() if one.head is None else one.head.items():
            if isinstance(item, Record):
                found = to_article(item, one.fields)
                yield found if isinstance(found, Article) else None


def _digest(key: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest())
