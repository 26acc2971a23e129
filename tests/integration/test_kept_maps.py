"""Pictures of maps that a server keeps for its next start: the same ones, and never those of another table."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from planted import make_table, put_map
from tables import append, unit_vectors
from vecindex.core.picture import Extent, MapPicture
from vecindex.serve.table.kept_maps import Drawn, KeptMaps, name_of
from vecindex.serve.table.live import Live, Shown, Snapshot
from vecindex.serve.table.served import Served
from vecindex.store.database import Database


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vecindex" / "maps"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the name of each map that is drawn."""
    names: list[str] = []
    draw = Live._picture_of

    def noted(self: Live, at: Snapshot, name: str) -> MapPicture:
        names.append(name)
        return draw(self, at, name)

    monkeypatch.setattr(Live, "_picture_of", noted)
    return names


@pytest.fixture
def folder(tmp_path: Path, cache: Path) -> Path:
    vectors = np.random.default_rng(0).normal(size=(60, 8))
    make_table(tmp_path / "db", vectors, None)
    for name, columns in (("flat", slice(0, 2)), ("other", slice(2, 4))):
        put_map(tmp_path / "db", name, [f"a{i:05d}" for i in range(60)], vectors[:, columns])
    return tmp_path / "db"


def shown(folder: Path, name: str = "flat", questions: Path | None = None) -> Shown:
    """Return a map as a server shows it that has just started."""
    live = Live(Served(str(folder), "articles", None, None if questions is None else str(questions)))
    return live.shown(live.snapshot(), name)


def assert_same(one: Shown, other: Shown) -> None:
    assert one.header == other.header
    assert one.sections == other.sections
    assert one.extent == other.extent
    assert np.array_equal(one.rows, other.rows)
    assert np.array_equal(one.on_map, other.on_map)


def test_the_second_start_shows_what_the_first_one_has_drawn(folder: Path, cache: Path, drawn: list[str]) -> None:
    first, second = shown(folder), shown(folder)
    assert drawn == ["flat"]
    assert_same(first, second)
    assert sorted(first.rows.tolist()) == list(range(60))
    shown(folder, "other")
    assert drawn == ["flat", "other"]
    # Titles and texts of the table are in it.
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_another_version_is_drawn(folder: Path, drawn: list[str]) -> None:
    before = shown(folder)
    append(Database(folder).articles("articles"), unit_vectors(3, seed=7), ids=["x", "y", "z"], txn=2)
    after = shown(folder)
    assert drawn == ["flat", "flat"]
    assert len(after.on_map) == len(before.on_map) + 3
    assert after.header["edition"] != before.header["edition"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_picture_is_drawn_again_with_a_line(
    folder: Path, cache: Path, drawn: list[str], damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = shown(folder)
    (path,) = cache.glob("*.map")
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes({"cut": whole[:-9], "flipped": flipped, "empty": b"", "other": b"PK" + whole}[damage])
    with caplog.at_level(logging.WARNING):
        assert_same(first, shown(folder))
    assert drawn == ["flat", "flat"]
    assert [record.message for record in caplog.records if "damaged" in record.message]
    # What was drawn again is kept.
    assert_same(first, shown(folder))
    assert drawn == ["flat", "flat"]


def test_a_cache_that_cannot_be_written_changes_nothing(folder: Path, cache: Path, drawn: list[str]) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")
    assert_same(shown(folder), shown(folder))
    assert drawn == ["flat", "flat"]


def test_the_pictures_used_last_are_kept(cache: Path) -> None:
    kept = KeptMaps(cache)
    one = Drawn({"n": 1}, {"points": b"\x00\x01", "ids": b""}, Extent(0.5, -1.0, 2.0))
    names = [name_of(table=number) for number in range(20)]
    assert len(set(names)) == 20
    for number, name in enumerate(names):
        kept.put(name, one)
        # As if each were a day later than the one before; the first one is used again and again.
        os.utime(cache / f"{name}.map", (number, number))
        assert kept.get(names[0]) == one
    assert {path.stem for path in cache.glob("*.map")} == {names[0], *names[5:]}
    assert kept.get(names[1]) is None
