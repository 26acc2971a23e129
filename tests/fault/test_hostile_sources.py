"""Hostile sources: whatever the bytes are, each row is an article or a reject, or the source is refused in words."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

import vecindex
from hostile import DAMAGE, PACKED, amounts, check_refusal, damaged, try_all
from vecindex.errors import VecindexError
from vecindex.sources.articles import Article, to_article
from vecindex.sources.base import LeftOut, Record
from vecindex.sources.fieldmap import resolve_fields
from vecindex.sources.open import open_sources
from vecindex.types import Rejected

ROWS = [
    {"id": f"a{i}", "title": f"T{i}", "text": f"Text, of\n{i}", "year": 1990 + i, "vector": [1.0, 0.5 * i, -2.0]}
    for i in range(4)
]


def _delimited(mark: str) -> bytes:
    lines = [mark.join(["id", "title", "text", "year", "vector"])]
    lines += [mark.join([r["id"], r["title"], f'"{r["text"]}"', str(r["year"]), '"[1.0, 2.0]"']) for r in ROWS]
    return "\n".join(lines).encode()


def _written(write: Callable[[Any], None]) -> bytes:
    sink = pa.BufferOutputStream()
    write(sink)
    return bytes(sink.getvalue())


def _ipc(make: Callable[..., Any], **options: Any) -> bytes:
    table = pa.Table.from_pylist(ROWS)

    def write(sink: Any) -> None:
        with make(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            writer.write_table(table, max_chunksize=2)

    return _written(write)


_TABLE = pa.Table.from_pylist(ROWS)
_BY_ID = {r["id"]: np.array(r["vector"], np.float32) for r in ROWS}
_PAGE = (
    "<page><title>A {n}</title><ns>0</ns><id>{n}</id><revision><id>9</id><text>''Cell'' {{{{x|[[a]]}}}} &amp;</text>"
)
SAMPLES: dict[str, list[bytes]] = {
    ".jsonl": [b"".join(json.dumps(r).encode() + b"\n" for r in ROWS)],
    ".ndjson": [b"".join(json.dumps(r).encode() + b"\n" for r in ROWS)],
    ".json": [json.dumps(ROWS).encode(), json.dumps(ROWS, indent=1).encode()],
    ".csv": [_delimited(","), _delimited(";")],
    ".tsv": [_delimited("\t")],
    ".parquet": [
        _written(lambda sink: pq.write_table(_TABLE, sink, row_group_size=2)),
        _written(lambda sink: pq.write_table(_TABLE, sink, compression="zstd", use_dictionary=False)),
    ],
    ".arrow": [_ipc(pa.ipc.new_file), _ipc(pa.ipc.new_stream), _ipc(pa.ipc.new_file, compression="zstd")],
    ".feather": [_written(lambda sink: pyarrow.feather.write_feather(_TABLE, sink, compression="lz4"))],
    ".xml": [
        b"<mediawiki><siteinfo><namespaces><namespace key='6'>Bild</namespace></namespaces></siteinfo>"
        + "".join(_PAGE.format(n=n) + "</revision></page>" for n in range(3)).encode()
        + b"</mediawiki>"
    ],
    ".pkl": [
        *(pickle.dumps({"ids": list(_BY_ID), "embeddings": np.stack(list(_BY_ID.values()))}, p) for p in (2, 4, 5)),
        pickle.dumps(_BY_ID),
        pickle.dumps([{**r, "when": np.float64(1)} for r in ROWS], 4),
        pickle.dumps([{**r} for r in ROWS], 0),
    ],
    ".txt": ["Ein Text über Zellen.\n".encode()],
    ".md": [b"# Title\n\nText"],
}


@dataclass(frozen=True)
class Hostile:
    """A file: its extensions, and its bytes before and after packing."""

    name: str
    data: bytes


@st.composite
def files(draw: Callable[..., Any], samples: dict[str, list[bytes]] = SAMPLES) -> Hostile:
    """A damaged file of any format, packed or not, now and then under another format's name."""
    extension = draw(st.sampled_from(sorted(samples)))
    data = damaged(draw(st.sampled_from(samples[extension])), draw(DAMAGE))
    packing = draw(st.sampled_from(["", "", "", *PACKED]))
    data = PACKED[packing](data)
    if packing:
        data = damaged(data, draw(DAMAGE.filter(lambda steps: len(steps) < 3)))
    named = draw(st.sampled_from([extension] * 12 + sorted(samples)))
    return Hostile(f"corpus{named}{packing}", data)


def check_rows(source: Any, vector_field: str | None) -> None:
    """Read a source as an ingest does: it gives articles and rejects that can be stored, or sound rows of no use."""
    fields = None
    for item in source.read():
        if isinstance(item, Record):
            fields = fields or resolve_fields(item.fields, vector_field=vector_field, text_field=None)
            item = to_article(item, fields)
        if isinstance(item, LeftOut):
            # The damage repeated the first lines.
            assert item.reason == "header once more"
            continue
        assert isinstance(item, Article | Rejected)
        stored = (
            item.location,
            item.id,
            *((item.reason, item.excerpt) if isinstance(item, Rejected) else (item.text,)),
        )
        for text in stored:
            assert text is None or text.encode("utf-8") is not None


@pytest.mark.parametrize("cases", amounts(some=150, share=0.25))
def test_every_row_of_a_hostile_file_is_an_article_or_a_reject(cases: int, tmp_path: Path) -> None:
    def check(case: tuple[Hostile, bool]) -> None:
        file, with_vectors = case
        path = tmp_path / file.name
        path.write_bytes(file.data)
        field = "vector" if with_vectors else None
        try:
            (source,) = open_sources([path], vector_field=field)
            source.count_hint()
            check_rows(source, field)
        except VecindexError as error:
            check_refusal(error, (2, 3))
        finally:
            path.unlink()

    try_all("files of every format", cases, st.tuples(files(), st.booleans()), check)


@pytest.mark.parametrize("cases", amounts(some=4, share=0.01))
def test_the_counts_of_a_run_add_up(cases: int, tmp_path: Path) -> None:
    """Every row read is added, changed, skipped or rejected, and the table holds what was added."""
    number = iter(range(10**9))

    def check(given: list[Hostile]) -> None:
        folder = tmp_path / str(next(number))
        folder.mkdir()
        for i, file in enumerate(given):
            (folder / f"{i}{file.name}").write_bytes(file.data)
        index = vecindex.open(folder / ".db")
        try:
            report = index.ingest(folder, vector_field="vector", model="test/none", unverified=True)
        except VecindexError as error:
            check_refusal(error, (2, 3, 4))
        else:
            assert report.read == report.added + report.changed + report.skipped + report.rejected
            assert report.rejected == sum(report.reject_reasons.values())
            if report.added:
                status = index.status()
                assert status.rows == report.rows_in_table == report.added
        finally:
            os.system(f"rm -rf '{folder}'")

    try_all("runs over folders", cases, st.lists(files(), min_size=1, max_size=3), check)
