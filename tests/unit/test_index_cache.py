"""How much of a table's indexes may stay in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tables import filled
from vecindex.store import local
from vecindex.store.database import Database
from vecindex.store.local import INDEX_CACHE, index_cache_bytes

MB = 1 << 20


def with_index(folder: Path, *sizes: int) -> Path:
    """Make files of these sizes, without contents, each an index of its own."""
    for number, size in enumerate(sizes):
        file = folder / "_indices" / str(number) / "auxiliary.idx"
        file.parent.mkdir(parents=True)
        with file.open("wb") as stream:
            stream.truncate(size)
    return folder


@pytest.mark.parametrize(
    ("sizes", "available", "expected"),
    [
        ((), 8_000 * MB, INDEX_CACHE),
        ((100 * MB,), 8_000 * MB, INDEX_CACHE),
        ((300 * MB, 90 * MB), 8_000 * MB, 390 * MB),
        ((3_000 * MB,), 8_000 * MB, 2_000 * MB),
        ((3_000 * MB,), 100 * MB, INDEX_CACHE),
    ],
)
def test_it_is_that_of_the_files_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...], available: int, expected: int
) -> None:
    monkeypatch.setattr(local, "memory_available", lambda: available)
    assert index_cache_bytes(with_index(tmp_path, *sizes)) == expected
    assert index_cache_bytes(None) == INDEX_CACHE


def test_a_table_that_is_open_gets_room_for_an_index_that_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "INDEX_CACHE", 1_000)
    monkeypatch.setattr(local, "memory_available", lambda: 100 * MB)
    table, _ = filled(tmp_path, 300)
    tables = Database(tmp_path)
    reader = tables.articles("articles")
    assert reader.count() == 300
    before = tables._shared
    assert tables._shared_bytes == 1_000
    table.lance.to_lance().create_index("vector", "IVF_SQ", metric="cosine", num_partitions=2)
    assert reader.count() == 300
    files = sum(one.stat().st_size for one in (tmp_path / "articles.lance" / "_indices").rglob("*.*"))
    assert tables._shared_bytes == files > 1_000
    assert reader.lance._caches is tables._shared is not before
    # It stays as it is while it is large enough, and all tables share it.
    table.lance.delete("id = 'a00001'")
    assert reader.count() == 299
    assert tables.open_table("articles")._caches is reader.lance._caches
