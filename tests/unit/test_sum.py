"""Read = added + changed + unchanged + rejected + left out, whatever the format and whatever is in it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import account
from sheets import write_sheet
from vecindex.errors import SourceError

words = st.text(st.sampled_from("ab ü\"'\t\n,;<&{}[]\\|=é文"), max_size=12)
rows = st.lists(st.tuples(st.sampled_from(["1", "2", "3", "", "x y", " 4"]), words, words), max_size=8)
COLUMNS = ("id", "title", "text")


def csv_of(data: list[tuple[str, ...]], **how: Any) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **how).writerows([COLUMNS, *data])
    return out.getvalue().encode()


def columns_of(data: list[tuple[str, ...]]) -> Any:
    import pyarrow as pa

    columns = zip(*data, strict=True) if data else [[]] * 3
    return pa.table(dict(zip(COLUMNS, [pa.array(c, pa.string()) for c in columns], strict=True)))


def parquet_of(data: list[tuple[str, ...]], **_: Any) -> bytes:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(columns_of(data), out)
    return out.getvalue()


def arrow_of(data: list[tuple[str, ...]]) -> bytes:
    import pyarrow as pa

    out = io.BytesIO()
    with pa.ipc.new_file(out, (table := columns_of(data)).schema) as writer:
        # Several batches, as writers of large files make them.
        writer.write_table(table, max_chunksize=3)
    return out.getvalue()


def zip_of(data: list[tuple[str, ...]]) -> bytes:
    """Two files of different formats in a folder, and what is no data."""
    out, middle = io.BytesIO(), len(data) // 2
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/a.jsonl", "".join(json.dumps(row) + "\n" for row in dicts(data[:middle])))
        archive.writestr("in/b.csv", csv_of(data[middle:]))
        archive.writestr("__MACOSX/in/._b.csv", "x")
        archive.writestr("in/notes.bin", "x")
    return out.getvalue()


def sheet_of(data: list[tuple[str, ...]]) -> bytes:
    out = io.BytesIO()
    write_sheet(out, [list(COLUMNS), *(list(row) for row in data)])
    return out.getvalue()


def pages_of(data: list[tuple[str, ...]]) -> bytes:
    """A zip archive of pages, for a page is a row."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i, (_, title, text) in enumerate(data):
            archive.writestr(f"{i}.html", f"<title>{escape(title)}</title><nav>menu</nav><p>{escape(text)}</p>")
    return out.getvalue()


def pickle_of(data: list[tuple[str, ...]]) -> bytes:
    return pickle.dumps([{**row, "embedding": [1.0, 2.0]} for row in dicts(data)])


def dicts(data: list[tuple[str, ...]]) -> list[dict[str, str]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in data]


def wiki_of(data: list[tuple[str, ...]]) -> bytes:
    pages = [
        f"<page><title>{escape(t)}</title><ns>{len(t) % 2}</ns><id>{i}</id><revision><id>1</id>"
        f"<text>{escape(x)}</text></revision></page>"
        for i, t, x in data
    ]
    return f"<mediawiki>{''.join(pages)}</mediawiki>".encode()


def posts_of(data: list[tuple[str, ...]]) -> bytes:
    rows = [f"<row Id={quoteattr(i)} Title={quoteattr(t)} Body={quoteattr(x)} />" for i, t, x in data]
    return f"<posts>{''.join(rows)}</posts>".encode()


def docs_of(data: list[tuple[str, ...]]) -> bytes:
    titles = [escape(" ".join(title.split()), {'"': "&quot;"}) for _, title, _ in data]
    docs = [f'<doc id="{i}" title="{t}">\n{x}\n</doc>\n' for (i, _, x), t in zip(data, titles, strict=True)]
    return "".join(docs).encode()


WRITERS = {
    "a.csv": csv_of,
    "b.csv": lambda data: csv_of(data, delimiter=";", quoting=csv.QUOTE_ALL),
    "a.tsv": lambda data: csv_of(data, delimiter="\t"),
    "a.jsonl": lambda data: "".join(json.dumps(row) + "\n" for row in dicts(data)).encode(),
    "a.json": lambda data: json.dumps(dicts(data)).encode(),
    "b.json": lambda data: "\n".join(json.dumps(row, indent=1) for row in dicts(data)).encode(),
    "a.parquet": parquet_of,
    "a.xml": wiki_of,
    "b.xml": posts_of,
    "wiki_00": docs_of,
    "a.arrow": arrow_of,
    "a.zip": zip_of,
    "a.xlsx": sheet_of,
    "pages.zip": pages_of,
    "a.pkl": pickle_of,
}


FIELDS: dict[str, dict[str, Any]] = {
    "b.xml": {"id_field": "Id"},
    "pages.zip": {},
    "a.pkl": {"vector_field": "vector", "id_field": "id"},
}


def read(name: str, raw: bytes, **options: Any) -> tuple[list[str], Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(raw)
        # It asserts that the counts add up.
        articles, report = account([path], **options)
    return [article.id for article in articles], report


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40, deadline=None)
@given(data=rows.filter(bool))
def test_every_row_that_was_written_is_counted(name: str, data: list[tuple[str, ...]]) -> None:
    if name == "a.tsv":
        # A tab or a line end inside of quotes may be read as one outside of them.
        data = [tuple(" ".join(value.split()) for value in row) for row in data]
    if name == "a.xlsx":
        # A row of blank cells is none; blanks alone are no text of a cell in XML. Else a cell is as it stands.
        data = [row for row in data if any(cell.strip(" \t\n") for cell in row)]
    if name == "a.pkl" and not data[0][0].strip():
        data = [("9", *data[0][1:]), *data[1:]]
    ids, report = read(name, WRITERS[name](data), **FIELDS.get(name, {"id_field": "id"}))
    assert (report.read, report.added) == (len(data), len(ids))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json", "lines.txt"])
@settings(max_examples=40, deadline=None)
@given(
    raw=st.binary(max_size=200) | st.text('id,text\t"\n;{}[]:1a é', max_size=200).map(str.encode), auto=st.booleans()
)
def test_whatever_bytes_there_are_the_counts_add_up(name: str, raw: bytes, auto: bool) -> None:
    with contextlib.suppress(SourceError):
        read(name, raw, format="lines" if name == "lines.txt" else None, id="auto" if auto else None)
