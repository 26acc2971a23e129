"""Decisions of the sources that an ordinary file never comes near."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from vecindex.errors import SourceError
from vecindex.sources.articles import to_article
from vecindex.sources.base import Record
from vecindex.sources.expand import glob_base
from vecindex.sources.fieldmap import FieldMap
from vecindex.sources.files import InputFile, count_lines
from vecindex.sources.pickles.shapes import is_progress_mark, registry_rows
from vecindex.sources.pickles.unpickle import load_pickle
from vecindex.store.database import Database
from vecindex.store.rejects import RejectTable
from vecindex.types import Rejected


@pytest.mark.parametrize(
    ("pattern", "base"),
    [
        ("a/b/*.jsonl", "a/b"),
        ("a/*/b/*.jsonl", "a"),
        ("a/b?/c/d.csv", "a"),
        ("*/a/b.csv", ""),
        ("/data/**/x/[ab].csv", "/data"),
    ],
)
def test_the_folder_before_the_first_wildcard(pattern: str, base: str) -> None:
    assert glob_base(pattern) == base


@pytest.mark.parametrize(
    ("value", "is_mark"),
    [
        ({"done": 3, "of": 9}, True),
        ({"done": 3, "ids": ["a", "b"]}, True),
        # Whole numbers beside a counter are positions; fractions, and the bytes of a quantized vector, are a vector.
        ({"done": 3, "rows": [1, 2, 3]}, True),
        ({"done": 3, "rows": np.array([1, 2, 3])}, True),
        ({"done": 3, "rows": [0.1, 0.2, 0.3]}, False),
        ({"done": 3, "rows": np.array([0.1, 0.2, 0.3])}, False),
        ({"done": 3, "rows": np.array([0.1, 0.2, 0.3], np.float32)}, False),
        ({"done": 3, "rows": np.array([1, 2, 3], np.int8)}, False),
        # Timings of two lengths are no vectors.
        ({"done": 3, "seconds": [0.1, 0.2], "loss": [0.1, 0.2, 0.3]}, True),
        ({"seconds": [0.1, 0.2], "loss": [0.1, 0.2, 0.3]}, False),
        ({"a": [1, 2], "b": [3, 4]}, False),
        ({"a": np.ones((3, 2)), "n": 1}, False),
        ({"vectors": [], "n": 1}, False),
        ({"n": 1, "items": [{"vector": [0.1, 0.2]}]}, False),
        ({"n": 1, "items": [{"name": "a"}, {"name": "b"}]}, True),
        ([], False),
    ],
)
def test_a_progress_mark_holds_no_vectors(value: Any, is_mark: bool) -> None:
    # As it comes out of a file: the unpickler has its own kind of array.
    loaded = load_pickle(io.BufferedReader(io.BytesIO(pickle.dumps(value))), "p")  # type: ignore[arg-type]
    assert is_progress_mark(loaded) is is_mark


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("https://example.org/data/a.jsonl?v=1#top", "a.jsonl"),
        ("https://example.org/data/a.jsonl#top", "a.jsonl"),
        ("s3://bucket/deep/er/b.csv.gz", "b.csv.gz"),
        ("folder/c#1.csv", "c#1.csv"),
    ],
)
def test_the_name_of_a_file(location: str, name: str) -> None:
    assert InputFile(location, location).base_name == name


@pytest.mark.parametrize("end", ["", "\n"])
def test_the_lines_of_a_whole_file_are_counted_exactly(tmp_path: Path, end: str) -> None:
    file = tmp_path / "a.txt"
    file.write_text("line\n" * 999 + "last" + end)
    assert InputFile(str(file), str(file)).rows_hint(count_lines) == 1000


@pytest.mark.parametrize("value", [{("a", "b"): 1}, {frozenset("a"): 1}])
def test_a_nested_value_that_json_cannot_hold_rejects_its_row(value: Any) -> None:
    found = to_article(Record("f:1", {"id": "a", "text": "t", "x": value}), FieldMap("id", "text"))
    assert isinstance(found, Rejected)
    assert (found.location, found.id) == ("f:1", "a")


@pytest.mark.parametrize(
    "global_name", ["evil Float32DType", "os Float32DType", "numpy.dtypes load", "numpy.dtypes EvilDType"]
)
def test_only_dtypes_of_numpy_are_taken_for_such(global_name: str) -> None:
    raw = b"c" + global_name.replace(" ", "\n").encode() + b"\n)R."
    with pytest.raises(SourceError, match=f"refused: the pickle holds the global {global_name.replace(' ', '.')}"):
        load_pickle(io.BufferedReader(io.BytesIO(raw)), "p")  # type: ignore[arg-type]


def test_a_registry_knows_titles_and_fields_but_no_vectors() -> None:
    known = registry_rows(
        {
            "a": {"title": "A", "id": "another", "vector": [0.5], "embedding": [0.5], 7: "x", "url": "u"},
            "b": "B",
            3: None,
        },
        "r",
    )
    assert known == {"a": {"id": "a", "title": "A", "url": "u"}, "b": {"id": "b", "title": "B"}, "3": {"id": 3}}


def test_the_widest_window_of_zstd_is_read(tmp_path: Path) -> None:
    # Made by hand: magic, no content size, a window of 2 GiB (`zstd --long=31`), and one raw block of five bytes.
    frame = bytes.fromhex("28b52ffd00a8") + (5 << 3 | 1).to_bytes(3, "little") + b"hello"
    file = tmp_path / "a.txt.zst"
    file.write_bytes(frame)
    with InputFile(str(file), str(file)).open() as stream:
        assert stream.read() == b"hello"


def test_a_disk_too_small_to_unpack_on_is_an_error_of_the_source(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet.gz"
    file.write_bytes(gzip.compress(bytes(1 << 20)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with (
            pytest.raises(SourceError, match="cannot be unpacked into"),
            InputFile(str(file), str(file)).open_seekable() as stream,
        ):
            stream.read()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with InputFile(str(file), str(file)).open_seekable() as stream:
        assert len(stream.read()) == 1 << 20


def test_a_text_that_is_no_utf8_in_a_file_whose_name_is_none_is_one_reject(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"\xff\xfe\0")
    (folder / os.fsdecode(b"th\xe9.txt")).write_text("A good text under a name that no id can be.")
    report = vecindex.open(tmp_path / "db").ingest(folder)
    assert (report.added, report.rejected, report.read) == (0, 2, 2)
    assert report.reject_reasons == {"not valid UTF-8": 1, "id is not valid Unicode": 1}
    assert [row["id"] for row in RejectTable(Database(tmp_path / "db")).rows("articles")] == ["caf\\udce9.txt", None]
