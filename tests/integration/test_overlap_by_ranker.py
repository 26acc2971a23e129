"""The overlap of hits by words, hybrid, reranked and diverse, against an independent computation by loops."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cross_encoders import untrained
from pages import Page
from planted import KnownModel, make_table, put_map
from reference import overlap as slow
from reference.nearest import nearest
from tables import chunked_table
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError
from vecindex.messages import Text
from vecindex.store.database import Database
from vecindex.verbs.overlap.causes.verdicts import Cause
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import OverlapResult
from vecindex.verbs.search.search import search

N, Q, D, K = 200, 12, 8, 5
Lists = list[list[str]]


class Model(KnownModel):
    """The planted model, with a real reranker."""

    def reranker(self, name: str, options: Any) -> Any:
        from vecindex.embed.rerank.cross_encoder import load_reranker

        return load_reranker(name, "cpu", False)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Articles on a map of two of their dimensions, and questions that name four articles each by a word."""
    folder = tmp_path_factory.mktemp("ranked")
    rng = np.random.default_rng(0)
    articles = normalize(rng.normal(size=(N, D)) * [3, 3, 1, 1, 0.5, 0.5, 0.5, 0.5])
    ids = [f"a{i}" for i in rng.permutation(N)]
    make_table(folder / "db", articles, ids)
    xy = articles[:, :2].astype(np.float32).astype(float)
    put_map(folder / "db", "flat", ids, xy)
    vectors = normalize(articles[:Q] + 0.2 * rng.normal(size=(Q, D)))
    near, _ = nearest(vectors, articles, 3)
    known = {}
    for i in range(Q):
        # Two that are near by their vectors, two that are anywhere; the last question matches nothing.
        named = [ids[r] for r in (*near[i, :2], *rng.integers(N, size=2))]
        known[" ".join(named) if i < Q - 1 else "nothing like it"] = vectors[i]
    return folder / "db", articles, ids, xy, known


def measured(world: Any, ranker: str, **options: Any) -> OverlapResult:
    database, *_, known = world
    options = {"ranker": ranker, "sample": N, **options}
    return overlap(Database(database), "articles", list(known), options, Model(known))  # type: ignore[arg-type]


def searched(world: Any, k: int, **options: Any) -> Lists:
    """Return the ids of the hits of each question, as `search` has them."""
    database, *_, known = world
    found = search(Database(database), "articles", list(known), {"k": k, **options}, Model(known))  # type: ignore[arg-type]
    return [[hit.id for hit in answer.hits] for answer in found.answers]


def fused(by_meaning: Lists, by_words: Lists) -> Lists:
    """Return reciprocal rank fusion with the constant 60 by loops; equal ones by their distance."""
    found = []
    for near, worded in zip(by_meaning, by_words, strict=True):
        score = {key: sum(1 / (61 + one.index(key)) for one in (near, worded) if key in one) for key in near + worded}
        order = {key: i for i, key in enumerate(near)}
        found.append(sorted(score, key=lambda key: (-score[key], order.get(key, math.inf), key)))
    return found


def check(world: Any, found: OverlapResult, lists: Lists, deep: bool = True) -> None:
    """Compare all figures with those by loops, given each question's hits, all of them where `deep`."""
    _, articles, ids, xy, known = world
    vectors = np.stack(list(known.values()))
    true, dist = nearest(vectors, articles, K)
    number = {key: i for i, key in enumerate(ids)}
    kept: dict[bool, list[bool]] = {True: [], False: []}
    overlaps, shares, lost = [], [], []
    for i, row in enumerate(found.rows):
        hits = [number[key] for key in lists[i]]
        first = hits[:K]
        assert [n.id for n in row.neighbors] == lists[i][:K]
        cosine = [1 - float(articles[r].astype(float) @ vectors[i].astype(float)) for r in first]
        assert [n.dist for n in row.neighbors] == pytest.approx(cosine, abs=1e-6)
        assert row.nearest_dist == pytest.approx(dist[i, 0], abs=1e-6)
        shares.append(len(set(first) & set(true[i].tolist())) / K)
        assert row.in_space == shares[-1]
        placed = row.maps["flat"]["search"]
        if placed.x is None:
            assert not first
            there: list[int] = []
        else:
            # Equally near ones stand by their rank among the hits.
            far = np.sqrt(((xy - (placed.x, placed.y)) ** 2).sum(axis=1))
            rank = {r: at for at, r in enumerate(hits)}
            there = sorted(range(N), key=lambda r: (far[r], rank.get(r, math.inf), ids[r]))[:100]
            assert [n.id for n in placed.neighbors] == [ids[r] for r in there[:K]]
        assert placed.overlap == slow.overlap(first, there, K) == len(set(first) & set(there[:K])) / K
        for depth in (10, 50, 100):
            assert placed.soft[depth] == slow.soft(first, there, K, depth)
            assert not deep or placed.reciprocal[depth] == slow.reciprocal(hits, there, K, depth)
        overlaps.append(placed.overlap)
        for hit in first:
            kept[hit in true[i]].append(hit in there[:K])
            lost += [hit not in true[i]] if hit not in there[:K] else []
    (one,) = found.maps
    assert found.ranked is not None
    assert one.ranked is not None
    assert one.search.overlap.mean == pytest.approx(np.mean(overlaps))
    assert found.ranked.in_space.mean == pytest.approx(np.mean(shares))
    assert found.ranked.short == sum(len(hits) < K for hits in lists)
    assert one.ranked.near_kept == pytest.approx(np.mean(kept[True]))
    assert one.ranked.far_kept == pytest.approx(np.mean(kept[False]))
    assert one.ranked.lost_far == pytest.approx(np.mean(lost))
    plain = measured(world, "meaning")
    assert plain.ranked is None
    assert plain.rows[0].in_space is None
    assert one.ranked.by_meaning == plain.maps[0].search.overlap
    own = [row.maps["flat"]["search"].overlap for row in plain.rows]
    assert one.ranked.change.mean == pytest.approx(np.mean(overlaps) - np.mean(own))
    # What is of the articles and of the vectors does not depend on the ranker.
    assert one.self_recall == plain.maps[0].self_recall
    assert found.space.nearest_dist == plain.space.nearest_dist
    assert found.space.style == plain.space.style


def test_by_words(world: Any) -> None:
    lists = searched(world, 100, words=True)
    assert lists[-1] == []
    named = [set(text.split()) for text in world[4]]
    assert all(set(hits[: len(words)]) == words for hits, words in zip(lists[:-1], named, strict=False))
    found = measured(world, "words")
    check(world, found, lists)
    # The question without a hit has no position, and keeps nothing.
    last = found.rows[-1]
    assert (last.neighbors, last.clique, last.maps["flat"]["search"].overlap) == ((), 0, 0)


def test_hybrid(world: Any) -> None:
    by_meaning, by_words = searched(world, 100), searched(world, 100, words=True)
    lists = fused(by_meaning, by_words)
    assert [hits[:K] for hits in lists] == searched(world, K, hybrid=True)
    check(world, measured(world, "hybrid"), [hits[:100] for hits in lists])


def test_shares_of_the_words_reach_the_ranking(world: Any) -> None:
    found = measured(world, "hybrid", words_weight=0.9)
    assert [[n.id for n in row.neighbors] for row in found.rows] == searched(world, K, hybrid=True, words_weight=0.9)


def test_diverse_and_reranked(world: Any, tmp_path: Path) -> None:
    check(world, measured(world, "hybrid+diverse"), searched(world, K, hybrid=True, diverse=True), deep=False)
    folder = str(untrained(tmp_path))
    how: dict[str, Any] = {"rerank": folder, "rerank_depth": 20}
    lists = searched(world, 100, **how)
    assert lists != searched(world, 100)
    check(world, measured(world, "meaning", **how), lists)
    both = measured(world, "meaning", diverse=True, **how)
    assert both.ranked is not None
    assert both.ranked.ranker == "meaning+rerank+diverse"
    assert [[n.id for n in row.neighbors] for row in both.rows] == searched(world, K, diverse=True, **how)


def test_a_typed_question_has_hits_too(world: Any) -> None:
    database, *_, known = world
    text, *others = known
    result = overlap(Database(database), "articles", others, {"ranker": "words", "question": text}, Model(known))  # type: ignore[arg-type]
    assert result.typed is not None
    assert [n.id for n in result.typed.neighbors] == searched(world, K, words=True)[0]
    assert result.typed.why[1].startswith("Of these hits ")


def test_the_cause_is_the_ranking_and_those_of_distances_are_left_out(world: Any) -> None:
    found = measured(world, "words")
    assert found.causes[0].cause is Cause.RANKING
    because = found.causes[0].because
    (one,) = found.maps
    assert one.ranked is not None
    assert because["lost hits that are not"] == one.ranked.lost_far
    assert because["overlap by meaning"] == one.ranked.by_meaning.mean
    left_out = {Cause.HUBS, Cause.COVERAGE, Cause.STYLE, Cause.COVERAGE_OR_STYLE, Cause.ANSWERS}
    assert not left_out & {verdict.cause for verdict in found.causes}
    assert found.experiments == ()
    assert found.ranked is not None
    assert "were not looked for" in found.ranked.note
    assert found.answer is not None
    assert " first 5 hits by words are among its 5 nearest on the map" in found.answer.figure
    assert isinstance(found.answer.command, Text)
    assert str(found.answer.command).endswith("k=5, words=True)")
    # Of the nearest by vectors nothing changes.
    assert Cause.RANKING not in {verdict.cause for verdict in measured(world, "meaning").causes}


def test_the_search_that_is_advised_ranks_as_the_measurement_did(world: Any) -> None:
    database = world[0]
    Database(database).articles("articles").put_tag("then")
    found = measured(world, "words", at="then", by="chunk")
    (ranking,) = (verdict for verdict in found.causes if verdict.cause is Cause.RANKING)
    assert str(ranking.remedy).endswith("k=5, words=True, by='chunk', at='then')")
    assert sum("words=True" in str(one) and "search(" in str(one) for one in found.next) == 1
    # For the last question words find nothing, so there is nothing to read.
    assert "nothing like it" not in str(ranking.remedy)
    assert len(set(found.next)) == len(found.next)


def test_a_ranker_that_is_the_meaning_keeps_what_the_meaning_keeps(world: Any) -> None:
    found = measured(world, "hybrid", words_weight=0.0)
    assert found.ranked is not None
    assert found.maps[0].ranked is not None
    assert found.ranked.in_space.mean == 1
    assert found.maps[0].ranked.change.mean == 0
    assert found.maps[0].ranked.far_kept is None
    assert Cause.RANKING not in {verdict.cause for verdict in found.causes}


def test_the_page_and_the_rows(world: Any) -> None:
    found = measured(world, "hybrid")
    page = Page(found.to_html())
    assert found.ranked is not None
    assert found.ranked.summary in page.text
    assert found.ranked.note in page.text
    assert "hits that are near in embedding space" in page.text
    assert page.data["ranker"] == "hybrid"
    assert {row["in_space"] for row in found.flat_rows()} == {row.in_space for row in found.rows}
    assert "in_space" not in measured(world, "meaning").flat_rows()[0]


def test_chunks_count_for_their_articles(tmp_path: Path) -> None:
    table, *_ = chunked_table(tmp_path, [3, 1, 2, 4])
    first = next(iter(table.scan(["id"]))).column("id")[0].as_py()
    (row,) = table.rows_by_id([first], ["text", "vector"]).to_pylist()
    text = row["text"]
    known = {text: np.asarray(row["vector"], dtype=np.float32)}
    for by in ("article", "chunk"):
        options: Any = {"ranker": "hybrid", "by": by, "k": 2}
        found = overlap(Database(tmp_path), table.name, [text], options, Model(known))
        theirs: Any = {"hybrid": True, "by": by, "k": 2}
        hits = search(Database(tmp_path), table.name, text, theirs, Model(known)).answers[0].hits
        expected = [(hit.article_id, hit.id) if by == "article" else (hit.id, None) for hit in hits]
        assert [(n.id, n.chunk) for n in found.rows[0].neighbors] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ranker": "best"}, "ranker=: 'best' is no way to rank"),
        ({"ranker": "word"}, r"Is it words\?"),
        ({"ranker": "approximate"}, "overlap is measured on exact lists alone"),
        ({"ranker": "words+rerank"}, "A reranker is needed for"),
        ({"ranker": "words", "explain": True}, "experiments with distances of vectors"),
        ({"ranker": "hybrid", "what_if": "corpus"}, "experiments with distances of vectors"),
        ({"diversity": 0.9}, "diversity= is the weight in a diverse ranking"),
        ({"ranker": "words", "language": "xx"}, "'xx' is not a language known here"),
    ],
)
def test_what_makes_no_sense_is_refused(world: Any, options: dict[str, Any], message: str) -> None:
    database, *_, known = world
    with pytest.raises(ConfigError) as raised:
        overlap(Database(database), "articles", list(known), options, Model(known))  # type: ignore[arg-type]
    assert re.search(message, f"{raised.value.message} {raised.value.hint}")
