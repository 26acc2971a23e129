"""CSV and TSV: types, places, and every kind of bad row."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecindex.errors import SourceError
from vecindex.sources import files
from vecindex.sources.base import Record
from vecindex.sources.delimited.source import read_delimited
from vecindex.sources.formats import ReadOptions
from vecindex.sources.open import open_sources
from vecindex.types import Rejected


def read(raw: bytes, delimiter: str = ",", **options: Any) -> list[Record | Rejected]:
    return list(read_delimited(io.BytesIO(raw), "c", delimiter, ReadOptions(**options)))


def test_types_are_inferred_by_column() -> None:
    raw = b"id,year,score,zip,plus,big,none,text\n007,1999,1.5,01234,+1,99999999999999999999,,12\n8,-3,2,5,6,7,,x\n"
    first, second = read(raw)
    assert first == Record(
        "c:2",
        {
            "id": "007",
            "year": 1999,
            "score": 1.5,
            "zip": "01234",
            "plus": "+1",
            "big": "99999999999999999999",
            "none": None,
            "text": "12",
        },
    )
    assert isinstance(second, Record)
    assert (second.fields["year"], second.fields["score"], second.fields["zip"]) == (-3, 2.0, "5")
    assert type(second.fields["score"]) is float


def test_quoted_line_ends_keep_the_line_numbers_right() -> None:
    raw = b'\xef\xbb\xbfid,text\r\n1,"a\r\nb ""c"", d"\r\n\r\n2,e\r\n'
    assert read(raw) == [
        Record("c:2", {"id": "1", "text": 'a\r\nb "c", d'}),
        Record("c:5", {"id": "2", "text": "e"}),
    ]


def test_tsv() -> None:
    assert read(b"id\ttext\n1\ta,b\n", delimiter="\t") == [Record("c:2", {"id": "1", "text": "a,b"})]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1,a", "found 2 fields, expected 3"),
        (b"1,a,3,4", "found 4 fields, expected 3"),
        (b"1,\xff,3", "not valid UTF-8 at byte 3 of line 3"),
        (b"1,a\0,3", "NUL byte in line 3"),
        (b'1,"a" b,3', "not valid CSV: ',' expected after '\"'"),
    ],
)
def test_bad_row_is_rejected_and_the_next_one_read(row: bytes, reason: str) -> None:
    good, bad, last = read(b"id,text,n\n0,z,5\n" + row + b"\n9,y,6\n")
    assert good == Record("c:2", {"id": "0", "text": "z", "n": 5})
    assert bad == Rejected("c:3", reason, excerpt=row.decode("utf-8", "replace"))
    assert last == Record("c:4", {"id": "9", "text": "y", "n": 6})


def test_value_that_does_not_fit_the_first_thousand_rows() -> None:
    raw = b"id,year\n" + b"a,1999\n" * 1000 + b"b,n/a\nc,2000\n"
    items = read(raw)
    assert items[1000] == Rejected(
        "c:1002", "column 'year': found 'n/a', expected int, as in the first 1,000 rows", excerpt="b,n/a"
    )
    assert items[1001] == Record("c:1003", {"id": "c", "year": 2000})


def test_unclosed_quote_is_one_rejected_row_and_the_next_that_reads_as_a_row_is_one() -> None:
    good, bad, after = read(b'id,text\n1,a\n2,"never closed\nand on\n3,c\n')
    assert good == Record("c:2", {"id": "1", "text": "a"})
    assert bad == Rejected("c:3-4", "not valid CSV: unexpected end of data", excerpt='2,"never closed')
    assert after == Record("c:5", {"id": "3", "text": "c"})


def test_a_reject_of_several_lines_names_them_all() -> None:
    bad, good = read(b'id,text\n1,"a\nb" c,d\n2,e\n')
    assert bad == Rejected("c:2-3", "not valid CSV: ',' expected after '\"'", excerpt='1,"a')
    assert good == Record("c:4", {"id": "2", "text": "e"})


def test_a_quoted_field_that_holds_what_looks_like_rows_is_reported() -> None:
    told: list[str] = []
    items = read(b'id,text\n1,a\n2,"b\n3,c\n4,d"\n5,"first\nand, second"\n', notice=lambda m: told.append(str(m)))
    assert [item.fields["id"] for item in items if isinstance(item, Record)] == ["1", "2", "5"]
    assert told == [
        "c:3-5: one quoted field holds lines that look like rows of their own; if a quote opens it by mistake: "
        "quoting='none'"
    ]


TAB_QUOTES = b'id\ttext\n1\t"To be, he began\n2\tand that was the question"\n3\t"A" is a letter\n4\tHe said "no"\n'


def test_a_line_with_all_of_its_tabs_is_a_row_as_it_stands() -> None:
    assert read(TAB_QUOTES, delimiter="\t") == [
        Record("c:2", {"id": "1", "text": '"To be, he began'}),
        Record("c:3", {"id": "2", "text": 'and that was the question"'}),
        Record("c:4", {"id": "3", "text": '"A" is a letter'}),
        Record("c:5", {"id": "4", "text": 'He said "no"'}),
    ]


def test_quotes_of_a_file_with_tabs_that_a_csv_writer_made() -> None:
    raw = b'id\ttext\n1\t"two\nlines"\n2\t"a ""word"" and a\ttab"\n3\tplain\n'
    assert [item.fields["text"] for item in read(raw, delimiter="\t") if isinstance(item, Record)] == [
        "two\nlines",
        'a "word" and a\ttab',
        "plain",
    ]
    one_line_each = b'id\ttext\n1\t"a ""word"""\n2\tplain\n'
    assert [item.fields["text"] for item in read(one_line_each, delimiter="\t") if isinstance(item, Record)] == [
        'a "word"',
        "plain",
    ]


def test_quoting_can_be_chosen() -> None:
    raw = TAB_QUOTES.replace(b'\n3\t"A" is a letter', b"")
    strict = read(raw, delimiter="\t", quoting="csv")
    assert strict[0] == Record("c:2", {"id": "1", "text": "To be, he began\n2\tand that was the question"})
    comma = b'id,text\n1,"To be he began\n2,and that was it"\n3,"a,b"\n'
    assert [type(item).__name__ for item in read(comma, quoting="none")] == ["Record", "Record", "Rejected"]


def test_every_line_of_a_file_with_tabs_is_accounted_for() -> None:
    raw = b'id\ttext\n1\t"An open quote\nno tab here\n2\tb\textra\n3\tc\n'
    assert [(item.location, isinstance(item, Record)) for item in read(raw, delimiter="\t")] == [
        ("c:2", True),
        ("c:3", False),
        ("c:4", False),
        ("c:5", True),
    ]


@pytest.mark.parametrize(
    ("name", "raw", "told"),
    [
        ("a.csv", b"id;text\n1;Ribosomen, und zwar viele.\n2;Der Mond, die Meere.\n", "separated by semicolons"),
        ("a.csv", b"sep=;\r\nid;text\r\n1;Ribosomen, und zwar viele.\r\n2;Der Mond, die Meere.\r\n", ""),
        ("a.csv", b"id\ttext\n1\tRibosomen, und zwar viele.\n2\tDer Mond, die Meere.\n", "separated by tabs"),
        ("a.tsv", b'id,text\n1,"Ribosomen, und zwar viele."\n2,"Der Mond, die Meere."\n', "separated by commas"),
        ("a.csv", b"id|text\n1|Ribosomen, und zwar viele.\n2|Der Mond, die Meere.\n", "separated by bars"),
        ("a.tsv", b"1\tRibosomen, und zwar viele.\n2\tDer Mond, die Meere.\n", "no header"),
        ("a.csv", "id;text\n1;Zürich, und zwar viele.\n2;Der Mond, die Meere.\n".encode("cp1252"), "read as cp1252"),
        ("a.csv", "id,text\n1,Рибосомы строят белки\n2,Луна и море\n".encode("cp1251"), "read as cp1251"),
        ("a.csv", "id,text\n1,Größe\n2,Maße\n".encode("utf-16"), ""),
        ("a.csv", "id,text\n1,Ribosomes build\n2,b\n".encode("utf-16-be"), "read as utf-16-be"),
    ],
)
def test_dialect_and_encoding_are_found_out_and_reported(tmp_path: Path, name: str, raw: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(raw)
    notices: list[str] = []
    (source,) = open_sources([str(tmp_path / name)], notice=lambda message: notices.append(str(message)))
    rows = list(source.read())
    assert [item.fields["id"] for item in rows if isinstance(item, Record)] == ["1", "2"]
    assert all(isinstance(item, Record) and set(item.fields) == {"id", "text"} for item in rows)
    assert (told in "\n".join(notices)) if told else not notices


def test_a_file_of_one_column_divides_nothing() -> None:
    raw = b'text\nThe moon, it moves.\n"The tide, ""it"" comes."\n'
    assert [item.fields["text"] for item in read(raw) if isinstance(item, Record)] == [
        "The moon, it moves.",
        'The tide, "it" comes.',
    ]


def test_lines_may_end_in_returns_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,text\r1,The mill\r2,The tide\r")
    (source,) = open_sources([str(tmp_path / "a.csv")])
    assert [item.fields["text"] for item in source.read() if isinstance(item, Record)] == ["The mill", "The tide"]


def test_a_single_line_without_a_header_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "q.tsv").write_text("7\twhere is the mill\n")
    (source,) = open_sources([str(tmp_path / "q.tsv")])
    (row,) = source.read()
    assert isinstance(row, Record)
    assert row.fields == {"id": "7", "text": "where is the mill"}


def test_a_column_that_an_option_names_makes_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("who,what did you like best about it\nx,the old mill by the river\ny,all\n")
    (source,) = open_sources([str(tmp_path / "a.csv")], text_fields=["what did you like best about it"])
    assert [item.fields["who"] for item in source.read() if isinstance(item, Record)] == ["x", "y"]


def test_dialect_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("4;Ä;x y\n5;Ö;z\n".encode("mac_roman"))
    options = ReadOptions(delimiter=";", header=False, encoding="mac_roman")
    (source,) = open_sources([str(tmp_path / "a.csv")], reading=options)
    assert [item.fields for item in source.read() if isinstance(item, Record)] == [
        {"id": "4", "column_2": "Ä", "text": "x y"},
        {"id": "5", "column_2": "Ö", "text": "z"},
    ]


def test_overlong_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_ROW_BYTES", 1000)
    bad, good = read(b"id,text\n1," + b"x" * 9000 + b"\n2,b\n")
    assert isinstance(bad, Rejected)
    assert (bad.location, bad.reason) == ("c:2", "line longer than 64 MiB")
    assert good == Record("c:3", {"id": "2", "text": "b"})


def test_field_longer_than_the_csv_modules_own_limit() -> None:
    (item,) = read(b"id,text\n1," + b"x" * 200_000 + b"\n")
    assert isinstance(item, Record)
    assert item.fields["text"] == "x" * 200_000


def test_vector_column() -> None:
    raw = b'id,v\n1,"[0.5, -1]"\n2,oops\n3,{}\n'
    good, bad, other = read(raw, vector_field="v")
    assert good == Record("c:2", {"id": "1", "v": [0.5, -1]})
    assert bad == Rejected("c:3", "column 'v': found 'oops', expected a JSON array of numbers", excerpt="2,oops")
    assert isinstance(other, Rejected)


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (b"", "c: found an empty file, expected a header line"),
        (b"id,text,id\n1,a,b\n", "c:1: the header names twice: id"),
        (b"id,\xff\n", "c:1: the header cannot be read: not valid UTF-8 at byte 4 of line 1"),
    ],
)
def test_bad_header_is_a_source_error(raw: bytes, match: str) -> None:
    with pytest.raises(SourceError, match=match):
        read(raw)


def test_header_alone_has_no_rows() -> None:
    assert read(b"id,text\n") == []


nasty = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


plain = st.text(
    st.characters(exclude_characters="\0\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029", exclude_categories=["Cs"]),
    max_size=12,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0), plain), max_size=30))
def test_a_file_with_tabs_that_quotes_nothing_loses_nothing(rows: list[tuple[int, str]]) -> None:
    raw = "id\ttext\n" + "".join(f"{n}\tx{text}\n" for n, text in rows)
    assert [item.fields for item in read(raw.encode(), delimiter="\t") if isinstance(item, Record)] == [
        {"id": str(n), "text": f"x{text}"} for n, text in rows
    ]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(nasty, nasty), max_size=6),
    st.sampled_from([",", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_round_trip(rows: list[tuple[str, str]], delimiter: str, end: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("id", "text"), *rows])
    found = read(out.getvalue().encode(), delimiter=delimiter)
    assert [item.fields for item in found if isinstance(item, Record)] == [
        {"id": row_id or None, "text": text or None} for row_id, text in rows
    ]


def test_named_columns_stay_text_and_long_numbers_keep_their_digits() -> None:
    raw = b"num,big,small,rate\n1.10,12345678901234567890,9223372036854775807,1\n1.1,12345678901234567891,-5,2.5\n"
    first, second = read(raw, text_fields=frozenset({"num"}))
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert first.fields == {"num": "1.10", "big": "12345678901234567890", "small": 2**63 - 1, "rate": 1.0}
    assert second.fields == {"num": "1.1", "big": "12345678901234567891", "small": -5, "rate": 2.5}


def test_the_id_that_is_named_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"sku,text\n1.10,a\n1.1,b\n")
    (source,) = open_sources([str(tmp_path / "a.csv")], text_fields=["sku"])
    assert [item.fields["sku"] for item in source.read() if isinstance(item, Record)] == ["1.10", "1.1"]


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        (b'id,text\n1,"he said \\"no, not now\\" twice"\n2,plain\n', ['he said "no, not now" twice', "plain"]),
        (b'id,text\n1,"one\ntwo \\"three\\", four"\n2,plain\n', ['one\ntwo "three", four', "plain"]),
        (b'id, text\n1, "one, two"\n2, three\n3, "four"\n', ["one, two", " three", "four"]),
        (b'id,text\n1," ""one"" two"\n2," ""three"""\n', [' "one" two', ' "three"']),
        (b"# made today\n# by hand\nid,text\n1,one two\n", ["one two"]),
        (b"#id,text\n1,one two\n", ["one two"]),
        (b"id,text\r1,one two\r2,three\r", ["one two", "three"]),
        (b"\n#id\ttext\n1\tone two\n", ["one two"]),
    ],
    ids=[
        "backslashes",
        "backslashes later",
        "blanks",
        "blanks in quotes",
        "comments",
        "a header as a comment",
        "old Macs",
        "a tab in it",
    ],
)
def test_what_other_programs_write(raw: bytes, texts: list[str], tmp_path: Path) -> None:
    file = tmp_path / ("c.tsv" if b"\t" in raw else "c.csv")
    file.write_bytes(raw)
    rows = [row for source in open_sources([str(file)]) for row in source.read()]
    assert all(isinstance(row, Record) for row in rows), rows
    assert [row.fields["text"] for row in rows if isinstance(row, Record)] == texts


def test_a_single_column_has_no_delimiter() -> None:
    rows = read(b'text\none, two\n"three, ""four"""\n5" and 6"\n')
    assert [row.fields for row in rows if isinstance(row, Record)] == [
        {"text": "one, two"},
        {"text": 'three, "four"'},
        {"text": '5" and 6"'},
    ]


def test_a_row_of_too_many_fields_loses_no_line_after_it() -> None:
    rows = read(b'id,text\n1,a, "b\n2,c\n3,d\n')
    assert [row.location for row in rows] == ["c:2", "c:3", "c:4"]
    assert [row.fields["text"] for row in rows[1:] if isinstance(row, Record)] == ["c", "d"]
