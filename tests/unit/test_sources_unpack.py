"""Compressed data that unpack to far more than they should, and pickles that ask for more than they hold."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import zstandard

import vecindex
from vecindex.errors import SourceError
from vecindex.sources import unpack
from vecindex.sources.base import Record
from vecindex.sources.files import InputFile
from vecindex.sources.open import open_sources
from vecindex.sources.pickles import source as pickles
from vecindex.verbs.ids import read_ids
from vecindex.verbs.questions.reader import read

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
ROW = b'{"id": "a", "v": [1.0], "text": "the same words again"}\n'


@pytest.fixture
def bomb(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """0.9 MB of one row again and again; more than 0.5 MB is looked at."""
    monkeypatch.setattr(unpack, "FREE_BYTES", 1 << 19)
    return ROW * 20_000


@pytest.mark.parametrize("packing", PACK)
def test_a_bomb_ends_with_a_reason_and_an_option(packing: str, bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"rows.jsonl{packing}"
    path.write_bytes(PACK[packing](bomb))
    (source,) = open_sources([path], max_ratio=20)
    rows = source.read()
    assert isinstance(next(rows), Record)  # what was unpacked before is handed out
    with pytest.raises(SourceError, match=r"expected at most 20 times as many; it may be made to fill a disk"):
        list(rows)
    (source,) = open_sources([path], max_ratio=1_000_000)
    assert sum(1 for _ in source.read()) == 20_000


def test_what_texts_pack_to_is_far_from_the_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(unpack, "FREE_BYTES", 0)
    log = b"".join(b'{"id": "%d", "text": "GET /index.html 200", "at": "2024-01-01"}\n' % i for i in range(3_000))
    for packing, pack in PACK.items():
        path = tmp_path / f"log.jsonl{packing}"
        path.write_bytes(pack(log))
        (source,) = open_sources([path])
        assert sum(1 for _ in source.read()) == 3_000


def test_every_reader_of_compressed_files_has_the_limit(bomb: bytes, tmp_path: Path) -> None:
    packed = gzip.compress(bomb)
    for name in ("rows.jsonl", "rows.json", "rows.csv", "rows.xml", "rows.parquet", "rows.arrow", "rows.pkl"):
        (tmp_path / f"{name}.gz").write_bytes(packed)
    for name in ("rows.jsonl", "rows.json"):
        with pytest.raises(SourceError, match="unpack to more than"):
            read(tmp_path / f"{name}.gz")
    with pytest.raises(SourceError, match="unpack to more than"):
        read_ids(str(tmp_path / "rows.jsonl.gz"))
    with pytest.raises(SourceError, match="unpack to more than"):
        read("-", BytesIO(packed))
    file = InputFile("rows.parquet.gz", str(tmp_path / "rows.parquet.gz"))
    with pytest.raises(SourceError, match="unpack to more than"), file.open_seekable():
        pass
    with pytest.raises(SourceError, match="unpack to more than"):
        vecindex.open(tmp_path / "db").ingest(
            tmp_path / "rows.jsonl.gz",
            max_ratio=20,
            id_field="id",
            vector_field="v",
            model="test/none",
            unverified=True,
        )


def test_a_folder_gives_its_limit_to_its_files(bomb: bytes, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(bomb))
    (source,) = open_sources([tmp_path], max_ratio=20)
    with pytest.raises(SourceError, match="expected at most 20 times"):
        list(source.read())


def test_a_packed_pickle_is_bounded_by_what_it_unpacks_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "old.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps([{"id": "a", "embedding": [1.0], "text": "x" * 100_000}])))
    monkeypatch.setattr(pickles, "MAX_PICKLE_BYTES", 50_000)
    (source,) = open_sources([path])
    with pytest.raises(SourceError, match="found a pickle of more than 50,000 bytes, expected at most 50,000"):
        list(source.read())


def test_a_pickle_that_asks_for_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(b"\x80\x04Nr\xff\xff\xff\x7f.")
    (source,) = open_sources([path])
    with pytest.raises(SourceError, match="refused: the pickle asks for memory for 2,147,483,647 values"):
        list(source.read())
    with path.open("rb") as stream:
        (source,) = open_sources(["-"], format="pickle", stdin=stream)
        with pytest.raises(SourceError, match="asks for memory"):
            list(source.read())


def test_a_pickle_is_read_from_a_pipe(tmp_path: Path) -> None:
    data = BytesIO(pickle.dumps([{"id": "a", "embedding": [1.0, 2.0]}]))
    (source,) = open_sources(["-"], format="pickle", stdin=data)
    (row,) = source.read()
    assert row.fields == {"id": "a", "vector": [1.0, 2.0]}
