"""What a map will cost, before it is begun: seconds and memory, from the work that is known and a probe.

Each stage has a law: what it does grows with the rows, their dimension and the settings. The constants are CPU
seconds of one thread on the machine of bench/results/growth.jsonl. How fast this machine is now, with what else runs
on it, is measured by a probe of some tenths of a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from vecindex.core.memory import most_held_bytes
from vecindex.messages import Message, option, text
from vecindex.shortages import memory_available
from vecindex.types import Forecast, Observer, Stage
from vecindex.verbs.bounds import held_bytes, in_words
from vecindex.verbs.project.sample.sampled import PASSES

STAGE, COMPILING = "forecast", "compiling"
PRODUCTS, LOOPS, TURNS = "products", "loops", "turns"
KINDS = (PRODUCTS, LOOPS, TURNS)
"""What a stage spends its time on: matrix products, compiled loops over rows, and threads that wait for each other at
the end of each loop. The probe measures all three."""
RANGE = (0.7, 1.5)
"""Of the expected time, on a busy machine: of the last seven runs in bench/results/growth.jsonl three took longer."""
ANCHORING = "anchoring"
"""What stands for a method where a map is anchored."""
PROBE_FROM_S = 10.0
"""Below this many seconds by the constants alone the whole probe would be more than 2 % of the run."""

_GIGA = 1e9
# Seconds of 1e9 products of two numbers; of one row in one iteration of a layout; of an iteration besides its rows.
_PRODUCT, _ROW, _TURN = 0.024, 2.0e-7, 5e-4
# Positions of more rows than this do not stay in the caches, and each row takes longer.
_CACHED, _LARGER = 32_768, 0.3

# Bytes: of libraries that are loaded later, of blocks that few rows do not fill, and of a row besides its vector,
# with a neighbor graph and without.
_BASE_BYTES = 40e6
BLOCK_BYTES, _FULL_FROM = 260_000_000, 40_000
ROW_BYTES, BARE_ROW_BYTES = 700, 200
# Of a row of the table where a sample is laid out: its id, its position, and its number in three orders.
_PLACED_BYTES = 150
# Seconds to place a row, and for its neighbors within a tile.
_PLACED_ROW, _TILE_ROW = 3e-4, 4e-4

# Of a long run, and of a short one.
_ROUNDS = (9, 3)
_ENOUGH_S = 0.5
_ASKED, _MEMBERS, _DIMENSION = 4_096, 512, 384
# As dense as a map, whose width is about that of so many units.
_UNIT, _NEAR, _ATTRACT = 0.73, 15, 22
_POINTS, _ITERATIONS = 2_048, 4
# What one such iteration takes there, on one thread.
_ITERATION = 7.5e-4


@dataclass(frozen=True, slots=True)
class Work:
    """What a run will do, as far as its cost depends on it.

    Attributes
    ----------
    rows, articles : of the table, whose vectors are read, and on the map.
    dimension : of the vectors.
    searched : rows whose neighbors are searched for, 0 for a method without; `made` says whether that is the graph
        of all.
    method, settings : of the layout. `rebuilt` says whether it begins from the map that it replaces.
    sample : articles drawn for the scores.
    placed : articles that are placed among those laid out, which are `articles`.
    questions, maps : to anchor to, and how many maps are anchored to them; 0 where one is laid out.
    """

    rows: int
    articles: int
    dimension: int
    searched: int
    made: bool
    method: str
    settings: Mapping[str, Any]
    rebuilt: bool
    sample: int
    questions: int = 0
    maps: int = 0
    placed: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one thread on the machine of the constants; `parallel` is the share that all threads divide."""

    stage: str
    kind: str
    seconds: float
    parallel: float = 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How much longer this machine takes than that one, and its threads, for each kind."""

    slowness: Mapping[str, float]
    threads: Mapping[str, int]

    def seconds(self, cost: Cost) -> float:
        """Return the wall seconds of a cost."""
        share = 1 - cost.parallel + cost.parallel / self.threads[cost.kind]
        return cost.seconds * share * self.slowness[cost.kind]


def costs(work: Work) -> list[Cost] | None:
    """Return the costs of a run; None for a method whose costs are not known."""
    if work.method not in _LAYOUTS:
        return None
    n, d = work.articles, work.dimension
    return [
        Cost("reading", LOOPS, 0.05 + 1.5e-8 * work.rows * d),
        *_graph_costs(work),
        *_LAYOUTS[work.method](work),
        *_placing_costs(work),
        *_score_costs(work),
        Cost("write", LOOPS, 0.03 + 2e-6 * n),
    ]


def _graph_costs(work: Work) -> Iterator[Cost]:
    from vecindex.neighbors.graph import EXACT_UP_TO

    n, d = work.articles, work.dimension
    if not work.searched:
        return
    if work.made and n > EXACT_UP_TO:
        # Clusters first, of which there are about sqrt(n); then neighbors of neighbors, in one round or more.
        yield Cost("graph", PRODUCTS, 14 * _PRODUCT * n**1.5 * d / _GIGA + 3e-7 * n * d, 0.9)
        yield Cost("graph", TURNS, 0.7 * _TURN * n**0.5)
    else:
        yield Cost("graph", PRODUCTS, 1.6 * _PRODUCT * work.searched * n * d / _GIGA, 0.9)


def _local_costs(work: Work) -> Iterator[Cost]:
    from vecindex.maps.local import phases_of
    from vecindex.maps.moves.mover import LEAST_ARTICLES
    from vecindex.maps.repulsion import FEW

    n, settings = work.articles, work.settings
    phases = phases_of(settings, n)
    if work.rebuilt:
        phases = phases[-1:]
    else:
        # The principal components, where it begins.
        yield Cost("layout", PRODUCTS, 2 * _PRODUCT * n * work.dimension**2 / _GIGA, 0.7)
    iterations = sum(one.iterations for one in phases)
    near = sum(one.iterations * len(one.weights) for one in phases)
    # Few rows repel each other in one loop, many by transforms of a grid, in several.
    yield Cost("layout", TURNS, _TURN * iterations * (0.1 if n <= FEW else 1.0))
    yield Cost("layout", LOOPS, _of_rows(n) * (0.5 * iterations + 0.5 * near / _NEAR), 1.0)
    sweeps = int(settings["polish_sweeps"]) if n >= LEAST_ARTICLES else 0
    yield Cost("layout", LOOPS, 5e-5 * n * sweeps, 0.9)


def _of_rows(n: int) -> float:
    """Return the seconds of one iteration over n rows."""
    return float(_ROW * n * max(1.0, n / _CACHED) ** _LARGER)


def _placing_costs(work: Work) -> Iterator[Cost]:
    if not work.placed:
        return
    n = work.articles + work.placed
    yield Cost("placing", LOOPS, _PLACED_ROW * work.placed, 0.3)
    if sweeps := int(work.settings.get("polish_sweeps", 0)):
        yield Cost("placing", LOOPS, PASSES * n * (_TILE_ROW + 5e-5 * sweeps), 0.9)


def _anchor_costs(work: Work) -> Iterator[Cost]:
    sweeps = int(work.settings["sweeps"])
    # Those around a question, and their neighbors.
    movable = min(work.articles, 38 * work.questions)
    of_a_map = sweeps * (2e-6 * work.articles + 1.2e-4 * movable)
    yield Cost("layout", LOOPS, of_a_map, 0.7)
    if work.maps > 1:
        yield Cost("controls", LOOPS, of_a_map * (work.maps - 1), 0.7)


def _score_costs(work: Work) -> Iterator[Cost]:
    n = work.articles + work.placed
    drawn = min(work.sample, n)
    if work.maps:
        # The sample again for the other strength, and those of it that moved far.
        drawn = drawn * min(2, work.maps) + min(work.sample, 4 * work.questions)
    yield Cost("scores", PRODUCTS, 1.6 * _PRODUCT * drawn * n * work.dimension / _GIGA, 0.9)
    yield Cost("scores", LOOPS, 0.1 + (4e-5 if work.maps else 1e-5) * n, 0.3)


_LAYOUTS: dict[str, Callable[[Work], Iterator[Cost]]] = {"local": _local_costs, ANCHORING: _anchor_costs}


def memory_bytes(work: Work) -> int:
    """Return the bytes that a run takes at its peak, besides what the process holds before."""
    if work.placed:
        return bytes_by_sample(work.articles, work.rows, work.dimension)
    focus = work.articles if work.articles < work.rows else 0
    return round(fixed_bytes(work.articles) + 4 * work.dimension * (work.rows + focus) + ROW_BYTES * work.articles)


def bytes_by_sample(laid_out: int, rows: int, dimension: int) -> int:
    """Return the bytes that a map takes of which a sample is laid out."""
    return round(fixed_bytes(laid_out) + (4 * dimension + ROW_BYTES) * laid_out + _PLACED_BYTES * rows)


def fixed_bytes(articles: int) -> float:
    """Return the bytes that laying so many articles out takes besides those of each."""
    return _BASE_BYTES + BLOCK_BYTES * min(1.0, articles / _FULL_FROM)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run will cost, and what it had held at most before it: None where that is not known."""

    forecast: Forecast | None
    held_before: int | None

    def compared(self, seconds: Mapping[str, float]) -> Forecast | None:
        """Return the forecast with what the run took; `seconds` are those of its stages.

        Where the process did not grow, the memory of the run is not known.
        """
        if self.forecast is None:
            return None
        peak = most_held_bytes()
        grew = peak is not None and (self.held_before is None or peak > self.held_before)
        took = sum(seconds.get(stage, 0.0) for stage in self.forecast.stages)
        return replace(self.forecast, took_s=took, took_bytes=peak if grew else None)


def expect(work: Work, observer: Observer) -> Expected:
    """Return what a run will cost, and report it; None for a method whose costs are not known.

    If the memory will not do, that is reported as well, as a notice.
    """
    found, before = costs(work), most_held_bytes()
    if found is None:
        return Expected(None, before)
    compile_loops(work.articles, work.questions, observer)
    begun = time.perf_counter()
    by_constants = sum(map(Pace(dict.fromkeys(KINDS, 1.0), _threads()).seconds, found))
    pace = measured_pace(by_constants < PROBE_FROM_S, observer)
    stages: dict[str, float] = {}
    for one in found:
        stages[one.stage] = stages.get(one.stage, 0.0) + pace.seconds(one)
    seconds, held = sum(stages.values()), held_bytes()
    result = Forecast(
        seconds=seconds,
        low_s=seconds * RANGE[0],
        high_s=seconds * RANGE[1],
        stages=stages,
        memory_bytes=held + memory_bytes(work),
        available_bytes=held + memory_available(),
        probe_s=time.perf_counter() - begun,
    )
    observer.forecast(result)
    if result.memory_bytes > result.available_bytes:
        observer.warning(_too_little(result, work))
    return Expected(result, before)


def _too_little(result: Forecast, work: Work) -> Message:
    needed, there = in_words(result.memory_bytes), in_words(result.available_bytes)
    part = (
        text(
            "; or bound the memory (",
            option("memory"),
            "), so that a sample is laid out; or map a part of the articles (",
            option("focus"),
            ", ",
            option("focus_size"),
            ")",
        )
        if not work.maps and work.articles == work.rows
        else ""
    )
    return text(
        f"warning: about {needed} of memory are needed and {there} are available, so the run may be killed. "
        "Close other programs, raise the limit, or use a larger machine",
        part,
        ".",
    )


def measured_pace(short: bool, observer: Observer) -> Pace:
    """Return how fast this machine is now; for a short run, by fewer rounds of the probe."""
    import numba

    observer.stage(Stage(STAGE, 0, None))
    threads, rounds = _threads(), _ROUNDS[short]
    products = _median_s(_products(threads[PRODUCTS]), rounds) * threads[PRODUCTS]
    iterations = _iterations(_POINTS)
    together = _median_s(iterations, rounds) / _ITERATIONS
    numba.set_num_threads(1)
    try:
        alone = _median_s(iterations, rounds) / _ITERATIONS
    finally:
        numba.set_num_threads(threads[LOOPS])
    slowness = {
        PRODUCTS: products / (_PRODUCT * _ASKED * _MEMBERS * _DIMENSION / _GIGA),
        LOOPS: alone / _ITERATION,
        TURNS: max(0.0, together - alone / threads[LOOPS]) / _TURN,
    }
    return Pace(slowness, threads)


def _median_s(work: Callable[[], object], rounds: int) -> float:
    """Return the median of some rounds; of fewer where a busy machine takes long for them."""
    work()
    found: list[float] = []
    begun = time.perf_counter()
    while len(found) < rounds and time.perf_counter() - begun < _ENOUGH_S:
        found.append(_seconds(work))
    return median(found)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _threads() -> dict[str, int]:
    import numba

    from vecindex.neighbors.blas import load_faiss

    return {PRODUCTS: int(load_faiss().omp_get_max_threads()), LOOPS: int(numba.get_num_threads()), TURNS: 1}


def _products(threads: int) -> Callable[[], object]:
    """Return matrix products as the neighbor graph and the scores make them."""
    from vecindex.neighbors.blas import Products, in_threads, parts

    rng = np.random.default_rng(0)
    asked, members = (rng.normal(size=(n, _DIMENSION)).astype(np.float32) for n in (_ASKED, _MEMBERS))
    room = np.empty((_ASKED, _MEMBERS), dtype=np.float32)
    products = Products(members)
    shares = parts(threads, _ASKED)
    return lambda: in_threads([partial(products.into, room[share], asked[share]) for share in shares])


def _iterations(n: int) -> Callable[[], object]:
    """Return some iterations of a layout of n articles, in the order of a grid and next to their neighbors."""
    from vecindex.maps.descent import Attraction, Phase, descend

    side = int(n**0.5)
    rng, row = np.random.default_rng(0), np.arange(n)
    positions = (np.stack([row // side, row % side], axis=1) + rng.random((n, 2))) * _UNIT
    near = (row[:, None] + rng.integers(-2 * side, 2 * side, size=(n, _ATTRACT))) % n
    weights = np.full(near.size, 1 / near.size, dtype=np.float32)
    starts = np.arange(0, near.size + 1, near.shape[1])
    attraction = Attraction(starts, near.astype(np.int32).ravel(), weights)
    phase = Phase((1.0,), _ITERATIONS, 1.0, 0.8)
    return lambda: descend(positions.astype(np.float32), attraction, phase)


def compile_loops(articles: int, questions: int, observer: Observer) -> None:
    """Let the loops be compiled that a map of so many articles needs, which takes a minute once on a machine."""
    from vecindex.core.graph import Graph
    from vecindex.maps.anchored import STRENGTHS, anchored_map
    from vecindex.maps.descent import Phase, both_ways, descend, normalized
    from vecindex.maps.polish import polish
    from vecindex.maps.repulsion import FEW

    observer.stage(Stage(COMPILING, 0, None))
    rng, n = np.random.default_rng(0), min(articles, FEW + 1)
    near = (np.arange(n)[:, None] + 1 + np.arange(min(_NEAR, n - 1))) % n
    graph = Graph(near.astype(np.int32), np.ones(near.shape, dtype=np.float32), 1.0, 0.0)
    positions = rng.random((n, 2))
    descend(positions.astype(np.float32), normalized(both_ways(graph, (1.0,))), Phase((1.0,), 1, 1.0, 0.5))
    if questions:
        strength = STRENGTHS["strong"]
        anchored_map(graph, np.array([[0, 1]]), positions, positions[:1], strength=strength, sweeps=1, seed=0)
    else:
        polish(positions, graph, sweeps=1, seed=0)
