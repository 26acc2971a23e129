"""The exact search against one product and a sort: ids and distances, ties and duplicates included."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.nearest import nearest
from searching import nearest_articles
from vecindex.core.neighbors import NO_ROW
from vecindex.core.vectors import normalize
from vecindex.neighbors import blas
from vecindex.neighbors.blas import CORETYPE, Products, blas_for, core_type, processor_flags
from vecindex.neighbors.exact import MARGIN, ExactSearch


def corpus(seed: int, n: int, d: int, copies: int = 0) -> np.ndarray:
    """Return unit vectors, the last `copies` of which are copies of the first few."""
    rng = np.random.default_rng(seed)
    vectors = normalize(rng.normal(size=(n, d)))
    if copies:
        vectors[-copies:] = vectors[rng.integers(0, min(3, n), copies)]
    return vectors


def blocks(vectors: np.ndarray, size: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows in blocks, the blocks in a random order."""
    cut = [
        (np.arange(at, min(at + size, len(vectors))), vectors[at : at + size]) for at in range(0, len(vectors), size)
    ]
    return [cut[i] for i in np.random.default_rng(seed).permutation(len(cut))]


@given(
    st.integers(0, 2**20),
    st.integers(1, 400),
    st.sampled_from([2, 3, 17, 64]),
    st.integers(1, 30),
    st.integers(1, 200),
    st.integers(1, 15),
    st.floats(0, 0.9),
)
@settings(max_examples=60, deadline=None)
def test_it_is_exact(seed: int, n: int, d: int, k: int, size: int, q: int, copied: float) -> None:
    vectors = corpus(seed, n, d, int(copied * n))
    queries = np.concatenate([vectors[:2], corpus(seed + 1, q, d)])
    found = nearest_articles(queries, blocks(vectors, size, seed), k)
    rows, dist = nearest(queries, vectors, k)
    assert (found.rows[:, : rows.shape[1]] == rows).all()
    assert (found.dist[:, : rows.shape[1]] == dist).all()
    assert (found.rows[:, rows.shape[1] :] == NO_ROW).all()
    assert np.isinf(found.dist[:, rows.shape[1] :]).all()


@given(st.integers(0, 2**20), st.integers(6, 300), st.integers(1, 9), st.integers(1, 200), st.floats(0, 0.9))
@settings(max_examples=30, deadline=None)
def test_a_few_products_at_a_time_change_nothing(seed: int, n: int, k: int, size: int, copied: float) -> None:
    vectors = corpus(seed, n, 17, int(copied * n))
    queries = np.concatenate([vectors[:2], corpus(seed + 1, 14, 17)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blas, "_PRODUCT_VALUES", 100)
        found = nearest_articles(queries, blocks(vectors, size, seed), k)
    rows, dist = nearest(queries, vectors, k)
    assert (found.rows[:, : rows.shape[1]] == rows).all()
    assert (found.dist[:, : rows.shape[1]] == dist).all()


def test_one_query_amid_many_rows_leaves_the_others_alone() -> None:
    # The second half lies around the first query, more of it than any list of candidates is to hold.
    vectors = corpus(1, 2_000, 24)
    queries = corpus(2, 20, 24)
    vectors[1_000:] = normalize(queries[0] + 0.05 * vectors[1_000:])
    found = nearest_articles(queries, [(np.arange(at, at + 1_000), vectors[at : at + 1_000]) for at in (0, 1_000)], 5)
    rows, dist = nearest(queries, vectors, 5)
    assert (found.rows == rows).all()
    assert (found.dist == dist).all()
    assert (found.rows[0] >= 1_000).all()


def test_products_are_those_of_numpy() -> None:
    vectors, block = corpus(1, 30, 17), corpus(2, 50, 17)
    room = np.full((60, 30), 7.0, dtype=np.float32)
    found = Products(vectors).into(room, block)
    assert np.abs(found - block @ vectors.T).max() < MARGIN
    assert (room[50:] == 7).all()


@pytest.mark.parametrize(
    ("room", "block"),
    [
        (np.empty((9, 30), np.float32), np.ones((10, 17), np.float32)),
        (np.empty((10, 29), np.float32), np.ones((10, 17), np.float32)),
        (np.empty((10, 30), np.float32), np.ones((10, 16), np.float32)),
        (np.empty((10, 30), np.float32), np.ones((10, 17), np.float64)),
        (np.empty((10, 30), np.float32), np.ones((10, 34), np.float32)[:, ::2]),
    ],
)
def test_products_without_room_are_refused(room: np.ndarray, block: np.ndarray) -> None:
    with pytest.raises(ValueError, match="products"):
        Products(corpus(1, 30, 17)).into(room, block)


def test_blocks_that_come_ever_nearer() -> None:
    vectors = corpus(1, 3_000, 24)
    query = normalize(np.ones((150, 24)) + 0.01 * np.random.default_rng(2).normal(size=(150, 24)))
    vectors = vectors[np.argsort(vectors @ query[0])]
    found = nearest_articles(
        query, [(np.arange(at, at + 500), vectors[at : at + 500]) for at in range(0, 3_000, 500)], 7
    )
    rows, dist = nearest(query, vectors, 7)
    assert (found.rows == rows).all()
    assert (found.dist == dist).all()


@pytest.mark.parametrize("size", [5_000, 1_024, 77])
@pytest.mark.parametrize("threads", [1, 2])
def test_blocks_and_threads_change_nothing(size: int, threads: int) -> None:
    vectors = corpus(5, 5_000, 96, copies=600)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        found = nearest_articles(vectors[:240], blocks(vectors, size), 12)
    finally:
        faiss.omp_set_num_threads(before)
    rows, dist = nearest(vectors[:240], vectors, 12)
    assert (found.rows == rows).all()
    assert (found.dist == dist).all()


@pytest.mark.parametrize("copies", [1, 12])
def test_neighbors_that_differ_in_the_last_digits_are_told_apart(copies: int) -> None:
    # A thousand articles on a circle around the query at distances that float32 products cannot tell apart.
    rng = np.random.default_rng(0)
    query = normalize(rng.normal(size=(1, 384)))
    around = normalize(
        0.5 * query + 0.04 * normalize(rng.normal(size=(1_000, 384))) + 1e-7 * rng.normal(size=(1_000, 1))
    )
    found = nearest_articles(np.repeat(query, copies, axis=0), blocks(around, 300), 50)
    rows, dist = nearest(query, around, 50)
    assert (found.rows == rows).all()
    assert (found.dist == dist).all()


def test_an_article_is_left_out_of_its_own_neighbors() -> None:
    vectors = corpus(1, 200, 16, copies=30)
    itself = np.arange(200)
    found = nearest_articles(vectors, blocks(vectors, 64), 5, itself)
    rows, _ = nearest(vectors, vectors, 36)
    right = [[row for row in rows[i] if row != i][:5] for i in range(200)]
    assert found.rows.tolist() == right


def test_many_queries_go_in_parts() -> None:
    vectors = corpus(2, 300, 8)
    queries = corpus(3, 2_500, 8)
    found = nearest_articles(queries, blocks(vectors, 100), 3)
    assert (found.rows == nearest(queries, vectors, 3)[0]).all()


def test_what_is_not_finite_is_refused() -> None:
    vectors = corpus(0, 10, 4)
    bad = vectors.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="a query is not finite"):
        ExactSearch(bad, 2)
    search = ExactSearch(vectors, 2)
    with pytest.raises(ValueError, match="1 vector is not finite"):
        search.add(np.arange(10), bad)
    with pytest.raises(ValueError, match="9 rows for 10 vectors"):
        search.add(np.arange(9), vectors)
    with pytest.raises(ValueError, match="k must be at least 1"):
        ExactSearch(vectors, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 1, 700, 1_998, 1_999])
@pytest.mark.parametrize("crowd", [0.0, 3.0])
def test_what_is_not_finite_is_refused_in_every_block(
    value: float, row: int, crowd: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nought times what is not finite must not hide it; and where much is near, only the first 100 rows are looked at.
    monkeypatch.setattr(blas, "_PRODUCT_VALUES", 3_200)
    queries = np.zeros((30, 8), dtype=np.float32)
    queries[:, 0] = 1
    vectors = corpus(0, 2_000, 8)
    vectors[:, 0] += crowd
    vectors = normalize(vectors)
    vectors[row, 1 + row % 7] = value
    search = ExactSearch(queries, 4)
    search.add(np.arange(2_000), corpus(1, 2_000, 8))
    with pytest.raises(ValueError, match="1 vector is not finite"):
        search.add(np.arange(2_000, 4_000), vectors)


def test_no_block_is_no_answer() -> None:
    found = nearest_articles(corpus(0, 2, 4), [(np.empty(0, np.int64), np.empty((0, 4), np.float32))], 2)
    assert (found.rows == NO_ROW).all()


def test_the_threshold_is_put_back() -> None:
    before = faiss.cvar.distance_compute_blas_threshold
    with blas_for(100):
        assert faiss.cvar.distance_compute_blas_threshold == 1
    assert faiss.cvar.distance_compute_blas_threshold == before
    with blas_for(1):
        assert faiss.cvar.distance_compute_blas_threshold == before
    with pytest.raises(RuntimeError, match="inside"), blas_for(100):
        raise RuntimeError("inside")
    assert faiss.cvar.distance_compute_blas_threshold == before


def test_flags_decide_the_kernels(tmp_path: Path) -> None:
    everything = {"avx2", "fma", "avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"}
    assert core_type(everything) == "SkylakeX"
    assert core_type(everything - {"avx512vl"}) == "Haswell"
    assert core_type({"avx2"}) is None
    told = tmp_path / "cpuinfo"
    told.write_text("flags\t\t: fma avx2 sse\nmodel: 3\nflags\t\t: avx2 fma\n")
    assert processor_flags(told) == {"avx2", "fma"}
    assert processor_flags(tmp_path / "absent") == set()


@pytest.mark.parametrize("own", [None, "Prescott"])
def test_the_users_choice_of_kernels_stands(own: str | None) -> None:
    code = (
        "import os, sys; from vecindex.neighbors import blas; seen = []\n"
        "class Watch:\n"
        "    def find_spec(self, name, *a): seen.append(os.environ.get(blas.CORETYPE)) if name == 'faiss' else None\n"
        "sys.meta_path.insert(0, Watch()); blas.load_faiss(); print(seen[0], os.environ.get(blas.CORETYPE))"
    )
    environment = {key: value for key, value in os.environ.items() if key != CORETYPE}
    if own:
        environment[CORETYPE] = own
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    expected = own or core_type(processor_flags())
    assert done.stdout.split() == [str(expected), str(own)], done.stderr


def test_threads_without_room_for_their_memory_are_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_workers", {})
    monkeypatch.setattr(blas, "addresses_left", lambda: 200_000_000)
    monkeypatch.setattr(blas.load_faiss(), "omp_get_max_threads", lambda: 2)
    with pytest.raises(MemoryError, match="2 threads take 285 MB, and 200 MB are left"):
        blas.in_threads([lambda: 1, lambda: 2])
