"""Unchanged rows found from columns: everything is as it is where each row is an article first."""

from __future__ import annotations

import datetime as dt
import json
import math
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from vecindex.core.identity import content_digests, content_hash
from vecindex.errors import SourceError
from vecindex.sources import files as files_module
from vecindex.sources.arrow import rows as arrow_rows
from vecindex.sources.base import Block, Record
from vecindex.sources.delimited import source as delimited_module
from vecindex.sources.fieldmap import FieldMap
from vecindex.sources.open import open_sources
from vecindex.verbs.ingest import plan as plan_module
from vecindex.verbs.ingest.fields import settle as settle_module
from vecindex.verbs.ingest.fields.settle import chooser, settle
from vecindex.verbs.ingest.known import blocks as blocks_module
from vecindex.verbs.ingest.known import unchanged as unchanged_module
from vecindex.verbs.ingest.known.blocks import gathered
from vecindex.verbs.ingest.known.registry import Registry, State, id_keys
from vecindex.verbs.ingest.known.runs import Run
from vecindex.verbs.ingest.known.worker import Parse, PieceDigests, digests_of_piece
from vecindex.verbs.ingest.options import IngestOptions, checked_ingest, reading
from vecindex.verbs.ingest.plan import Planner, Transaction, whole
from vecindex.verbs.ingest.result import IngestReport

HEAD = 2
"""Rows that settle the fields: they are never part of a block."""

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
texts = st.one_of(
    st.none(), words, st.sampled_from(["", " ", "\u2003\n", "one text", '{x} \\ "', "\0", "w" * 70_000])
)
DAYS = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
INT64 = st.integers(-(2**63), 2**63 - 1)
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.string(), texts),
    "large text": (pa.large_string(), texts),
    "words": (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "b", None, ""])),
    "whole": (pa.int64(), INT64),
    "small": (pa.int8(), st.integers(-128, 127)),
    "unsigned": (pa.uint64(), st.sampled_from([0, 7, 2**63 - 1, 2**63, 2**64 - 1])),
    "number": (pa.float64(), st.floats()),
    "single": (pa.float32(), st.floats(width=32)),
    "half": (pa.float16(), st.sampled_from([0.5, 2.0, math.inf])),
    "bool": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), DAYS),
    "instant": (pa.timestamp("ms"), st.datetimes()),
    "zoned": (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC))),
    "nothing": (pa.null(), st.none()),
    "bytes": (pa.binary(), st.binary(max_size=3)),
    "words of a row": (pa.list_(pa.string()), st.lists(words, max_size=2)),
    "nested": (pa.struct([("a", pa.int8())]), st.fixed_dictionaries({"a": st.integers(0, 3)})),
}
VECTORS = [pa.list_(pa.float32()), pa.list_(pa.float64()), pa.list_(pa.int8()), pa.list_(pa.float32(), 2)]
TEMPLATES = [None, "{title}: {text}", "{{{id}}} {text}{x}", "{title}", "{x}", "{text} end }}"]


@st.composite
def inputs(draw: st.DrawFn) -> tuple[pa.Table, dict[str, Any]]:
    """Return a table of articles, good and bad ones, and the options for its ingest."""
    n = draw(st.integers(HEAD + 1, 20))

    def column(kind: str) -> pa.Array:
        of, values = KINDS[kind]
        made = draw(st.lists(st.one_of(values, values, values, st.none()), min_size=n, max_size=n))
        return pa.array(made, pa.string()).dictionary_encode() if kind == "words" else pa.array(made, of)

    few = draw(st.sampled_from([3, 1000]))
    rare = st.sampled_from([None, "", " ", "x" * 1025])
    named = {
        "words": st.one_of(
            st.integers(0, few).map(str), st.integers(0, few).map(str), st.integers(0, few).map(str), rare
        ),
        "whole": st.one_of(st.integers(-few, few), st.integers(-few, few), st.none()),
    }
    ids = draw(st.sampled_from(["words", "whole"]))
    columns = {
        "id": pa.array(
            draw(st.lists(named[ids], min_size=n, max_size=n)), pa.string() if ids == "words" else pa.int32()
        ),
        "text": column(draw(st.sampled_from(["text", "text", "large text", "words", "whole", "words of a row"]))),
        "title": column(draw(st.sampled_from(["text", "text", "whole", "nothing", "bool"]))),
        "x": column(draw(st.sampled_from(list(KINDS)))),
        'ö{0}"': column(draw(st.sampled_from(list(KINDS)))),
    }
    template = draw(st.sampled_from(TEMPLATES))
    options: dict[str, Any] = {"transaction_rows": HEAD, "text_template": template, "id_field": "id"}
    options |= {"text_field": "text", "title_field": "title"}
    if draw(st.booleans()):
        numbers = st.sampled_from([0, 1, -3, 100])
        two = st.lists(numbers, min_size=2, max_size=2)
        odd = draw(st.sampled_from([two, st.none(), st.just([2, 1])]))
        given_vectors = draw(st.lists(st.one_of(two, two, two, odd), min_size=n, max_size=n))
        columns["vector"] = pa.array(given_vectors, draw(st.sampled_from(VECTORS)))
        options["vector_field"] = "vector"
        if template is not None:
            del options["text_template"]
    return pa.table(columns), options


class Elsewhere:
    """A worker in this process: what it is given and what it gives are pickled as for another one."""

    is_dead = False

    @staticmethod
    def can_start() -> bool:
        return True

    def digests(self, parses: Sequence[Parse], fields: FieldMap) -> list[PieceDigests]:
        there, fields_there = pickle.loads(pickle.dumps((parses, fields)))
        found = [digests_of_piece(parse, fields_there) for parse in there]
        back: list[PieceDigests] = pickle.loads(pickle.dumps(found))
        return back

    def close(self) -> None:
        pass


def with_workers(patch: pytest.MonkeyPatch, n: int, batch_bytes: int = 1) -> None:
    """Let so many workers parse from the first unchanged row on; of 0 this process does it all."""
    patch.setattr(unchanged_module, "threads_here", lambda: n + 1)
    patch.setattr(unchanged_module, "Worker", Elsewhere)
    patch.setattr(unchanged_module, "_MANY_ROWS", 1)
    patch.setattr(unchanged_module, "_BATCH_BYTES", batch_bytes)
    patch.setattr(unchanged_module, "_OTHER_WEIGHS", 0)


def plan(
    path: Path, options: dict[str, Any], stored: dict[str, str]
) -> tuple[list[Transaction], IngestReport, Registry]:
    """Return what is planned for a file next to a table's rows, with the report and what the run has met."""
    checked = checked_ingest(cast("IngestOptions", options))
    opened = open_sources(
        [str(path)],
        format=checked["format"],
        vector_field=checked["vector_field"],
        text_fields=["id", "text"],
        notice=lambda _: None,
        reading=reading(checked),
    )
    choose = chooser(checked, checked["text_template"], checked["vector_field"])
    registry, report = Registry([(list(stored), list(stored.values()))]), IngestReport("articles")
    planner = Planner(settle(opened, choose, HEAD).sources, choose, checked, registry, report, whole)
    return list(planner.transactions()), report, registry


def last_hashes(path: Path, options: dict[str, Any]) -> dict[str, str]:
    """Return the hashes of the last rows with each id: of the first ones in the file backwards."""
    backwards = path.with_name(f"backwards{path.suffix}")
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        pq.write_table(table.take(np.arange(len(table))[::-1]), backwards)
    else:
        head, lines = (1 if path.suffix == ".csv" else 0), path.read_text(encoding="utf-8").split("\n")[:-1]
        backwards.write_text("\n".join([*lines[:head], *lines[head:][::-1], ""]), encoding="utf-8", newline="")
    try:
        found, _, _ = plan(backwards, options, {})
    except SourceError:
        return {}
    return {row.row_id: row.hash for one in found for row in one.rows}


def seen(transactions: list[Transaction]) -> tuple[list[Any], list[Any], int]:
    """Return rows and rejects in their order, and how many rows were read."""
    rows = [
        (
            repr(replace(row.article, vector=None)),
            None if row.article.vector is None else (str(row.article.vector.dtype), row.article.vector.tobytes()),
            row.hash,
            row.stored_hash,
            row.texts,
            row.embed_texts,
        )
        for one in transactions
        for row in one.rows
    ]
    return rows, [reject for one in transactions for reject in one.rejects], sum(one.read for one in transactions)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(given_=inputs(), data=st.data())
def test_blocks_give_what_rows_give(
    given_: tuple[pa.Table, dict[str, Any]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table, options = given_
    path = tmp_path_factory.getbasetemp() / "rows.parquet"
    pq.write_table(table, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrow_rows, "BATCH_ROWS", 7)
        with_workers(patch, data.draw(st.integers(0, 2)), data.draw(st.sampled_from([1, 200])))
        with pytest.MonkeyPatch.context() as row_way:
            row_way.setattr(settle_module, "pieces_of", lambda source: iter(source.read()))
            row_way.setattr(plan_module, "gathered", lambda items: items)
            try:
                first, _, _ = plan(path, options, {})
            except SourceError:
                reject()  # of the first rows none has the field of the template
            new = [row for one in first for row in one.rows]
            last = last_hashes(path, options)
            ways = data.draw(st.lists(st.sampled_from("uuuulcoa"), min_size=len(new), max_size=len(new)))
            # Unchanged, as the last row with this id, changed, of another form, absent.
            stored = {
                row.row_id: {
                    **{"u": row.hash, "c": f"{0:016}{row.hash[16:]}", "o": "of another form"},
                    "l": last.get(row.row_id, row.hash),
                }[way]
                for row, way in zip(new, ways, strict=True)
                if way != "a"
            }
            by_row, row_report, row_registry = plan(path, options, stored)
        by_block, block_report, block_registry = plan(path, options, stored)
    assert seen(by_block) == seen(by_row)
    for report in (block_report, row_report):
        report.seconds = type(report.seconds)()
    assert block_report == row_report
    assert block_report.unaccounted == len(seen(by_row)[0])
    ids = [*stored, *(row.row_id for row in new), "1", "2"]
    assert [block_registry.has_met(one) for one in ids] == [row_registry.has_met(one) for one in ids]
    assert block_registry.n_unmet == row_registry.n_unmet


any_texts = st.one_of(words, words, st.sampled_from(["", " ", "\ud800", "\ud83e", "\0", '"a,b"', "x\ny", "é"]))
any_values = st.one_of(
    *(st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.floats(), any_texts),
    *(st.lists(any_texts, max_size=2), st.just({"a": 1}), st.sampled_from([1.0, -0.0, 2**63, 10**30])),
)
LINES = ["", "{", "[1]", "null", '{"id": 1, "id": "1", "text": "twice"}', '{"index": {"_id": "7"}}', "\t"]


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str]:
    """Return a file of rows, most of them alike, and its extension."""
    n = draw(st.integers(HEAD + 1, 24))
    extension = draw(st.sampled_from(["jsonl", "csv"]))
    usual = draw(st.sampled_from([any_texts, st.integers(0, 9), st.floats(0, 1), st.booleans(), any_values]))
    lines = ["id,text,x"] * (extension == "csv")
    for i in range(n):
        row: dict[str, Any] = {"id": draw(st.sampled_from([str(i), str(i), i, str(i % 3)])), "text": f"text {i}"}
        row |= {"x": draw(st.one_of(usual, usual, usual, any_values))}
        row["text"] = draw(st.sampled_from([row["text"]] * 5 + ["", None, "\ud800", "a\n\nb", 3]))
        if extension == "csv":
            lines.append(",".join(_cell(value) for value in row.values()))
            continue
        odd = draw(st.sampled_from(["usual"] * 6 + ["order", "lacks", "more", "line"]))
        row = dict(reversed(row.items())) if odd == "order" else row
        row = {key: value for key, value in row.items() if odd != "lacks" or key != "x"}
        row |= {"y": draw(any_values)} if odd == "more" else {}
        lines.append(draw(st.sampled_from(LINES)) if odd == "line" else json.dumps(row))
    return "\n".join(lines) + "\n", extension


def _cell(value: Any) -> str:
    written = "" if value is None else str(value).encode("utf-8", "replace").decode()
    return '"' + written.replace('"', '""') + '"' if set(written) & set(',"\n\r') else written


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=files(), data=st.data(), template=st.sampled_from([None, "{x}: {text}"]))
def test_gathered_rows_give_what_single_ones_give(
    file: tuple[str, str], data: st.DataObject, template: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content, extension = file
    path = tmp_path_factory.getbasetemp() / f"rows.{extension}"
    path.write_text(content, encoding="utf-8", newline="")
    options = {"transaction_rows": HEAD, "text_template": template, "id_field": "id", "text_field": "text"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "_GATHERED_ROWS", 5)
        patch.setattr(blocks_module, "_FEWEST_GATHERED", data.draw(st.sampled_from([1, 2])))
        patch.setattr(files_module, "PIECE_BYTES", data.draw(st.sampled_from([20, 90, 1000])))
        patch.setattr(delimited_module, "SAMPLE_ROWS", HEAD)
        with_workers(patch, data.draw(st.integers(0, 2)), data.draw(st.sampled_from([1, 200])))
        with pytest.MonkeyPatch.context() as row_way:
            row_way.setattr(settle_module, "pieces_of", lambda source: iter(source.read()))
            row_way.setattr(plan_module, "gathered", lambda items: items)
            try:
                first, _, _ = plan(path, options, {})
            except SourceError:
                reject()  # of the first rows none is one, or has the field of the template
            new = [row for one in first for row in one.rows]
            last = last_hashes(path, options)
            ways = data.draw(st.lists(st.sampled_from("uuuulca"), min_size=len(new), max_size=len(new)))
            stored = {
                row.row_id: {
                    **{"u": row.hash, "c": f"{0:016}{row.hash[16:]}"},
                    "l": last.get(row.row_id, row.hash),
                }[way]
                for row, way in zip(new, ways, strict=True)
                if way != "a"
            }
            by_row, row_report, row_registry = plan(path, options, stored)
        by_block, block_report, block_registry = plan(path, options, stored)
    assert seen(by_block) == seen(by_row)
    for report in (block_report, row_report):
        report.seconds = type(report.seconds)()
    assert block_report == row_report
    ids = [*stored, *(row.row_id for row in new), "1", "2"]
    assert [block_registry.has_met(one) for one in ids] == [row_registry.has_met(one) for one in ids]
    assert block_registry.n_unmet == row_registry.n_unmet


def test_unchanged_lines_are_no_articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 40
    path = tmp_path / "rows.jsonl"
    rows = [{"id": i, "text": f"text {i}", "year": None if i == 3 else i} for i in range(n)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    first, _, _ = plan(path, {"transaction_rows": HEAD}, {})
    stored = {row.row_id: row.hash for one in first for row in one.rows}
    stored["30"] = "0" * 33
    made: list[int] = []
    real = Planner._article

    def article(self: Planner, record: Any, fields: Any) -> Any:
        made.append(record.fields["id"])
        return real(self, record, fields)

    monkeypatch.setattr(Planner, "_article", article)
    found, report, _ = plan(path, {"transaction_rows": HEAD}, stored)
    # The first rows settle the fields, and are too few for a block.
    assert made == [0, 1, 30]
    assert [row.row_id for one in found for row in one.rows] == ["30"]
    assert (report.read, report.skipped) == (n, n - 1)


def test_rows_before_a_broken_end_are_gathered_and_handed_on() -> None:
    def broken() -> Iterator[Record]:
        for i in range(20):
            yield Record(f"rows:{i}", {"id": i})
        raise SourceError("rows: ends too early")

    rows: list[Any] = []

    def take() -> None:
        for item in gathered(broken()):
            rows.extend(item.records() if isinstance(item, Block) else [item])

    with pytest.raises(SourceError, match="too early"):
        take()
    assert rows == [Record(f"rows:{i}", {"id": i}) for i in range(20)]
    (block,) = gathered(rows)
    assert isinstance(block, Block)
    assert (block.record(3), list(block.after(18).records()), block.after(18).rows) == (rows[3], rows[18:], 2)
    assert list(gathered(rows[:3])) == rows[:3]
    # What comes slowly is not held back for more than a second.
    clock = iter(range(100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "_GATHERED_S", 1.0)
        patch.setattr(blocks_module.time, "monotonic", lambda: next(clock))
        assert list(gathered(rows)) == rows


def test_unchanged_rows_are_no_articles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 40
    table = pa.table(
        {
            "id": list(range(n)),
            "text": [f"text {i}" for i in range(n)],
            "year": [None, *range(1, n)],
            "day": [dt.date(2000, 1, 1)] * n,
            "vector": pa.array([[i + 1, 1] for i in range(n)], pa.list_(pa.int8())),
        }
    )
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path)
    options = {"transaction_rows": HEAD, "vector_field": "vector"}
    first, _, _ = plan(path, options, {})
    stored = {row.row_id: row.hash for one in first for row in one.rows}
    stored["30"] = "0" * 33
    made: list[int] = []
    real = Planner._article

    def article(self: Planner, record: Any, fields: Any) -> Any:
        made.append(record.fields["id"])
        return real(self, record, fields)

    monkeypatch.setattr(Planner, "_article", article)
    found, report, _ = plan(path, options, stored)
    assert made == [0, 1, 30]
    assert [row.row_id for one in found for row in one.rows] == ["30"]
    assert (report.read, report.skipped) == (n, n - 1)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.tuples(words, st.none() | words, words, st.none() | INT64 | st.floats() | words | st.booleans() | DAYS),
        min_size=1,
        max_size=5,
    ),
    names=st.lists(words, unique=True, max_size=3),
    with_vectors=st.booleans(),
)
def test_digests_of_columns_are_the_hashes_of_rows(rows: list[Any], names: list[str], with_vectors: bool) -> None:
    vectors = np.arange(len(rows) * 3, dtype=np.float32).reshape(-1, 3) if with_vectors else None
    extra = {name: [row[3] for row in rows] for name in names}
    read, titles, texts_ = ([row[i] for row in rows] for i in range(3))
    found = content_digests(read, titles, texts_, extra, vectors).hex()
    expected = [
        content_hash(one, title, text, dict.fromkeys(names, value), b"" if vectors is None else vectors[i].tobytes())
        for i, (one, title, text, value) in enumerate(rows)
    ]
    assert [f"{found[at : at + 16]}:{found[at + 16 : at + 32]}" for at in range(0, len(found), 32)] == expected


@settings(max_examples=60, deadline=None)
@given(stored=st.sets(st.binary(min_size=16, max_size=16), max_size=60), more=st.binary(min_size=16, max_size=16))
def test_all_keys_are_found_at_once_as_each_is(stored: set[bytes], more: bytes) -> None:
    # Keys that begin alike share a bucket.
    keys = sorted({key[:1] * 5 + key[5:] for key in stored})
    run = Run.of_unsorted(bytearray(b"".join(key + key[::-1] for key in reversed(keys))), 32)
    wanted = [*keys, more, more[:4] * 4]
    found = run.find_all(np.frombuffer(b"".join(wanted), np.uint8).reshape(-1, 16))
    assert found.tolist() == [run.find(key) for key in wanted]
    assert run.values(found[: len(keys)]).tobytes() == b"".join(key[::-1] for key in keys)


def test_a_row_met_before_is_not_met_as_unchanged() -> None:
    one = "0" * 16 + ":" + "1" * 16
    registry = Registry([(["a", "b", "c"], [one, one, "of another form"])])
    packed = np.frombuffer(bytes.fromhex(one.replace(":", "")) * 4, np.uint8).reshape(4, 16)
    assert registry.meet("b", one)[0] is State.UNCHANGED
    assert registry.meet_unchanged(id_keys(["a", "b", "c", "d"]), packed).tolist() == [True, False, False, False]
    assert registry.meet("a", one)[0] is State.DUPLICATE
    assert registry.meet("d", one)[0] is State.NEW
    assert not registry.meet_unchanged(packed[:0], packed[:0]).any()
