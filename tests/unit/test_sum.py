"""Read = added + changed + unchanged + rejected + left out, whatever the format and whatever is in it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import account
from vecindex.errors import SourceError

words = st.text(st.sampled_from("ab ü\"'\t\n,;<&{}[]\\|=é文"), max_size=12)
rows = st.lists(st.tuples(st.sampled_from(["1", "2", "3", "", "x y", " 4"]), words, words), max_size=8)
COLUMNS = ("id", "title", "text")


def csv_of(data: list[tuple[str, ...]], **how: Any) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **how).writerows([COLUMNS, *data])
    return out.getvalue().encode()


def parquet_of(data: list[tuple[str, ...]], **_: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    columns = zip(*data, strict=True) if data else [[]] * 3
    pq.write_table(pa.table(dict(zip(COLUMNS, [pa.array(c, pa.string()) for c in columns], strict=True))), out)
    return out.getvalue()


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
    ids, report = read(name, WRITERS[name](data), id_field="Id" if name == "b.xml" else "id")
    assert (report.read, report.added) == (len(data), len(ids))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json", "lines.txt"])
@settings(max_examples=40, deadline=None)
@given(
    raw=st.binary(max_size=200) | st.text('id,text\t"\n;{}[]:1a é', max_size=200).map(str.encode), auto=st.booleans()
)
def test_whatever_bytes_there_are_the_counts_add_up(name: str, raw: bytes, auto: bool) -> None:
    with contextlib.suppress(SourceError):
        read(name, raw, format="lines" if name == "lines.txt" else None, id="auto" if auto else None)
