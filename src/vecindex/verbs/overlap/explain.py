"""Experiments for and against the causes: those that cost nothing, and those of `explain`, which take more time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.nulls import bootstrap_mean, rank_correlation
from vecindex.core.overlap import distinct_ratio, snap_floor
from vecindex.core.pca import Covariance
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.verbs.overlap.causes.experiments import (
    Experiment,
    breadth_experiment,
    hub_experiment,
    merging_experiment,
    placement_experiment,
    pseudo_experiment,
    stale_experiment,
)
from vecindex.verbs.overlap.causes.pseudo import MIN_KNOWN, known_share, pseudo_questions
from vecindex.verbs.overlap.measure import Placed, Space, VectorsOf, hubs_of, map_agreement, self_recall
from vecindex.verbs.overlap.result import MapOverlap, SpaceFacts
from vecindex.verbs.overlap.space import cohesions, csls, local_density, percentiles, share_held_by
from vecindex.verbs.reader import TableReader

PSEUDO_QUESTIONS = 150
_MAX_CHARS = 2_000
_AT_ONCE = 2_000

Embed = Callable[[Sequence[str]], F32]
"""Turns texts into unit vectors (q, d) as the real questions were."""


class Explainer:
    """What `explain` gathers: pseudo-questions and the covariance in the first pass, the rest in one more.

    Where articles are counted in a table of chunks, articles are drawn, and each lends the words of its first chunk;
    the principal components are those of the rows. Memory is the vectors of 150 pseudo-questions, d x d sums, a
    position and a density for each row, and one block.
    """

    def __init__(self, reader: TableReader, asked: QuestionSet, embed: Embed, seed: int) -> None:
        """Word stored articles as the questions are, and embed them; nothing of it is kept in the store."""
        # A draw of its own: the sample whose distances are the measure is another one.
        drawn = np.random.default_rng([seed, 1]).permutation(reader.n)[:PSEUDO_QUESTIONS].astype(np.int64)
        if reader.articles is not None:
            drawn = np.unique(reader.articles, return_index=True)[1][drawn]
        titles, texts = reader.values(drawn, "title"), reader.values(drawn, "text")
        articles = [(titles[int(row)], str(texts[int(row)])[:_MAX_CHARS]) for row in drawn]
        words = [question.text for question in asked.questions]
        self.known = known_share(words, [f"{title or ''} {text}" for title, text in articles])
        made = pseudo_questions(words, articles, seed)
        self._search = ExactSearch(embed(made), 1) if made else None
        self._covariance = Covariance(reader.table.fingerprint.dimension)

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take a block of the first pass."""
        if self._search is not None:
            self._search.add(rows, vectors)
        self._covariance.add(vectors)

    def facts(self, facts: SpaceFacts, space: Space) -> SpaceFacts:
        """Return the facts with the percentile of the pseudo-questions, where their words could be exchanged."""
        if self._search is None or not self.known >= MIN_KNOWN:
            return facts
        return replace(facts, pseudo_percentile=self._percentile(space))

    def experiments(
        self, reader: TableReader, space: Space, facts: SpaceFacts, plane: Plane | None
    ) -> list[Experiment]:
        """Return the costly experiments; `plane` is the best map. Reads the vectors once more."""
        found = [self._pseudo(space, facts)]
        projected, density = self._second_pass(reader, space)
        found.append(_hubs(space, facts, density))
        if plane is not None and len(plane) > 1:
            found.append(_stale(space, plane, Plane(projected, space.articles)))
        return found

    def _percentile(self, space: Space) -> float:
        return float(np.median(percentiles(self._distances(), space.own_dist)))

    def _distances(self) -> F64:
        return self._search.result().dist[:, 0] if self._search is not None else np.empty(0)

    def _pseudo(self, space: Space, facts: SpaceFacts) -> Experiment:
        if self._search is None:
            return pseudo_experiment(float("nan"), float("nan"), facts.nearest_percentile, self.known, 0)
        rank = float(np.median(percentiles(space.near.dist[:, 0], self._distances())))
        asked = len(self._search.queries)
        return pseudo_experiment(self._percentile(space), rank, facts.nearest_percentile, self.known, asked)

    def _second_pass(self, reader: TableReader, space: Space) -> tuple[F64, F64]:
        """Return all rows' positions by PCA (rows, 2), and the candidates' local density (rows,), NaN for others."""
        mean, axes = self._covariance.axes()
        candidate = np.zeros(reader.rows, dtype=np.bool_)
        candidate[space.near.rows[space.near.rows != NO_ROW]] = True
        xy, density = np.empty((reader.rows, 2)), np.full(reader.rows, np.nan)
        sampled = space.counted(space.sample)
        for rows, block in reader.blocks():
            xy[rows] = (block.astype(np.float64) - mean) @ axes
            wanted = np.flatnonzero(candidate[rows])
            for at in range(0, len(wanted), _AT_ONCE):
                part = wanted[at : at + _AT_ONCE]
                these = rows[part]
                density[these] = local_density(block[part], space.sample_vectors, space.counted(these), sampled)
        return xy, density


def cheap_experiments(
    best: MapOverlap, space: Space, placed: Sequence[Placed], vectors_of: VectorsOf
) -> list[Experiment]:
    """Return the experiments on a map that need nothing but what was measured; of a ranker's hits none.

    They are about the nearest by vectors.
    """
    if space.meant is not None:
        return []
    rows, (best_positions, baseline) = space.near.rows[:, : space.k], (p.values["overlap"] for p in placed)
    gain = bootstrap_mean(best_positions - baseline, space.asked.topics, seed=space.seed)
    correlation = rank_correlation(cohesions(rows, vectors_of), best_positions, space.asked.topics, seed=space.seed)
    return [
        placement_experiment(
            gain, best.search.overlap.mean, best.median.overlap.mean, snap_floor(space.k), best.targets_outside
        ),
        merging_experiment(best.search.overlap.mean, best.search.merged),
        breadth_experiment(correlation, len(rows)),
    ]


def _hubs(space: Space, facts: SpaceFacts, density: F64) -> Experiment:
    ranked = csls(space.near, np.nan_to_num(density))
    lists = space.counted(ranked.rows)
    return hub_experiment(
        (facts.distinct_ratio, distinct_ratio(lists, space.k)),
        (facts.hub_share, share_held_by(lists[:, : space.k], hubs_of(space)[1])),
    )


def _stale(space: Space, stored: Plane, projected: Plane) -> Experiment:
    def figures(plane: Plane) -> tuple[float, float]:
        return float(self_recall(space, plane).mean()), map_agreement(space, plane)

    return stale_experiment(figures(stored), figures(projected))
