"""What `overlap` does besides measuring: the experiments, and the nested samples of `--what-if`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from vecindex.core.neighbors import Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.plane import Plane
from vecindex.verbs.overlap.asked import Asked
from vecindex.verbs.overlap.causes.experiments import Experiment, weighed
from vecindex.verbs.overlap.causes.verdicts import Verdict
from vecindex.verbs.overlap.causes.what_if_result import WhatIf
from vecindex.verbs.overlap.explain import Embed, Explainer, cheap_experiments
from vecindex.verbs.overlap.measure import Lookup, Placed, Space
from vecindex.verbs.overlap.options import DEPTH
from vecindex.verbs.overlap.result import MapOverlap, SpaceFacts
from vecindex.verbs.overlap.what_if import NestedSearch, what_if_corpus
from vecindex.verbs.reader import OverlapReader


class Collector(Protocol):
    """Takes part in the pass over the vectors."""

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take the rows and vectors of a block."""


class Extras:
    """The parts that a run of `overlap` was asked for, and what they need of each step."""

    def __init__(
        self,
        reader: OverlapReader,
        asked: Asked,
        seed: int,
        *,
        embed: Embed | None,
        what_if: bool,
        topics: Any,
    ) -> None:
        """Make ready for the pass over the vectors; `embed` is None unless asked to explain.

        `topics` is the column of the articles' topics, see `overlap_topics.topic_column`.
        """
        self._reader, self._topics = reader, topics
        self._explainer = Explainer(reader, asked.set, embed, seed) if embed is not None else None
        depth = min(DEPTH, reader.n)
        self._nested = NestedSearch(asked.vectors, reader.n, depth, seed, reader.articles) if what_if else None

    @property
    def collectors(self) -> list[Collector]:
        """What takes part in the pass over the vectors."""
        return [part for part in (self._nested, self._explainer) if part is not None]

    def facts(self, facts: SpaceFacts, space: Space) -> SpaceFacts:
        """Return the facts with what pseudo-questions tell."""
        return facts if self._explainer is None else self._explainer.facts(facts, space)

    def experiments(
        self,
        best: MapOverlap | None,
        space: Space,
        facts: SpaceFacts,
        planes: Mapping[str, Plane],
        placed: Mapping[str, Sequence[Placed]],
        lookup: Lookup,
    ) -> list[Experiment]:
        """Return the experiments on the best map and in embedding space."""
        found = [] if best is None else cheap_experiments(best, space, placed[best.name], lookup)
        if self._explainer is not None:
            plane = None if best is None else planes[best.name]
            found += self._explainer.experiments(self._reader, space, facts, plane)
        return found

    def what_if(
        self,
        measured: Sequence[MapOverlap],
        space: Space,
        planes: Mapping[str, Plane],
        placed: Mapping[str, Sequence[Placed]],
    ) -> WhatIf | None:
        """Return the figures of the nested samples, the best map's first."""
        if self._nested is None:
            return None
        in_order = {found.name: planes[found.name] for found in measured}
        return what_if_corpus(self._reader, space, self._nested, in_order, placed, self._topics)


def with_weighed_causes(
    measured: Sequence[MapOverlap], causes: Sequence[Verdict], experiments: Sequence[Experiment]
) -> tuple[list[MapOverlap], tuple[Verdict, ...]]:
    """Return the maps and the causes, those of the best map weighed by the experiments, which were made on it."""
    told = weighed(causes, experiments)
    return [replace(found, causes=told) if i == 0 else found for i, found in enumerate(measured)], told
