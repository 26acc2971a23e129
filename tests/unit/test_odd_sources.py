"""Sources as programs and people leave them: odd names, delimiters, headers, ids, encodings, actions and tags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accounts import Heard, account
from sheets import write_sheet
from vecindex.errors import SourceError
from vecindex.sources.base import MAX_ROW_BYTES
from vecindex.sources.open import open_sources
from vecindex.sources.texts.extracted import read_articles
from vecindex.types import Rejected

ONE, TWO = "The mill stands by the river.", "The tide comes twice a day."


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def taken(tmp_path: Path, name: str, content: str | bytes, **options: Any) -> tuple[list[tuple[Any, ...]], Any]:
    """Return (id, title, text) of each article, and the report; the sum of its counts is checked."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    articles, report = account([path], **options)
    return [(a.id, a.title, a.text) for a in articles], report


@pytest.mark.parametrize("delimiter", ["^", "~", "\x01", "\x1f"])
def test_rare_delimiters(tmp_path: Path, delimiter: str) -> None:
    rows = [("id", "text"), ("1", "one, two"), ("2", "three")]
    found, _ = taken(tmp_path, "a.csv", "".join(delimiter.join(row) + "\n" for row in rows))
    assert found == [("1", None, "one, two"), ("2", None, "three")]


def test_a_mark_that_is_in_some_lines_only_is_no_delimiter(tmp_path: Path) -> None:
    found, _ = taken(tmp_path, "a.csv", "text\nup ~ to here\nand on\n")
    assert [text for _, _, text in found] == ["up ~ to here", "and on"]


def test_a_header_that_comes_once_more_is_left_out(tmp_path: Path) -> None:
    found, report = taken(tmp_path, "a.csv", "id,text\n1,one\nid,text\n2,two\n")
    assert found == [("1", None, "one"), ("2", None, "two")]
    assert (report.read, report.left_out_reasons) == (3, {"header once more": 1})
    # Where there is no header, the first row is one like others.
    found, report = taken(tmp_path, "b.csv", f"1,{ONE}\n1,{ONE}\n", header=False, id="auto")
    assert (report.read, report.left_out_reasons) == (2, {"same content as an earlier row": 1})


def test_names_however_their_parts_are_divided(tmp_path: Path) -> None:
    found, _ = taken(tmp_path, "a.csv", "PMID,ArticleTitle,AbstractText\n1,T,one\n2,U,two\n")
    assert found == [("1", "T", "one"), ("2", "U", "two")]
    found, _ = taken(tmp_path, "b.csv", "Doc ID,Abstract-Text,article title\n1,one,T\n2,two,U\n")
    assert found == [("1", "T", "one"), ("2", "U", "two")]
    found, _ = taken(tmp_path, "c.jsonl", lines({"uuid": "a", "page_content": ONE, "metadata": {}}))
    assert found == [("a", None, ONE)]
    # As it is spelled comes before what is like it.
    found, _ = taken(tmp_path, "d.jsonl", lines({"Doc ID": "x", "doc_id": "a", "full text": "no", "full_text": ONE}))
    assert found == [("a", None, ONE)]


def test_names_with_outer_blanks_are_shown_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"fields found: ' nr ', words\n"):
        taken(tmp_path, "a.jsonl", lines({" nr ": 1, "words": "x"}))


def test_ids_of_mongodb(tmp_path: Path) -> None:
    data = lines({"_id": {"$oid": "5f1"}, "text": ONE}, {"_id": {"$oid": "5f2", "x": 1}, "text": TWO})
    found, report = taken(tmp_path, "a.jsonl", data)
    assert (found, report.rejected) == ([("5f1", None, ONE)], 1)


def test_ids_that_are_the_same_as_text_are_repeats(tmp_path: Path) -> None:
    heard = Heard()
    (tmp_path / "a.jsonl").write_text(lines({"id": 1, "text": "a"}, {"id": "1", "text": "b"}, {"id": 2, "text": "c"}))
    _, report = account([tmp_path / "a.jsonl"], heard)
    assert report.rejected == 1
    assert "1 of the first 3 rows has an id that an earlier one has ('id'), and is rejected" in heard.lines[0]


def test_text_that_parquet_calls_binary(tmp_path: Path) -> None:
    data = {"id": [b"a", b"b", b"\xff"], "title": [b"T", None, None], "text": [ONE.encode(), b"\xff", b"x"]}
    pq.write_table(pa.table(data), tmp_path / "a.parquet")
    articles, report = account([tmp_path / "a.parquet"])
    assert [(a.id, a.title, a.text) for a in articles] == [("a", "T", ONE)]
    assert report.reject_reasons == {"unusable text": 1, "unusable id": 1}


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_utf_32_with_its_mark(tmp_path: Path, encoding: str) -> None:
    text = "id,text\n1,Ärger\n2,日本\n"
    raw = text.encode(encoding) if encoding == "utf-32" else ("\ufeff" + text).encode(encoding)
    assert taken(tmp_path, "a.csv", raw)[0] == [("1", None, "Ärger"), ("2", None, "日本")]


def test_rows_above_the_header_of_a_sheet(tmp_path: Path) -> None:
    rows = [["Report of 2026"], [""], ["by a person"], ["id", "text"], [1, ONE], ["", TWO]]
    write_sheet(tmp_path / "a.xlsx", rows)
    heard = Heard()
    articles, report = account([tmp_path / "a.xlsx"], heard)
    assert [(a.id, a.text) for a in articles] == [("1", ONE)]
    assert report.reject_reasons == {"no id in field 'id'": 1}
    assert f"{tmp_path}/a.xlsx: 2 rows above the header are left out, with one value each" in heard.lines
    # A sheet of one column has a header and no rows above it.
    write_sheet(tmp_path / "b.xlsx", [["text"], [ONE], [TWO]])
    assert [a.text for a in account([tmp_path / "b.xlsx"])[0]] == [ONE, TWO]


def test_actions_that_delete_and_update(tmp_path: Path) -> None:
    data = lines(
        {"index": {"_id": "1"}},
        {"title": "A", "text": ONE},
        {"delete": {"_id": "5"}},
        {"update": {"_id": "2"}},
        {"doc": {"title": "B", "text": TWO}},
        {"create": {"_index": "x"}},
        {"title": "C", "text": "No id."},
    )
    found, report = taken(tmp_path, "a.json", data)
    assert found == [("1", "A", ONE), ("2", "B", TWO)]
    assert (report.read, report.left_out_reasons) == (4, {"action of a bulk file that deletes": 1})
    assert report.reject_reasons == {"no id in field '_id'": 1}
    # A row that happens to have a field of that name is a row.
    found, _ = taken(tmp_path, "b.jsonl", lines({"id": 1, "text": ONE, "delete": {"_id": "5"}}))
    assert found == [("1", None, ONE)]


def test_docs_whose_text_begins_or_ends_in_the_line_of_a_tag(tmp_path: Path) -> None:
    raw = (
        '<doc id="1" title="A">One line.</doc>\n'
        '<doc id="2" title="B"> B\nmore\n</doc>\n'
        '<doc id="3" title="C "x"> d">\nC "x"> d\n\nend here.</doc>\n'
    )
    found, report = taken(tmp_path, "wiki_00", raw)
    assert found == [("1", "A", "One line."), ("2", "B", "more"), ("3", 'C "x"> d', "end here.")]
    assert report.read == 3


def test_a_line_of_a_doc_that_is_too_long_is_no_part_of_an_article(tmp_path: Path) -> None:
    path = tmp_path / "wiki_00"
    with path.open("wb") as file:
        file.write(b'<doc id="1" title="A">\nA\n\n')
        file.write(b"word " * (MAX_ROW_BYTES // 5 + 1))
        file.write(b'\nend\n</doc>\n<doc id="2" title="B">\nB\n\ntext\n</doc>\n')
    with path.open("rb") as file:
        first, second = read_articles(file, "wiki_00")
    assert isinstance(first, Rejected)
    assert (first.id, first.reason) == ("1", "article longer than 64 MiB")
    assert not isinstance(second, Rejected)
    assert second.fields["text"] == "text"


def test_the_estimate_of_rows_counts_no_line_ends_inside_quotes(tmp_path: Path) -> None:
    row = '{i},"first line\nsecond ""line""\nthird line",{i}\n'
    (tmp_path / "a.csv").write_text("id,text,n\n" + "".join(row.replace("{i}", str(i)) for i in range(500)))
    (source,) = open_sources([str(tmp_path / "a.csv")])
    assert source.count_hint() == 500
    # A stray quote opens nothing.
    (tmp_path / "b.csv").write_text("id,text\n" + "".join(f'{i},a 5" pipe\n' for i in range(501)))
    (source,) = open_sources([str(tmp_path / "b.csv")])
    assert source.count_hint() == 501
