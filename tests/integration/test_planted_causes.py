"""Each cause planted in a corpus of its own is the first one named; a healthy corpus is called healthy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import planted_corpora
from planted import KnownModel, make_table, put_map
from planted_corpora import Corpus, N, Q
from vecindex.neighbors.plane import Plane
from vecindex.store.database import Database
from vecindex.verbs.overlap import overlap as pipeline
from vecindex.verbs.overlap.causes.verdicts import Cause
from vecindex.verbs.overlap.diagnose import diagnose
from vecindex.verbs.overlap.facts import Facts
from vecindex.verbs.overlap.measure import Placed, Space, placement_figures, vectors_by_row
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import OverlapResult


def ask(folder: Path, corpus: Corpus) -> OverlapResult:
    """Return the overlap of a corpus's questions on its map, which is called `m`."""
    ids = [f"a{i:05d}" for i in range(len(corpus.articles))]
    make_table(folder / "db", corpus.articles, ids, truncated=corpus.truncated)
    put_map(folder / "db", "m", ids, corpus.xy)
    known = {f"question {i}": vector for i, vector in enumerate(corpus.questions)}
    asked: Any = list(known)
    if corpus.answers is not None:
        file = folder / "q.csv"
        lines = [f"{text},{answer}\n" for text, answer in zip(known, corpus.answers, strict=True)]
        file.write_text("question,answers\n" + "".join(lines))
        asked = str(file)
    return overlap(Database(folder / "db"), "articles", asked, {}, KnownModel(known))  # type: ignore[arg-type]


@pytest.mark.parametrize("cause", planted_corpora.ALL)
def test_the_cause_that_is_planted_is_named_first(tmp_path: Path, cause: str) -> None:
    found = ask(tmp_path, planted_corpora.ALL[cause]())
    assert found.causes[0].cause == cause.split(",")[0]


def test_healthy(tmp_path: Path) -> None:
    found = ask(tmp_path, planted_corpora.healthy())
    assert [c.cause for c in found.causes] == [Cause.HEALTHY]


def test_near_duplicates(tmp_path: Path) -> None:
    assert ask(tmp_path, planted_corpora.near_duplicates()).maps[0].search.merged == 1


def test_hubs(tmp_path: Path) -> None:
    found = ask(tmp_path, planted_corpora.hubs())
    assert found.space.hub_share > 0.6
    assert found.space.collapse_ceiling > 0.6


def test_style_gap(tmp_path: Path) -> None:
    assert ask(tmp_path, planted_corpora.style_gap()).causes[0].because["answers_recall"] == 1


def test_projection(tmp_path: Path) -> None:
    assert ask(tmp_path, planted_corpora.projection()).maps[0].self_recall.mean < 0.3


def test_scattered_neighbors(tmp_path: Path) -> None:
    corpus, five = planted_corpora.scattered()
    found = ask(tmp_path, corpus)
    (on_map,) = found.maps
    assert [{int(n.id[1:]) for n in row.neighbors} for row in found.rows] == [set(lists) for lists in five.tolist()]
    # The two are near to each other, the others to nobody among the five: 2 of 5, and so many are kept.
    assert {row.clique for row in found.rows} == {2}
    assert on_map.ceiling is not None
    assert (on_map.ceiling.mean, found.space.clique_ceiling) == pytest.approx((0.4, 0.4))
    assert (on_map.cliques_kept, on_map.self_recall.mean) == (1.0, 1.0)
    assert on_map.search.overlap.mean == pytest.approx(0.4)
    assert found.causes[0].cause is Cause.SCATTERED
    assert found.ceiling == (
        "Of a question's 5 nearest articles, 2.0 are on average near to each other (40 %). Hardly more can be "
        "expected of a map, unless it is laid out for these questions."
    )


def test_a_poor_map_is_not_taken_for_a_stale_one(tmp_path: Path) -> None:
    # Next to no neighbors are kept, but the map is of these vectors.
    assert ask(tmp_path, planted_corpora.noise()).maps[0].agreement > 0.55


def test_collapsed_placement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The same questions as in the healthy case, on the spot where a joint fit would leave them.
    seen: list[Space] = []
    place_all = pipeline.place_all
    monkeypatch.setattr(pipeline, "place_all", lambda plane, space: (seen.append(space), place_all(plane, space))[1])
    corpus = planted_corpora.healthy()
    healthy = ask(tmp_path, corpus)
    (space,) = seen
    plane = Plane(corpus.xy)
    spot = np.random.default_rng(7).normal(size=(Q, 2)) * 0.001
    everything: Any = vectors_by_row(np.arange(N), corpus.articles)
    joint = Placed.at("joint", spot, plane, space).with_values(space, everything)
    placed = placement_figures(joint, space, plane, padding=0.5)
    facts = Facts(5, N, Q, healthy.space, replace(healthy.maps[0], search=placed))
    assert healthy.causes[0].cause is Cause.HEALTHY
    assert placed.overlap.mean < 0.2
    assert placed.articles_inside <= 1
    assert diagnose(facts)[0].cause is Cause.ISLAND
