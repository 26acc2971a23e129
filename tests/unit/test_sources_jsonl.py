"""JSON lines and JSON arrays: values, places, and every kind of bad row."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecindex.errors import SourceError
from vecindex.sources import files
from vecindex.sources.base import Record
from vecindex.sources.files import InputFile
from vecindex.sources.formats import FORMATS, ReadOptions, Source
from vecindex.sources.jsons import cutter as json_cutter
from vecindex.sources.jsons import rows as json_rows
from vecindex.sources.jsons.rows import read_json_lines
from vecindex.types import Rejected


def opened(file: InputFile, kind: str = "jsonl") -> Source:
    return FORMATS[kind].open(file, ReadOptions())


def read(raw: bytes, kind: str = "jsonl") -> list[Record | Rejected]:
    return list(opened(InputFile("c", stream=iter([io.BytesIO(raw)])), kind).read())


def test_reads_objects_and_counts_blank_lines() -> None:
    raw = b'\xef\xbb\xbf{"id": 1, "t": "\xc3\xa9"}\n\n  \r\n{"id": "b", "v": [1, NaN]}\r\n{"id": 3}'
    first, second, third = read(raw)
    assert first == Record("c:1", {"id": 1, "t": "é"})
    assert isinstance(second, Record)
    assert second.location == "c:4"
    assert second.fields["v"][0] == 1
    assert math.isnan(second.fields["v"][1])
    assert third == Record("c:5", {"id": 3})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": 1,}', "not valid JSON: Illegal trailing comma before end of object at character 9"),
        (b'{"id": 1', "not valid JSON: Expecting ',' delimiter at character 9"),
        (b'{"id": 1} {"id": 2}', "not valid JSON: Extra data at character 11"),
        (b"[1, 2]", "found a JSON array, expected an object"),
        (b'"text"', "found a JSON string, expected an object"),
        (b"null", "found a JSON null, expected an object"),
        (b"12", "found a JSON number, expected an object"),
        (b"true", "found a JSON boolean, expected an object"),
        (b'{"id": "\xff"}', "not valid UTF-8 at byte 9"),
        (b'{"id": "a\0"}', "not valid JSON: NUL byte at byte 10"),
        (b"[" * 100_000, "not usable JSON: nested too deeply"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not usable JSON: Exceeds the limit"),
    ],
)
def test_bad_line_is_rejected_and_the_next_one_read(line: bytes, reason: str) -> None:
    bad, good = read(line + b'\n{"id": 7}\n')
    assert isinstance(bad, Rejected)
    assert bad.location == "c:1"
    # Python words the trailing comma anew in 3.13.
    assert bad.reason.startswith(reason) or "trailing comma" in reason
    assert bad.excerpt == line.decode("utf-8", "replace")[:200]
    assert good == Record("c:2", {"id": 7})


def test_overlong_line_is_rejected_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_ROW_BYTES", 1000)
    bad, good = read(b'{"id": "' + b"x" * 5000 + b'"}\n{"id": 2}\n')
    assert bad == Rejected("c:1", "line longer than 64 MiB", excerpt='{"id": "' + "x" * 192)
    assert good == Record("c:2", {"id": 2})


def test_utf16_is_read() -> None:
    assert read('{"id": 1, "text": "Größe"}\n'.encode("utf-16")) == [Record("c:1", {"id": 1, "text": "Größe"})]
    with pytest.raises(SourceError, match=r"c: found UTF-16 text, expected UTF-8 \(in line 1\)\nConvert"):
        list(read_json_lines(io.BytesIO('{"id": 1}\n'.encode("utf-16")), "c"))


def test_lines_are_read_lazily(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b'{"id": 1}\n' + b"x" * (2 << 20))
    raw = path.open("rb")
    stream = opened(InputFile("c", stream=iter([raw]))).read()
    assert next(stream) == Record("c:1", {"id": 1})
    assert raw.tell() < 1 << 20
    raw.close()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
records = st.lists(st.dictionaries(st.text(max_size=8), values, max_size=4), max_size=6)


@settings(max_examples=50, deadline=None)
@given(records, st.booleans())
def test_round_trip(rows: list[dict[str, Any]], ascii_only: bool) -> None:
    text = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows)
    assert read(text.encode()) == [Record(f"c:{i}", row) for i, row in enumerate(rows, 1)]


@settings(max_examples=50, deadline=None)
@given(records, st.sampled_from([None, 2]), st.integers(1, 9))
def test_array_round_trip_whatever_the_pieces(rows: list[dict[str, Any]], indent: int, piece: int) -> None:
    """Cut at every few bytes, strings, escapes and brackets are still told apart."""
    before = json_cutter._PIECE_BYTES
    json_cutter._PIECE_BYTES = piece
    try:
        found = read(json.dumps(rows, indent=indent).encode(), "json")
    finally:
        json_cutter._PIECE_BYTES = before
    assert found == [Record(f"c[{i}]", row) for i, row in enumerate(rows)]


def test_array_element_that_is_bad_is_rejected() -> None:
    items = read(b'[{"id": 1}, {"id": }, 5, {"t": "],[\\""},\n {"id": "\xff"}]\n', "json")
    assert [item.location for item in items] == ["c[0]", "c[1]", "c[2]", "c[3]", "c[4]"]
    assert items[0] == Record("c[0]", {"id": 1})
    assert items[1] == Rejected("c[1]", "not valid JSON: Expecting value at character 9", excerpt=' {"id": }')
    assert items[2] == Rejected("c[2]", "found a JSON number, expected an object", excerpt=" 5")
    assert items[3] == Record("c[3]", {"t": '],["'})
    assert isinstance(items[4], Rejected)
    assert items[4].reason == "not valid UTF-8 at byte 11"


def test_cut_array_gives_its_rows_then_an_error() -> None:
    stream = opened(InputFile("c", stream=iter([io.BytesIO(b'[{"id": 1}, {"id": 2')])), "json").read()
    assert next(stream) == Record("c[0]", {"id": 1})
    with pytest.raises(SourceError, match="c: the JSON array ends too early, in element 1"):
        next(stream)


def test_data_after_the_array() -> None:
    with pytest.raises(SourceError, match="c: found more data after the JSON array, which ends with element 0"):
        read(b'[{"id": 1}] {"id": 2}', "json")


def test_array_element_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "MAX_ROW_BYTES", 1000)
    with pytest.raises(SourceError, match=r"c\[0\]: found an element longer than"):
        read(b'[{"id": "' + b"x" * 5000 + b'"}]', "json")


def test_json_file_of_lines_and_empty_array() -> None:
    assert read(b' \n{"id": 1}\n{"id": 2}\n', "json") == [
        Record("c:2", {"id": 1}),
        Record("c:3", {"id": 2}),
    ]
    assert read(b" [ ] ", "json") == []
    assert read(b"", "json") == []


OBJECTS = b'\xef\xbb\xbf{\n  "id": 1,\n  "t": "}{"\n}\n{"id": 2}{"id": 3},\n\n{"id": [{}]\n}'


@pytest.mark.parametrize("kind", ["json", "jsonl"])
@pytest.mark.parametrize("piece", [1, 7, 1 << 18])
def test_objects_one_after_the_other_over_any_number_of_lines(
    kind: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_cutter, "_PIECE_BYTES", piece)
    assert read(OBJECTS, kind) == [
        Record("c[0]", {"id": 1, "t": "}{"}),
        Record("c[1]", {"id": 2}),
        Record("c[2]", {"id": 3}),
        Record("c[3]", {"id": [{}]}),
    ]


def test_a_faulty_object_among_others() -> None:
    good, bad, last = read(b'{\n"id": 1}\n{\n"id": }\n{"id": 3}\n', "json")
    assert (good, last) == (Record("c[0]", {"id": 1}), Record("c[2]", {"id": 3}))
    assert isinstance(bad, Rejected)
    stream = opened(InputFile("c", stream=iter([io.BytesIO(b'{\n"id": 1}\n{"id": {}')])), "json").read()
    assert next(stream) == Record("c[0]", {"id": 1})
    with pytest.raises(SourceError, match="c: the JSON object ends too early, in element 1"):
        next(stream)


def test_lines_whose_first_one_is_faulty_are_lines() -> None:
    bad, good = read(b'{"id": 1\n{"id": 2}\n', "json")
    assert isinstance(bad, Rejected)
    assert (bad.location, good) == ("c:1", Record("c:2", {"id": 2}))


def test_action_lines_of_bulk_files_are_no_rows_and_give_their_ids() -> None:
    raw = (
        b'{"index": {"_type": "_doc", "_id": "290"}}\n{"title": "Ribosome"}\n'
        b'{"index": {"_id": "291"}}\n{"title": "Tide", "page_id": 5}\n{"index": {"a": 1}}\n'
    )
    assert read(raw) == [
        Record("c:2", {"_id": "290", "title": "Ribosome"}),
        Record("c:4", {"title": "Tide", "page_id": 5}),
        Record("c:5", {"index": {"a": 1}}),
    ]


def test_updates_of_bulk_files_may_have_more_than_the_document() -> None:
    raw = (
        b'{"update": {"_id": "1"}}\n{"doc": {"text": "a"}, "doc_as_upsert": true}\n'
        b'{"update": {"_id": "2"}}\n{"doc": {"text": "b"}, "upsert": {"n": 1}, "detect_noop": false}\n'
        b'{"update": {"_id": "3"}}\n{"doc": {"text": "c"}, "year": 1}\n'
    )
    assert read(raw) == [
        Record("c:2", {"_id": "1", "text": "a"}),
        Record("c:4", {"_id": "2", "text": "b"}),
        # A row with fields of its own.
        Record("c:6", {"_id": "3", "doc": {"text": "c"}, "year": 1}),
    ]


def test_count_hint_is_exact_for_a_short_file_and_near_for_a_long_one(tmp_path: Path) -> None:
    short, long = tmp_path / "short.jsonl", tmp_path / "long.jsonl"
    short.write_text('{"id": 1}\n{"id": 2}')
    long.write_text("".join(f'{{"id": {i}, "text": "{"x" * (i % 7)}"}}\n' for i in range(50_000)))
    assert opened(InputFile("short", str(short))).count_hint() == 2
    assert opened(InputFile("long", str(long))).count_hint() == pytest.approx(50_000, rel=0.05)
