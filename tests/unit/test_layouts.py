"""Layouts that people have: each row of the input is in one of the counts, and the articles are the right ones."""

from __future__ import annotations

import bz2
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts import Heard, account
from sheets import write_sheet
from vecindex.errors import SourceError

MILL, TIDE = "The mill stands by the river.", "The tide comes twice a day."


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def beir(root: Path) -> None:
    """A corpus, its questions and its judgments."""
    write(
        root / "corpus.jsonl", lines(*({"_id": f"d{i}", "title": "", "text": MILL, "metadata": {}} for i in (1, 2)))
    )
    write(root / "queries.jsonl", lines({"_id": "q1", "text": "where is the mill"}))
    write(root / "qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n")


def ms_marco(root: Path) -> None:
    """A collection without a header, with questions."""
    write(root / "collection.tsv", f"d1\t{MILL}\nd2\t{TIDE}\n")
    write(root / "queries.dev.tsv", "7\twhere is the mill\n8\twhen is the tide\n")
    write(root / "qrels.dev.tsv", "7\t0\td1\t1\n")


def arrow(path: Path, ids: list[str]) -> None:
    import pyarrow as pa

    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"id": ids, "text": [MILL] * len(ids)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table)


def save_to_disk(root: Path) -> None:
    """A data set with two splits, as `save_to_disk` writes it."""
    write(root / "dataset_dict.json", '{"splits": ["train", "test"]}')
    for split, name in (("train", "d1"), ("test", "d2")):
        arrow(root / split / "data-00000-of-00001.arrow", [name])
        arrow(root / split / "cache-0123abcd.arrow", ["x"])
        write(root / split / "state.json", '{\n  "_data_files": [{"filename": "data-00000-of-00001.arrow"}]\n}')
        write(root / split / "dataset_info.json", '{\n  "features": {}\n}')


def snapshot(root: Path) -> None:
    """A data set as it is on a hub, with its card."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (root / "data").mkdir(parents=True)
    for split, name in (("train", "d1"), ("validation", "d2")):
        table = pa.table({"id": [name], "text": [MILL]})
        pq.write_table(table, root / f"data/{split}-00000-of-00001.parquet")
    write(root / "README.md", "# A data set\n")
    write(root / "dataset_infos.json", '{\n  "default": {}\n}')


def wiki_json(root: Path) -> None:
    """Files of JSON lines without an extension, one of them compressed."""
    write(root / "AA/wiki_00", lines({"id": "d1", "url": "u", "title": "Mill", "text": MILL}))
    packed = bz2.compress(lines({"id": "d2", "url": "u", "title": "Tide", "text": TIDE}).encode())
    write(root / "AA/wiki_01.bz2", packed)


def wiki_doc(root: Path) -> None:
    """Articles between tags."""
    text = (
        f'<doc id="d1" url="https://x.example/1" title="A &quot;mill&quot;">\nA "mill"\n\n{MILL}\n\n</doc>\n'
        f'<doc id="d2" url="u" title="Tide">\nTide\n\n{TIDE}\n</doc>\n'
    )
    write(root / "AA/wiki_00", text)


def cirrus(root: Path) -> None:
    """A bulk file whose ids stand in its action lines."""
    rows = [{"index": {"_type": "_doc", "_id": "d1"}}, {"title": "Mill", "text": MILL}]
    rows += [{"index": {"_type": "_doc", "_id": "d2"}}, {"title": "Tide", "text": TIDE}]
    write(root / "wiki-cirrus.json", lines(*rows))


def kilt(root: Path) -> None:
    """Texts that are lists of paragraphs."""
    rows = [
        {"_id": name, "wikipedia_id": name, "wikipedia_title": "Mill", "text": ["Mill\n", f"{MILL}\n"], "anchors": []}
        for name in ("d1", "d2")
    ]
    write(root / "kilt.jsonl", lines(*rows))


def pyserini(root: Path) -> None:
    """Contents."""
    write(root / "docs.jsonl", lines({"id": "d1", "contents": MILL}, {"id": "d2", "contents": TIDE}))


def pretty(root: Path) -> None:
    """Objects over several lines."""
    write(root / "a.json", "\n".join(json.dumps({"id": name, "text": MILL}, indent=2) for name in ("d1", "d2")))


def archive(root: Path) -> None:
    """A zip archive in a folder, with what macOS adds."""
    root.mkdir(parents=True)
    with zipfile.ZipFile(root / "a.zip", "w") as out:
        out.writestr("in/a.csv", f"id,text\nd1,{MILL}\nd2,{TIDE}\n")
        out.writestr("__MACOSX/in/._a.csv", b"\0\1")


def posts(root: Path) -> None:
    """Posts of Stack Exchange, an answer without a title among them."""
    write(
        root / "Posts.xml",
        '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n'
        '<row Id="d1" PostTypeId="1" Title="Mills" Tags="&lt;water&gt;&lt;wheel&gt;" Score="3" '
        f'Body="&lt;p&gt;{MILL}&lt;/p&gt;" />\n'
        f'<row Id="d2" PostTypeId="2" Score="0" Body="&lt;p&gt;{TIDE}&lt;/p&gt;" />\n</posts>\n',
    )


def pages(root: Path) -> None:
    """HTML pages; the names are the ids."""
    head = "<html><head><title>Mill</title><style>p {}</style></head><body><nav>Home</nav>"
    for name in ("d1", "d2"):
        write(root / f"{name}.html", f"{head}<h1>Mill</h1><p>{MILL}</p></body></html>")


LAYOUTS: dict[Callable[[Path], None], int] = {
    beir: 2,
    ms_marco: 2,
    save_to_disk: 2,
    snapshot: 2,
    wiki_json: 2,
    wiki_doc: 2,
    cirrus: 2,
    kilt: 2,
    pyserini: 2,
    pretty: 2,
    archive: 2,
    posts: 2,
    pages: 2,
}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_every_row_of_a_layout_is_an_article(layout: Callable[[Path], None], tmp_path: Path) -> None:
    layout(tmp_path / "in")
    articles, report = account([tmp_path / "in"])
    assert report.read == report.added == LAYOUTS[layout]
    assert {article.id.removesuffix(".html") for article in articles} == {"d1", "d2"}
    assert all(MILL in article.text or TIDE in article.text for article in articles)
    assert report.sources_left_out == []


def test_questions_and_judgments_are_named(tmp_path: Path) -> None:
    beir(tmp_path)
    heard = Heard()
    account([tmp_path], heard)
    assert heard.lines[0] == (
        f"{tmp_path}: read for its corpus; 2 files of questions or judgments are left out (qrels/test.tsv, "
        "queries.jsonl); questions are for index.overlap(questions=FILE)"
    )


@pytest.mark.parametrize(
    ("layout", "splits"), [(save_to_disk, {"train", "test"}), (snapshot, {"train", "validation"})]
)
def test_splits_are_a_field(layout: Callable[[Path], None], splits: set[str], tmp_path: Path) -> None:
    layout(tmp_path)
    articles, _ = account([tmp_path])
    assert {article.extra["split"] for article in articles} == splits


def test_one_part_alone_is_no_split(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", lines({"id": "1", "text": MILL}))
    (article,), _ = account([tmp_path])
    assert article.extra == {}


def test_text_that_wikiextractor_wrote(tmp_path: Path) -> None:
    write(
        tmp_path / "wiki_00",
        f'<doc id="1" url="u" title="Mill">\nMill\n\n{MILL}\n\nMore.\n</doc>\nstray\n'
        '<doc id="2" url="u" title="Open">\nOpen\n\nx\n<doc id="3" url="u" title="Last">\nLast\n\nThe end.</doc>\n',
    )
    articles, report = account([tmp_path / "wiki_00"])
    assert [(a.id, a.title, a.text, a.extra) for a in articles] == [
        ("1", "Mill", f"{MILL}\n\nMore.", {"url": "u"}),
        ("3", "Last", "The end.", {"url": "u"}),
    ]
    assert report.reject_reasons == {"text outside of <doc>": 1, "article without </doc>": 1}


def test_posts_are_plain_text(tmp_path: Path) -> None:
    posts(tmp_path)
    (first, _), _ = account([tmp_path / "Posts.xml"])
    assert (first.title, first.text) == ("Mills", MILL)
    assert first.extra == {"PostTypeId": 1, "Tags": ["water", "wheel"], "Score": 3}


def test_pages_are_plain_text(tmp_path: Path) -> None:
    raw = '<meta charset="iso-8859-1"><title>M\xfchle</title><nav>x</nav><h1>M\xfchle</h1><p>A<br>B <b>c</b></p>'
    write(tmp_path / "a/p.html", raw.encode("latin-1") + b"<table><tr><td>1<td>2</tr></table><script>y</script>")
    (page,), _ = account([tmp_path])
    assert (page.id, page.title, page.text) == ("a/p.html", "Mühle", "Mühle\nA\nB c\n1 2")


def test_one_document_a_line(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", f"{MILL}\n\n{TIDE}\n{MILL}\nA third.\n")
    articles, report = account([tmp_path / "a.txt"], format="lines")
    assert [article.text for article in articles] == [MILL, TIDE, "A third."]
    assert report.left_out_reasons == {"same content as an earlier row": 1}
    assert len({article.id for article in articles}) == 3
    heard = Heard()
    write(tmp_path / "b.txt", f"{MILL}\n{TIDE}\nA third.\n")
    account([tmp_path / "b.txt"], heard)
    assert heard.lines[0].endswith("b.txt: one document of 3 lines; if each line is one: format='lines'")


SQUAD = {
    "version": "2.0",
    "data": [
        {"title": "Mill", "paragraphs": [{"context": MILL, "qas": []}, {"context": "More.", "qas": []}]},
        {"title": "Tide", "paragraphs": [{"context": TIDE, "qas": [{"question": "?"}]}]},
    ],
}


@pytest.mark.parametrize("indent", [None, 1])
def test_records_inside_of_an_object(indent: int | None, tmp_path: Path) -> None:
    write(tmp_path / "squad.json", json.dumps(SQUAD, indent=indent))
    with pytest.raises(SourceError, match=r"These seem to hold the rows; to read them: records='data\.paragraphs'\."):
        account([tmp_path / "squad.json"])
    articles, report = account([tmp_path / "squad.json"], records="data.paragraphs", id="auto", skip_fields="qas")
    assert [(a.title, a.text, a.extra) for a in articles] == [
        ("Mill", MILL, {"version": "2.0"}),
        ("Mill", "More.", {"version": "2.0"}),
        ("Tide", TIDE, {"version": "2.0"}),
    ]
    assert articles[1].location.endswith(" data[0].paragraphs[1]")
    assert report.read == 3


def test_rows_of_an_answer_of_a_server_are_found_inside(tmp_path: Path) -> None:
    write(
        tmp_path / "rows.json",
        json.dumps({"features": [], "rows": [{"row_idx": 0, "row": {"id": "a", "text": MILL}}]}),
    )
    with pytest.raises(SourceError, match=r"These seem to hold the rows; to read them: records='rows\.row'\."):
        account([tmp_path / "rows.json"])
    (article,), _ = account([tmp_path / "rows.json"], records="rows.row")
    assert (article.id, article.text, article.extra) == ("a", MILL, {"row_idx": 0})


def test_records_inside_of_lines(tmp_path: Path) -> None:
    rows = [{"doc": "d", "parts": ["A.", "B."]}, {"doc": "e", "parts": []}, {"doc": "f"}, {"doc": "g", "parts": [4]}]
    write(tmp_path / "a.jsonl", lines(*rows))
    articles, report = account([tmp_path / "a.jsonl"], records="parts", id="auto")
    assert [(a.text, a.extra) for a in articles] == [("A.", {"doc": "d"}), ("B.", {"doc": "d"})]
    assert report.left_out_reasons == {"no records at parts": 1}
    assert report.reject_reasons == {"no field 'parts' inside; found": 1, "no object and no text": 1}


def test_spreadsheets(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.xlsx", [["id", "text", "year"], [1, MILL, 2001.5], ["", "", ""], [2, TIDE, ""]])
    heard = Heard()
    articles, report = account([tmp_path / "a.xlsx"], heard)
    assert [(a.id, a.text, a.extra) for a in articles] == [("1", MILL, {"year": 2001.5}), ("2", TIDE, {"year": None})]
    assert articles[1].location == f"{tmp_path}/a.xlsx Corpus row 4"
    assert report.read == 2
    assert heard.lines[0] == f"{tmp_path}/a.xlsx: the sheet 'Corpus' is read; 1 other is not (Notes)"
    write(tmp_path / "b.xlsx", b"PK not a sheet")
    with pytest.raises(SourceError, match="cannot be read as a spreadsheet"):
        account([tmp_path / "b.xlsx"])


def test_a_zip_archive_that_is_named_and_one_that_would_fill_a_disk(tmp_path: Path) -> None:
    archive(tmp_path / "in")
    articles, _ = account([tmp_path / "in/a.zip"])
    assert [article.location for article in articles] == [f"{tmp_path}/in/a.zip/in/a.csv:{i}" for i in (2, 3)]
    write(tmp_path / "bad.zip", b"PK no archive")
    with pytest.raises(SourceError, match="cannot be read as a zip archive"):
        account([tmp_path / "bad.zip"])
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as out, out.open("a.csv", "w") as file:
        for _ in range(300):
            file.write(b"0" * (1 << 20))
    with pytest.raises(SourceError, match="bytes of zip data unpack to more than"):
        account([tmp_path / "bomb.zip"])


def test_files_about_others_are_read_where_they_are_all_there_is(tmp_path: Path) -> None:
    write(tmp_path / "state.json", lines({"id": "1", "text": MILL}))
    assert len(account([tmp_path])[0]) == 1


def test_records_by_their_names_and_records_one_level_down(tmp_path: Path) -> None:
    by_name = {f"d{i}": {"title": "T", "text": f"text {i}"} for i in range(3)}
    write(tmp_path / "named.json", json.dumps(by_name))
    with pytest.raises(SourceError, match=r"These seem to hold the rows; to read them: records='\*'\."):
        account([tmp_path / "named.json"])
    articles, _ = account([tmp_path / "named.json"], records="*")
    assert [(one.id, one.title, one.text) for one in articles] == [(f"d{i}", "T", f"text {i}") for i in range(3)]
    texts = {f"d{i}": f"a text of words {i}" for i in range(3)}
    write(tmp_path / "texts.json", json.dumps(texts))
    articles, _ = account([tmp_path / "texts.json"], records="*")
    assert {one.id: one.text for one in articles} == texts
    hits = [{"_index": "i", "_id": f"h{i}", "_source": {"text": f"text {i}"}} for i in range(3)]
    write(tmp_path / "hits.jsonl", "\n".join(map(json.dumps, hits)))
    with pytest.raises(SourceError, match=r"These seem to hold the rows; to read them: records='_source'\."):
        account([tmp_path / "hits.jsonl"])
    articles, _ = account([tmp_path / "hits.jsonl"], records="_source")
    assert [(one.id, one.text) for one in articles] == [(f"h{i}", f"text {i}") for i in range(3)]
