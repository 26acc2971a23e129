"""Lines read in blocks: the same rows, rejects, notices and errors as line by line."""

from __future__ import annotations

import gzip
import os
import threading
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vecindex.errors import SourceError
from vecindex.sources import files as files_module
from vecindex.sources.base import Block, Record, blocks_of, each
from vecindex.sources.delimited import blocks as blocks_module
from vecindex.sources.delimited import source as delimited_module
from vecindex.sources.formats import ReadOptions
from vecindex.sources.open import open_sources

CELLS = [
    "a",
    "7",
    "x 1",
    '"q"',
    '"a, b"',
    '"two\nlines"',
    '"1,2\n3,4,5"',
    ' "blank"',
    '5" pipe',
    '\\"',
    "",
    " ",
    "\0",
]
ROWS = ["1,a,b", "2,c,d", "3,,", '4,"e, f",g', '5,"h\ni",j', "6,k", "id,x,text", "", " ", '"', 'é,"ü\n1,2,3",n']
LINES = [
    '{"id": 1, "text": "a"}',
    '{"id": 2, "text": "b\\n\\ud83d\\ude00"} ',
    '{"id": "3", "text": null}',
    '{"text": "c", "id": 4}',
    '{"id": 5, "text": ["d"], "more": {"a": 1}}',
    '{"id": 6, "text": "e"} x',
    '{"index": {"_id": "7"}}',
    '{"doc": {"text": "f"}}',
    '{"delete": {"_id": "8"}}',
    '{"a":',
    "[1, 2]",
    "",
    " ",
    '{"id": 9, "text": "a raw \0"}',
]


def read(path: Path, in_blocks: bool, **options: Any) -> tuple[list[Any], list[str], str | None]:
    """Return the rows of a file, the notices, and the error that it ends with."""
    notices: list[str] = []
    found: list[Any] = []
    how = ReadOptions(**options)
    try:
        (source,) = open_sources([str(path)], notice=lambda message: notices.append(str(message)), reading=how)
        for item in each(blocks_of(source)) if in_blocks else source.read():
            found.append(item)
    except SourceError as error:
        return found, notices, str(error)
    return found, notices, None


def check(path: Path, raw: bytes, piece_bytes: int, **options: Any) -> None:
    """Assert that a file gives the same both ways."""
    path.write_bytes(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files_module, "PIECE_BYTES", piece_bytes)
        patch.setattr(blocks_module, "_ONE_BY_ONE", 2)
        patch.setattr(delimited_module, "SAMPLE_ROWS", 1)
        assert read(path, True, **options) == read(path, False, **options)


csv_lines = st.one_of(
    st.sampled_from(ROWS),
    st.sampled_from(ROWS[:5]),
    st.lists(st.sampled_from(CELLS), min_size=1, max_size=4).map(",".join),
    st.text(st.sampled_from('",\n\r \\1aé'), max_size=8),
)
SLOW = {"deadline": None, "suppress_health_check": list(HealthCheck)}
ENDS = st.sampled_from(["\n", "\n", "\r\n", "\r"])


@settings(max_examples=300, **SLOW)
@given(
    lines=st.lists(csv_lines, max_size=25),
    end=ENDS,
    size=st.integers(1, 80),
    quoting=st.sampled_from(["auto", "csv"]),
)
def test_csv_in_blocks_gives_what_lines_give(
    lines: list[str], end: str, size: int, quoting: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = end.join(["id,x,text", *lines]).encode()
    check(tmp_path_factory.getbasetemp() / "rows.csv", raw, size, header=True, quoting=quoting)


@settings(max_examples=300, **SLOW)
@given(
    lines=st.lists(st.one_of(st.sampled_from(LINES), st.sampled_from(LINES[:3])), max_size=25),
    size=st.integers(1, 80),
    last=st.sampled_from([b"", b"\n", b"\xff\n", b"\xff"]),
)
def test_json_lines_in_blocks_give_what_lines_give(
    lines: list[str], size: int, last: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    raw = "\n".join([LINES[0], *lines]).encode() + last
    check(tmp_path_factory.getbasetemp() / "rows.jsonl", raw, size)


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@pytest.mark.parametrize("size", [1, 9, 16])
def test_long_lines_and_broken_ends_are_the_same(
    ending: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "MAX_ROW_BYTES", 64)
    row = '{{"id": {}, "text": "{}"}}\n' if ending == "jsonl" else "{},{}\n"
    rows = [row.format(i, "w" * n) for i, n in enumerate([1, 5, 36, 37, 60, 61, 62, 63, 64, 200, 3, 7])]
    raw = ("id,text\n" * (ending == "csv") + "".join(rows)).encode()
    for n in (len(raw), len(raw) - 1):
        check(tmp_path / f"rows.{ending}", raw[:n], size)
    packed = gzip.compress(raw * 50)
    for n in (len(packed), len(packed) // 2, len(packed) - 1):
        check(tmp_path / f"rows.{ending}.gz", packed[:n], size)


def test_usual_rows_come_in_blocks(tmp_path: Path) -> None:
    n = 20_000
    text = '"line {}, of\ntwo"'
    (tmp_path / "rows.csv").write_text("id,n,text\n" + "".join(f"{i},{i},{text.format(i)}\n" for i in range(n)))
    lines = "".join(f'{{"id": "{i}", "n": {i}, "text": "line {i}"}}\n' for i in range(n))
    (tmp_path / "rows.jsonl").write_text(lines)
    for name, most in (("rows.csv", 1_000), ("rows.jsonl", 0)):
        (source,) = open_sources([str(tmp_path / name)])
        items = list(blocks_of(source))
        blocks = [item for item in items if isinstance(item, Block)]
        assert len(items) - len(blocks) == most
        assert sum(block.rows for block in blocks) == n - most
        assert blocks[-1].kinds == {"id": str, "n": int, "text": str}
        row = blocks[-1].after(1).record(0)
        assert row == list(blocks[-1].records())[1]
        assert row.fields["text"] == (text if name == "rows.csv" else "line {}").strip('"').format(row.fields["n"])
        at = 2 * row.fields["n"] + 2 if name == "rows.csv" else row.fields["n"] + 1
        assert row.location == f"{tmp_path / name}:{at}"


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_rows_of_a_pipe_do_not_wait_for_each_other(ending: str, tmp_path: Path) -> None:
    path, go_on, written = tmp_path / f"rows.{ending}", threading.Event(), list[str]()
    os.mkfifo(path)
    line = '{{"id": "{}", "text": "a"}}\n' if ending == "jsonl" else "{},a\n"

    def write() -> None:
        with path.open("w") as pipe:
            pipe.write("id,text\n" * (ending == "csv") + line.format(1) * 1_100)
            pipe.flush()
            go_on.wait(200)
            written.append("rest")
            pipe.write(line.format(2))

    writer = threading.Thread(target=write)
    writer.start()
    (source,) = open_sources([str(path)])
    rows = blocks_of(source)
    first = list(islice(rows, 1_050))
    assert not written
    go_on.set()
    rest = list(rows)
    writer.join()
    assert [row.fields["id"] for row in [*first, *rest] if isinstance(row, Record)] == ["1"] * 1_100 + ["2"]
