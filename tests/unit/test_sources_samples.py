"""Samples of large sources: whole rows, spread over the source, and how many stand behind each."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from vecindex.sources.base import Record, Source
from vecindex.sources.jsons.rows import _row_starts
from vecindex.sources.open import open_sources
from vecindex.sources.samples import sample, stretches
from vecindex.sources.samples.sample import Sample, sample_of, samples
from vecindex.sources.sampling import Spaced, record_starts

N = 3_000
# Of mixed length, with line ends and quotes; 37 and 3,000 have no common divisor.
ROWS = [{"id": str(i), "text": f'Row "{i}",\nof a length\n' + "word " * (i * 37 % 120)} for i in range(N)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file of a megabyte be a large one."""
    monkeypatch.setattr(sample, "WHOLE_BYTES", 50_000)
    monkeypatch.setattr(sample, "WHOLE_ROWS", 100)
    monkeypatch.setattr(sample, "RANGES", 40)
    monkeypatch.setattr(sample, "_ROWS_EACH", 10)
    for module in (sample, stretches):
        monkeypatch.setattr(module, "RANGE_BYTES", 2_000)


def jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def packed(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text"])
        writer.writeheader()
        writer.writerows(rows)


def parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=700)


def arrow(path: Path, rows: list[dict[str, Any]]) -> None:
    pa.feather.write_feather(pa.Table.from_pylist(rows), str(path), chunksize=250)


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], object]] = {
    "rows.jsonl": jsonl,
    "rows.jsonl.gz": packed,
    "rows.csv": table,
    "rows.json": lambda path, rows: path.write_text(json.dumps(rows)),
    "indented.json": lambda path, rows: path.write_text(json.dumps(rows, indent=2)),
    "rows.parquet": parquet,
    "rows.arrow": arrow,
}


def one(path: Path | str, **options: Any) -> tuple[Sample, list[Record]]:
    (source,) = open_sources([path], **options)
    (made,) = samples([source], source.count_hint())
    found = sample_of(made)
    assert found is not None
    rows = list(made.read())
    assert all(isinstance(row, Record) for row in rows), "no row is cut"
    return found, [row for row in rows if isinstance(row, Record)]


@pytest.mark.parametrize("name", WRITERS)
def test_a_sample_has_whole_rows_from_all_of_a_file(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, ROWS)
    made, rows = one(tmp_path / name)
    assert all(ROWS[int(str(row.fields["id"]))]["text"] == row.fields["text"] for row in rows)
    at = [int(str(row.fields["id"])) for row in rows]
    assert len(set(at)) == len(at) < N / 2
    assert made.spread
    assert not made.is_whole
    # Each tenth of the file is there about as much as any other.
    tenths = [sum(part * N // 10 <= i < (part + 1) * N // 10 for i in at) / len(at) for part in range(10)]
    assert min(tenths) > 0.05
    assert max(tenths) < 0.15
    assert made.weight is not None
    assert made.weight * len(rows) == pytest.approx(N, rel=0.1)


def test_long_rows_are_as_likely_as_short_ones(tmp_path: Path) -> None:
    # All long rows first: by bytes they are 10 of 11 parts, by rows one half.
    rows = [{"id": str(i), "text": "x" * (1_000 if i < 1_000 else 70)} for i in range(2_000)]
    jsonl(tmp_path / "rows.jsonl", rows)
    made, found = one(tmp_path / "rows.jsonl")
    assert made.weight is not None
    assert made.weight * len(found) == pytest.approx(2_000, rel=0.15)
    assert sum(int(row.fields["id"]) < 1_000 for row in found) / len(found) == pytest.approx(0.5, abs=0.1)


def test_rows_longer_than_a_range_are_read_whole(tmp_path: Path) -> None:
    rows = [{"id": str(i), "text": str(i) * 3_000} for i in range(100)]
    jsonl(tmp_path / "rows.jsonl", rows)
    made, found = one(tmp_path / "rows.jsonl")
    assert found
    assert all(row.fields == rows[int(row.fields["id"])] for row in found)
    assert made.weight is not None
    assert made.weight * len(found) == pytest.approx(100, rel=0.3)


def test_small_sources_are_read_whole(tmp_path: Path) -> None:
    jsonl(tmp_path / "rows.jsonl", ROWS[:90])
    made, found = one(tmp_path / "rows.jsonl")
    assert (len(found), made.weight, made.is_whole) == (90, 1, True)


def test_of_an_array_with_rows_in_rows_only_the_beginning_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{**row, "links": [{"id": "a"}, {"id": "b"}]} for row in ROWS]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    made, found = one(tmp_path / "rows.json")
    # There was time for all of it.
    assert (len(found), made.spread, made.is_whole) == (N, False, True)
    monkeypatch.setattr(sample, "SECONDS", 0.0)
    made, found = one(tmp_path / "rows.json")
    assert (len(found), made.spread, made.is_whole) == (1, False, False)
    assert made.weight == pytest.approx(N, rel=0.3)


def test_of_a_stream_nothing_says_how_many_rows_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    made, found = one("-", stdin=io.BytesIO(lines))
    assert (len(found), made.weight, made.is_whole) == (N, 1, True)
    monkeypatch.setattr(sample, "SECONDS", 0.0)
    made, found = one("-", stdin=io.BytesIO(lines))
    assert (len(found), made.weight, made.is_whole) == (1, None, False)


def test_of_a_packed_file_what_there_is_time_for_stands_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed(tmp_path / "rows.jsonl.gz", ROWS)
    monkeypatch.setattr(sample, "SECONDS", 0.0)
    made, found = one(tmp_path / "rows.jsonl.gz")
    assert (found[0].fields["id"], made.spread) == ("0", False)
    assert len(found) < 50
    assert made.weight is not None


def test_some_files_of_many_stand_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_FILES", 10)
    for i in range(100):
        jsonl(tmp_path / f"part-{i:02}.jsonl", ROWS[30 * i : 30 * i + 30])
    sources: list[Source] = open_sources([tmp_path])
    made = samples(sources, N)
    assert 5 <= len(made) <= 10
    estimated = 0.0
    for one_made in made:
        n = sum(1 for _ in one_made.read())
        found = sample_of(one_made)
        assert found is not None
        assert found.weight is not None
        assert not found.is_whole
        estimated += n * found.weight
    assert estimated == pytest.approx(N, rel=0.25)


def test_of_a_folder_of_texts_some_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "_TEXTS", 30)
    for i in range(120):
        (tmp_path / f"{i:03}.txt").write_text(f"text {i}")
    made, found = one(tmp_path)
    assert [row.fields["id"] for row in found] == [f"{i:03}.txt" for i in range(0, 120, 4)]
    assert (made.weight, made.is_whole) == (4, False)


def test_where_quotes_are_decides_where_records_begin() -> None:
    text = b'1,"a ""b"",\nc"\n2,"d\ne"\n3,f\n'
    # From the beginning, and from inside the first quoted field.
    assert list(record_starts(b"").find(text)) == [15, 23]
    assert list(record_starts(b"").find(text[3:])) == [12, 20]


def test_spaced_items_are_every_first_second_or_fourth() -> None:
    spaced = Spaced[int](4)
    for i in range(9):
        spaced.add(i)
    assert spaced.items == [0, 4, 8]


@pytest.mark.parametrize(
    "head",
    [
        b'{\n  "id": 1\n}\n{\n  "id": 2\n}\n',
        b'{"index": {"_id": "1"}}\n{"text": "a"}\n',
        b"[1, 2, 3]",
        b'[{"id": 1, "links": [{"id": 2}]}]',
    ],
    ids=["over lines", "bulk", "no objects", "nested"],
)
def test_json_whose_rows_cannot_be_found_from_the_middle(head: bytes) -> None:
    assert _row_starts(head) is None


def test_rows_of_json_are_found() -> None:
    array = _row_starts(b'[{"id": 1}, {"id": 2}]')
    assert array is not None
    # Not the second key, nor a text that looks like an element.
    data = rb', {"id": 3, "text": ", {\"id\": 4"}, {"id": 5}'
    assert list(array.find(data)) == [2, data.index(b'{"id": 5}')]
    assert array.close == b"]"
    lines = _row_starts(b'{"id": 1}\n{"id": 2}\n')
    assert lines is not None
    assert list(lines.find(b'"}\n{"id": 3}\n')) == [3]
