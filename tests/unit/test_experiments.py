"""Experiments: each outcome on both sides of its margins, and the measures behind them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from vecindex.core.neighbors import Neighbors
from vecindex.core.nulls import Interval, rank_correlation
from vecindex.core.pca import Covariance
from vecindex.core.vectors import normalize
from vecindex.verbs.overlap.causes.experiments import (
    Experiment,
    Outcome,
    bearing_on,
    breadth_experiment,
    hub_experiment,
    merging_experiment,
    outcome_in_words,
    placement_experiment,
    pseudo_experiment,
    stale_experiment,
    weighed,
)
from vecindex.verbs.overlap.causes.verdicts import Cause, Confidence, Verdict
from vecindex.verbs.overlap.space import csls, local_density, topic_precision

YES, NO, MAYBE = Outcome.SUPPORTS, Outcome.REFUTES, Outcome.UNDECIDED


def interval(mean: float, low: float, high: float) -> Interval:
    return Interval(mean, low, high, 0.95, "question")


@pytest.mark.parametrize(
    ("percentile", "real", "known", "asked", "outcome"),
    [
        (97.0, 99.0, 0.8, 150, YES),
        (85.0, 99.0, 0.8, 150, MAYBE),
        (40.0, 99.0, 0.8, 150, NO),
        (40.0, 30.0, 0.8, 150, NO),
        (97.0, 90.0, 0.8, 150, MAYBE),
        (40.0, 99.0, 0.1, 150, MAYBE),
        (97.0, 99.0, 0.1, 150, MAYBE),
        (math.nan, 99.0, 0.8, 0, MAYBE),
    ],
)
def test_pseudo_questions(percentile: float, real: float, known: float, asked: int, outcome: Outcome) -> None:
    found = pseudo_experiment(percentile, 50.0, real, known, asked)
    assert (found.outcome, found.cause) == (outcome, Cause.STYLE)
    assert found.figures["pseudo-questions"] == asked


@pytest.mark.parametrize(
    ("gain", "searched", "outside", "outcome"),
    [
        (interval(0.15, 0.1, 0.2), 0.5, 0.0, YES),
        (interval(0.15, -0.01, 0.3), 0.5, 0.0, MAYBE),
        (interval(0.03, 0.0, 0.06), 0.5, 0.0, NO),
        (interval(0.08, 0.02, 0.12), 0.5, 0.0, MAYBE),
        (interval(0.0, 0.0, 0.0), 0.1, 0.9, MAYBE),
    ],
)
def test_placement(gain: Interval, searched: float, outside: float, outcome: Outcome) -> None:
    found = placement_experiment(gain, searched, searched - gain.mean, 0.2, outside)
    assert (found.outcome, found.cause) == (outcome, Cause.PLACEMENT)


@pytest.mark.parametrize(("merged", "outcome"), [(0.52, YES), (0.45, MAYBE), (0.41, NO)])
def test_merging(merged: float, outcome: Outcome) -> None:
    assert merging_experiment(0.4, merged).outcome is outcome


@pytest.mark.parametrize(
    ("distinct", "hubs", "outcome"),
    [
        ((0.2, 0.6), (0.8, 0.2), YES),
        ((0.2, 0.25), (0.8, 0.2), MAYBE),
        ((0.2, 0.6), (0.8, 0.79), NO),
        ((0.2, 0.1), (0.8, 0.2), NO),
    ],
)
def test_hubs(distinct: tuple[float, float], hubs: tuple[float, float], outcome: Outcome) -> None:
    assert hub_experiment(distinct, hubs).outcome is outcome


@pytest.mark.parametrize(
    ("stored", "pca", "outcome"), [(0.5, 0.8, YES), (0.9, 0.8, NO), (0.8, 0.82, MAYBE), (math.nan, 0.8, MAYBE)]
)
def test_stale(stored: float, pca: float, outcome: Outcome) -> None:
    assert stale_experiment((0.1, stored), (0.1, pca)).outcome is outcome


@pytest.mark.parametrize(
    ("correlation", "outcome"),
    [
        (interval(0.5, 0.2, 0.7), YES),
        (interval(0.3, -0.1, 0.6), MAYBE),
        (interval(-0.3, -0.5, 0.1), NO),
        (interval(math.nan, math.nan, math.nan), MAYBE),
    ],
)
def test_breadth(correlation: Interval, outcome: Outcome) -> None:
    assert breadth_experiment(correlation, 40).outcome is outcome


def verdict(cause: Cause, confidence: Confidence = Confidence.MEDIUM) -> Verdict:
    return Verdict(cause, "", {}, confidence, "", "")


def test_outcomes_move_the_confidence_of_their_cause_by_one_step() -> None:
    hubs = hub_experiment((0.2, 0.6), (0.8, 0.2))
    none = dataclasses.replace(hubs, outcome=NO)
    given = [verdict(Cause.HUBS), verdict(Cause.PROJECTION)]
    assert [v.confidence for v in weighed(given, [hubs])] == [Confidence.HIGH, Confidence.MEDIUM]
    assert [v.confidence for v in weighed(given, [none])] == [Confidence.LOW, Confidence.MEDIUM]
    assert weighed(given, [dataclasses.replace(hubs, outcome=MAYBE)]) == tuple(given)
    assert weighed([verdict(Cause.HUBS, Confidence.HIGH)], [hubs])[0].confidence is Confidence.HIGH
    assert weighed([verdict(Cause.HUBS, Confidence.LOW)], [none])[0].confidence is Confidence.LOW


def test_a_verdict_that_rests_on_pseudo_questions_is_not_counted_twice() -> None:
    style = pseudo_experiment(97.0, 50.0, 99.0, 0.8, 150)
    assert weighed([verdict(Cause.STYLE)], [style])[0].confidence is Confidence.MEDIUM


def test_which_experiments_bear_on_a_cause_and_how_it_is_told() -> None:
    style = pseudo_experiment(40.0, 99.0, 99.0, 0.8, 150)
    hubs = hub_experiment((0.2, 0.6), (0.8, 0.2))
    both: list[Experiment] = [style, hubs]
    assert bearing_on(Cause.COVERAGE, both) == bearing_on(Cause.STYLE, both) == [style]
    assert bearing_on(Cause.SHARED_NEIGHBORS, both) == bearing_on(Cause.HUBS, both) == [hubs]
    assert bearing_on(Cause.PROJECTION, both) == []
    assert outcome_in_words(style, Cause.COVERAGE) == "style gap: ruled out"
    assert outcome_in_words(hubs, Cause.HUBS) == "plays a part"


def test_csls_is_the_formula() -> None:
    rng = np.random.default_rng(0)
    dist, density = np.sort(rng.random((6, 9)), axis=1), rng.random(9)
    rows = np.stack([rng.permutation(9) for _ in range(6)])
    found = csls(Neighbors(rows, dist), density)
    for i in range(6):
        scores = {int(r): 2 * (1 - d) - density[r] for r, d in zip(rows[i], dist[i], strict=True)}
        assert found.rows[i].tolist() == sorted(scores, key=lambda r: -scores[r])
        assert -found.dist[i] == pytest.approx(sorted(scores.values(), reverse=True))


def test_csls_leaves_gaps_at_the_end() -> None:
    found = csls(Neighbors(np.array([[4, 2, -1]]), np.array([[0.1, 0.2, np.inf]])), np.array([0, 0, 0.1, 0, 0.9]))
    assert found.rows.tolist() == [[2, 4, -1]]


def test_local_density_by_loops() -> None:
    rng = np.random.default_rng(1)
    vectors = normalize(rng.normal(size=(12, 4)))
    rows, sample = np.arange(12), np.arange(0, 12, 2)
    found = local_density(vectors, vectors[sample], rows, sample, 3)
    for i in rows:
        others = sorted((float(vectors[i] @ vectors[j]) for j in sample if j != i), reverse=True)
        assert found[i] == pytest.approx(np.mean(others[:3]), abs=1e-6)


def test_an_article_sampled_by_several_chunks_counts_once() -> None:
    x = np.array([[1.0, 0.0]], dtype=np.float32)
    sample = np.array([[0.6, 0.8], [1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=np.float32)
    # Article 7 by its nearer chunk, 0.8, and article 9, 0; article 3 is the one asked of.
    found = local_density(x, sample, np.array([3]), np.array([7, 3, 7, 9]), 2)
    assert found == pytest.approx([0.4])


def test_local_density_without_others_is_nought() -> None:
    one = np.array([[1.0, 0.0]], dtype=np.float32)
    assert local_density(one, one, np.array([5]), np.array([5])).tolist() == [0.0]


@pytest.mark.parametrize("seed", range(3))
def test_rank_correlation_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 6, 40).astype(float)
    b = a + rng.normal(size=40).round(1) * 3
    found = rank_correlation(a, b)
    assert found.mean == pytest.approx(spearmanr(a, b).statistic)
    assert found.low < found.mean < found.high
    assert rank_correlation(-a, b).mean == pytest.approx(-found.mean)
    topics = [f"t{i % 8}" for i in range(40)]
    assert (rank_correlation(a, b, topics).mean, rank_correlation(a, b, topics).by) == (found.mean, "topic")


def test_rank_correlation_of_what_does_not_vary_is_not_a_number() -> None:
    assert math.isnan(rank_correlation(np.ones(5), np.arange(5.0)).mean)
    assert math.isnan(rank_correlation(np.array([1.0, np.nan, 2.0]), np.arange(3.0)).mean)


def test_the_covariance_of_blocks_gives_the_axes_of_the_whole() -> None:
    x = (np.random.default_rng(0).normal(size=(500, 5)) * [3, 1, 0.5, 0.2, 0.1] + [1, 0, 0, 2, 0]).astype(np.float32)
    gathered = Covariance(5)
    for part in np.array_split(x, 7):
        gathered.add(part)
    mean, axes = gathered.axes()
    assert mean == pytest.approx(x.mean(axis=0), abs=1e-4)
    right = np.linalg.svd(x - x.mean(axis=0))[2][:2].T
    assert np.abs((axes * right).sum(axis=0)) == pytest.approx([1, 1], abs=1e-4)
    assert (axes[np.abs(axes).argmax(axis=0), [0, 1]] > 0).all()


def test_topic_precision() -> None:
    lists = np.array([[0, 1, 2], [2, -1, -1], [0, 1, 2]])
    topics = ["a", "b", None]
    assert topic_precision(lists, topics, ["a", "b", None], 2)[:2].tolist() == [0.5, 0.0]
    assert np.isnan(topic_precision(lists, topics, ["a", "b", None], 2)[2])
    assert topic_precision(lists, {0: "a", 1: "a", 2: "a"}, ["a", "a", "a"], 3) == pytest.approx([1, 1 / 3, 1])


@pytest.mark.parametrize(("outside", "outcome"), [(0.4, True), (0.5, False), (0.9, False)])
def test_best_positions_outside_the_map_speak_for_nothing(outside: float, outcome: bool) -> None:
    gain = Interval(0.4, 0.3, 0.5, 0.95, "question")
    made = placement_experiment(gain, best=0.8, median=0.4, floor=0.6, outside=outside)
    assert (made.outcome == placement_experiment(gain, 0.8, 0.4, 0.6, 0.0).outcome) is outcome
