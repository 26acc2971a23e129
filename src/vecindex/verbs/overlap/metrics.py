"""The metrics of a question's neighbor lists, in one registry: built-in ones and those of other packages.

A metric is a `Metric` under a name in `METRICS`. By that name its values go into the result, JSON, CSV, the terminal
and the report, without a change elsewhere. Other packages add theirs in their pyproject.toml:

    [project.entry-points."vecindex.metrics"]
    jaccard = "my_package:JACCARD"

A metric without a key of its own in the released JSON (`OWN_KEYS`) stands under "metrics" there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.overlap import (
    adjusted_for_chance,
    found_in,
    keeps_goal,
    overlap_at_k,
    rank_weighted_overlap,
    reciprocal_overlap,
    soft_overlap,
)
from vecindex.core.vectors import F32
from vecindex.plugins import PluginError, Registry
from vecindex.verbs.overlap.result import MetricAbout

DUPLICATE_DIST = 1e-3
"""Cosine distance below which two articles are near-duplicates."""


@dataclass(frozen=True, slots=True)
class Lists:
    """The neighbors of q questions in both spaces, nearest first.

    Attributes
    ----------
    space, on_map : (q, depth) int64, the nearest articles in embedding space and on the map, as numbers: the same
        number is the same article. `NO_ROW` (-1) stands for none, and never counts as found.
    k : how many neighbors the metric is about; depth is at least k.
    n : articles in the table.
    within : the depth K of a metric that is `deep`, at least k.
    space_rows, map_rows : (q, depth) the same lists as rows of the table: in a table of chunks, the nearest chunk of
        each article.
    vectors_of : unit vectors (m, d) of rows (m,) that are among the first k of either list.
    """

    space: Rows
    on_map: Rows
    k: int
    n: int
    within: int
    space_rows: Rows
    map_rows: Rows
    vectors_of: Callable[[Rows], F32]


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of each question, from its neighbors in both spaces.

    Attributes
    ----------
    label : how tables call it; a short noun.
    about : what it is, in a sentence with its formula.
    values : returns the figure of each question, (q,) float; NaN where it is not defined, which leaves the question
        out of the mean. The mean over the questions gets a bootstrap interval, over topics where they have topics.
    higher_is_better : the direction.
    deep : it is taken at several depths K, `Lists.within`, and stands under NAME@K for each.
    """

    label: str
    about: str
    values: Callable[[Lists], Any]
    higher_is_better: bool = True
    deep: bool = False


def _merged(lists: Lists) -> F64:
    near, found = lists.space_rows[:, : lists.k], lists.map_rows[:, : lists.k]
    hit = found_in(lists.space[:, : lists.k], lists.on_map[:, : lists.k])
    for i in range(len(near)):
        there, missing = found[i][found[i] != NO_ROW], np.flatnonzero(~hit[i] & (near[i] != NO_ROW))
        if len(there) and len(missing):
            lost, kept = (lists.vectors_of(rows).astype(np.float64) for rows in (near[i][missing], there))
            hit[i, missing] = (lost @ kept.T > 1 - DUPLICATE_DIST).any(axis=1)
    return np.asarray(hit.mean(axis=1))


OVERLAP = Metric("overlap", "|T_k and L_k| / k", lambda m: overlap_at_k(m.space, m.on_map, m.k))
RANK_WEIGHTED = Metric(
    "weighted",
    "overlap with the nearer neighbors counting more, by 1 / log2(1 + rank)",
    lambda m: rank_weighted_overlap(m.space, m.on_map, m.k),
)
ENOUGH = Metric(
    "goal",
    "1 where the overlap is at least 60 %",
    lambda m: keeps_goal(overlap_at_k(m.space, m.on_map, m.k)),
)
NONE = Metric(
    "none", "1 where the overlap is 0", lambda m: overlap_at_k(m.space, m.on_map, m.k) == 0, higher_is_better=False
)
ADJUSTED = Metric(
    "adjusted",
    "(overlap - k/n) / (1 - k/n): 0 is chance, 1 perfect",
    lambda m: adjusted_for_chance(overlap_at_k(m.space, m.on_map, m.k), m.k, m.n),
)
MERGED = Metric("merged", "overlap where a near-duplicate of a neighbor counts as that neighbor", _merged)
SOFT = Metric("soft", "|T_k and L_K| / k", lambda m: soft_overlap(m.space, m.on_map, m.k, m.within), deep=True)
RECIPROCAL = Metric(
    "reciprocal", "|L_k and T_K| / k", lambda m: reciprocal_overlap(m.space, m.on_map, m.k, m.within), deep=True
)

OWN_KEYS = ("overlap", "rank_weighted", "enough", "none", "adjusted", "merged", "soft", "reciprocal")
"""Metrics that the released JSON has under keys of their own; no other one joins them."""
BUILT_IN = (*OWN_KEYS,)
"""Names of all metrics here; NAME in capitals is the `Metric`. A new one is added at the end."""
METRICS: Registry[Metric] = Registry(
    "overlap metric", "vecindex.metrics", Metric, {name: f"{__name__}:{name.upper()}" for name in BUILT_IN}
)


def measured(lists: Lists, depths: tuple[int, ...]) -> dict[str, F64]:
    """Return the values (q,) of all metrics by name; of a deep one under NAME@K for each of the depths.

    Raises PluginError for a metric of another package that fails or does not return a number a question.
    """
    found = {}
    for name in METRICS.names:
        metric = METRICS[name]
        if metric.deep:
            for depth in depths:
                found[f"{name}@{depth}"] = _values(name, metric, replace(lists, within=depth))
        else:
            found[name] = _values(name, metric, lists)
    return found


def further(values: Mapping[str, F64]) -> dict[str, F64]:
    """Return the values of the metrics that have no key of their own in the result."""
    return {name: of for name, of in values.items() if name.split("@")[0] not in OWN_KEYS}


def further_metrics() -> dict[str, MetricAbout]:
    """Return what the metrics without a key of their own are, by name."""
    return {
        name: MetricAbout(METRICS[name].label, METRICS[name].about, METRICS[name].higher_is_better)
        for name in METRICS.names
        if name not in OWN_KEYS
    }


def _values(name: str, metric: Metric, lists: Lists) -> F64:
    if name in METRICS.built_in:
        return np.asarray(metric.values(lists), dtype=np.float64)
    fault = f"The overlap metric {name!r} of the package {METRICS.package(name)}"
    hint = f"Update or uninstall {METRICS.package(name)}."
    try:
        values = np.asarray(metric.values(lists), dtype=np.float64)
    except Exception as error:  # it runs another package's code
        raise PluginError(f"{fault} fails: {type(error).__name__}: {error}", hint) from error
    if values.shape != (len(lists.space),):
        raise PluginError(f"{fault} returns the shape {values.shape}, expected {(len(lists.space),)}.", hint)
    return values
