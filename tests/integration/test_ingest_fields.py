"""What is taken for what, said and checked before anything is embedded; rows and files that are left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import vecindex
from invariants import read
from vecindex.errors import ConfigError, SourceError
from vecindex.messages import Message
from vecindex.types import Silent

READY: dict[str, Any] = {"model": "nobody/none", "vector_field": "v", "unverified": True}


class Heard(Silent):
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.warnings: list[str] = []

    def notice(self, message: Message) -> None:
        self.notices.append(str(message))

    def warning(self, message: Message) -> None:
        self.warnings.append(str(message))


def rows(n: int, **fields: Any) -> list[dict[str, Any]]:
    """Return rows with a vector of their own; a callable field is called with the row's number."""
    made = []
    for i in range(n):
        own = {name: value(i) if callable(value) else value for name, value in fields.items()}
        made.append({**own, "v": [1.0, float(i), 0.5]})
    return made


def write(path: Path, data: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in data))
    return path


def ingest(tmp_path: Path, *sources: Any, **options: Any) -> tuple[vecindex.IngestReport, Heard]:
    heard = Heard()
    report = vecindex.open(tmp_path / "db").ingest(*sources, observer=heard, **{**READY, **options})
    assert report.unaccounted == 0
    return report, heard


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_is_taken_is_said_first_in_one_line(tmp_path: Path, dry_run: bool) -> None:
    data = rows(3, pid=str, docid="d1", passage="A text.", title="T", spans="(0,1)")
    report, heard = ingest(tmp_path, write(tmp_path / "p.jsonl", data), dry_run=dry_run)
    assert heard.notices[0] == (
        f"{tmp_path}/p.jsonl: id from 'pid', text from 'passage', title from 'title', embedding from 'v'; "
        "2 other fields kept: docid, spans"
    )
    (taken,) = report.taken
    assert (taken.id, taken.text, taken.title, taken.vector, taken.kept) == (
        "pid",
        "passage",
        "title",
        "v",
        ["docid", "spans"],
    )
    assert (report.read, report.added) == (3, 3)


def test_files_with_the_same_fields_have_one_line(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / "in" / f"{name}.jsonl", rows(2, id=lambda i, n=name: f"{n}{i}", text="x"))
    _, heard = ingest(tmp_path, tmp_path / "in")
    assert heard.notices[0] == f"{tmp_path}/in/a.jsonl and 2 more: id from 'id', text from 'text', embedding from 'v'"


def test_of_two_ids_the_one_that_does_not_repeat_is_taken(tmp_path: Path) -> None:
    data = rows(6, doc_id=lambda i: f"d{i // 3}", url=lambda i: f"u{i}", text="x")
    report, _ = ingest(tmp_path, write(tmp_path / "a.jsonl", data))
    assert (report.taken[0].id, report.added, report.rejected) == ("url", 6, 0)


def test_a_guessed_id_that_repeats_is_refused_with_the_way_on(tmp_path: Path) -> None:
    data = rows(6, docid=lambda i: f"d{i // 3}", nr=lambda i: i, text="x")
    path = write(tmp_path / "a.jsonl", data)
    with pytest.raises(SourceError) as caught:
        ingest(tmp_path, path)
    assert str(caught.value) == (
        f"{path}: the field 'docid', taken for the id, is not a row's own: 4 of the first 6 rows have an id that an "
        "earlier one has\nSay what distinguishes the rows: id_field='nr' or id='auto'; if it is the id after all: "
        "id_field='docid'."
    )
    report, _ = ingest(tmp_path, path, id_field="docid")
    assert (report.added, report.rejected) == (2, 4)


def test_a_guessed_id_that_repeats_now_and_then_is_warned_of(tmp_path: Path) -> None:
    data = rows(20, id=lambda i: str(max(i, 1)), text="x")
    report, heard = ingest(tmp_path, write(tmp_path / "a.jsonl", data))
    assert (report.added, report.rejected) == (19, 1)
    assert heard.warnings == [
        f"{tmp_path}/a.jsonl: 1 of the first 20 rows has an id that an earlier one has ('id'), and is rejected as a "
        "duplicate; another id: id='auto'"
    ]


def test_a_text_that_is_often_empty_is_warned_of(tmp_path: Path) -> None:
    data = [{"id": i, "title": "T", "abstract": "x" if i % 2 else None} for i in range(10)]
    heard = Heard()
    vecindex.open(tmp_path / "db").ingest(write(tmp_path / "a.jsonl", data), observer=heard, dry_run=True)
    assert heard.warnings == [
        f"{tmp_path}/a.jsonl: 'abstract' has no text in 50 % of the first 10 rows, which are rejected; to take those "
        r"with a title: text_template='{title}\n{abstract}'"
    ]


def test_a_list_of_numbers_that_nobody_named_is_offered_as_embeddings(tmp_path: Path) -> None:
    data = [{"id": i, "text": "x", "embedding": [0.5 * i] * 7 + [0.25], "box": [1, 2, 3, 4]} for i in range(3)]
    heard = Heard()
    path = write(tmp_path / "a.jsonl", data)
    vecindex.open(tmp_path / "db").ingest(path, observer=heard, dry_run=True)
    assert heard.warnings == [
        f"{path}: 'embedding' holds lists of 8 numbers, and is left out; if these are embeddings, nothing needs to "
        "be embedded: vector_field='embedding' model=NAME; to keep it as text: skip_fields=''"
    ]
    assert heard.notices[0].endswith("; 1 left out: embedding"), "the warning says why"
    heard = Heard()
    vecindex.open(tmp_path / "db").ingest(path, observer=heard, dry_run=True, skip_fields=["embedding"])
    assert heard.warnings == []


def test_fields_can_be_chosen_and_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", rows(2, id=str, text="x", year=7, note="n", tag="t"))
    ingest(tmp_path, path, fields="year,tag", skip_fields="tag")
    assert [set(row) & {"year", "note", "tag"} for row in read(tmp_path / "db")] == [{"year"}] * 2


def test_ids_made_of_the_content_are_stable(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nRibosomes build proteins.,1\nThe moon moves the tides.,0\n")
    heard, index = Heard(), vecindex.open(tmp_path / "db")
    assert index.ingest(tmp_path / "a.csv", id="auto", observer=heard).added == 2
    assert heard.notices[0].endswith("a.csv: id made of the content, text from 'text'; 1 other field kept: label")
    first = {row["id"] for row in read(tmp_path / "db")}
    assert all(len(i) == 24 for i in first)
    (tmp_path / "b.jsonl").write_text(
        "".join(
            json.dumps(row) + "\n"
            for row in [
                {"text": "A new one.", "label": 2},
                {"label": 0, "text": "The moon moves the tides."},
                {"text": "Ribosomes build proteins.", "label": 1},
                {"label": 1, "text": "Ribosomes build proteins."},
            ]
        )
    )
    report = index.ingest(tmp_path / "b.jsonl", id="auto")
    assert (report.read, report.added, report.skipped, report.left_out) == (4, 1, 2, 1)
    assert report.left_out_reasons == {"same content as an earlier row": 1}
    assert report.unaccounted == 0
    with pytest.raises(ConfigError, match="either from a field or from the rows' contents"):
        index.ingest(tmp_path / "a.csv", id="auto", id_field="label")


def test_without_an_id_the_message_names_the_way_on(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nRibosomes build proteins.,1\nThe moon moves the tides.,0\n")
    with pytest.raises(SourceError, match="make ids of the rows' contents: id='auto'"):
        vecindex.open(tmp_path / "db").ingest(tmp_path / "a.csv")


def test_a_file_that_does_not_fit_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    write(tmp_path / "in/a.jsonl", rows(1, id="a", text="x"))
    write(tmp_path / "in/b.jsonl", rows(1, id="b", words="x"))
    (tmp_path / "in/b2.csv").write_text("")
    write(tmp_path / "in/c.jsonl", rows(1, id="c", text="y"))
    first = [{"id": "gone", "text": "x", "v": [0.0, 1.0, 1.0]}]
    ingest(tmp_path, write(tmp_path / "old.jsonl", first))
    data = [write(tmp_path / f"no/{i}.jsonl", [{"id": str(i), "words": "x"}]) for i in range(2)]
    report, heard = ingest(tmp_path, tmp_path / "in", prune=True, text_field="text")
    assert (report.added, report.is_whole) == (2, False)
    assert [Path(one.source).name for one in report.sources_left_out] == ["b.jsonl", "b2.csv"]
    assert heard.warnings[0].endswith("in/b.jsonl: no field 'text' for the text; fields found: id, words")
    assert heard.warnings[-1] == (
        "nothing is pruned: 2 sources were left out, which may hold the 1 row that seems to be gone"
    )
    with pytest.raises(SourceError, match=r"0\.jsonl: no field is recognized as the text"):
        vecindex.open(tmp_path / "db2").ingest(*data)


def test_emptiness_is_judged_on_what_the_model_reads(tmp_path: Path) -> None:
    data = [
        {"id": "1", "title": "Only a title", "text": None},
        {"id": "2", "title": None, "text": "Only a text"},
        {"id": "3", "title": None, "text": " "},
    ]
    path = write(tmp_path / "a.jsonl", data)
    report = vecindex.open(tmp_path / "both").ingest(path, text_template=r"Title: {title}\n{text}")
    assert (report.added, report.reject_reasons) == (2, {"empty text": 1})
    assert {row["id"]: row["text"] for row in read(tmp_path / "both")} == {
        "1": "Title: Only a title",
        "2": "Only a text",
    }
    report = vecindex.open(tmp_path / "title").ingest(path, text_template="{title}")
    assert (report.added, report.reject_reasons) == (1, {"empty text": 2})


def test_paragraphs_are_put_together(tmp_path: Path) -> None:
    ingest(tmp_path, write(tmp_path / "a.jsonl", rows(1, id="k", text=["One.\n", "Two."])))
    assert [row["text"] for row in read(tmp_path / "db")] == ["One.\nTwo."]
