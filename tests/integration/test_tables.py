"""Tables made of others: texts embedded by another model, and tables that vecindex did not make."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
import pytest

import vecindex
from invariants import check, read
from static_models import save_static
from tables import Notices, chunked_table
from vecindex.core.vectors import F32, row_cosines
from vecindex.embed.encoder import Encoder
from vecindex.embed.light.encoder import LightEncoder
from vecindex.embed.models import find_model
from vecindex.errors import ConfigError, ModelError, SourceError, TableNotFoundError
from vecindex.store.database import Database
from vecindex.store.maps import put_map
from vecindex.store.questions import QuestionTable
from vecindex.types import Progress, Silent
from vecindex.verbs.tables.whole import LOST


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_static(tmp_path_factory.mktemp("static") / "model")


def vectors_of(folder: Path, table: str) -> dict[str, F32]:
    ids, vectors = Database(folder).articles(table).vectors()
    return dict(zip(ids, vectors, strict=True))


def test_reembed_takes_texts_fields_maps_and_questions(sample_db: Path, static: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sample_db, tmp_path / "db"))
    old = vecindex.open(folder)
    old.overlap(["how do cells divide", "what is a star"])
    table = Database(folder).articles("articles")
    ids, _ = table.vectors()
    xy = np.random.default_rng(0).standard_normal((len(ids), 2))
    put_map(table, "map", pa.array(ids), xy, {"method": "local"})
    notices = Notices()
    index = vecindex.open(folder, "new")
    report = index.reembed("articles", model=str(static), observer=notices)
    assert (report.read, report.added, report.rejected) == (264, 264, 0)
    here, there = ({row["id"]: row for row in read(folder, name)} for name in ("new", "articles"))
    assert here.keys() == there.keys()
    for row_id, row in here.items():
        for column in ("title", "text", "topic", "content_hash"):
            assert row[column] == there[row_id][column]
    # The map is where it was, and scored by the new vectors.
    positions = {row_id: (row["map_x"], row["map_y"]) for row_id, row in here.items()}
    assert positions == {row_id: (row["map_x"], row["map_y"]) for row_id, row in there.items()}
    assert index.status().maps["map"]["articles"] == 264
    assert any('map "map" is taken along as it is; its articles keep' in line for line in notices.lines)
    made = Database(folder).articles("new").fingerprint
    (asked,) = QuestionTable(Database(folder)).sets_of(made)
    assert [one.text for one in asked.questions] == ["how do cells divide", "what is a star"]
    # Again: nothing is to be done, and nothing is taken twice.
    notices = Notices()
    again = index.reembed("articles", observer=notices)
    assert (again.skipped, again.vectors) == (264, 0)
    assert not any("taken along" in line for line in notices.lines)


def test_reembed_is_resumed_and_follows_changes(sample_db: Path, static: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sample_db, tmp_path / "db"))
    stop = vecindex.Stop()

    class Stopper(Silent):
        def progress(self, progress: Progress) -> None:
            if progress.rows:
                stop.request()

    index = vecindex.open(folder, "new")
    first = index.reembed(model=str(static), transaction_rows=50, observer=Stopper(), stop=stop, carry=False)
    assert first.interrupted
    assert 0 < first.rows_in_table < 264
    rest = index.reembed(transaction_rows=50, carry=False)
    assert (rest.skipped, rest.added, rest.rows_in_table) == (first.added, 264 - first.added, 264)
    vecindex.open(folder).ingest([{"id": "cell-001", "title": "Changed", "text": "Another text.", "topic": "none"}])
    assert (index.reembed(carry=False).changed, index.status().rows) == (1, 264)


def test_reembed_keeps_the_template_and_the_names_of_fields(static: Path, tmp_path: Path) -> None:
    rows = [{"id": "a", "title": "T", "text": "one", "ID": 7, "a.b": "x"}, {"id": "b", "title": "U", "text": "two"}]
    vecindex.open(tmp_path).ingest(rows, text_template="{title}: {text}", id_field="id")
    index = vecindex.open(tmp_path, "new")
    assert index.reembed(model=str(static)).added == 2
    made = index.status()
    assert made.fingerprint is not None
    assert made.fingerprint.text_template == "{title}: {text}"
    assert made.columns == {"src_ID": "int64", "a_b": "string"}
    encoder = vecindex_encoder(static)
    assert row_cosines(encoder.embed_texts(["T: one"]), [vectors_of(tmp_path, "new")["a"]]).min() > 0.9999


def vecindex_encoder(folder: Path) -> Encoder:
    from vecindex.embed.encoders import LoadOptions, find, load

    return load(find(str(folder)), LoadOptions("cpu"))


def test_reembed_keeps_the_choice_of_fields(static: Path, tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "one", "day": 1, "year": 7, "note": "n"}]
    vecindex.open(tmp_path).ingest(rows, fields="year", newer="day")
    index = vecindex.open(tmp_path, "new")
    index.reembed(model=str(static))
    assert index.status().columns == {"day": "int64", "year": "int64"}
    report = index.ingest([{**rows[0], "day": 2}], newer="day")
    assert (report.changed, index.status().columns) == (1, {"day": "int64", "year": "int64"})


@pytest.mark.parametrize("chunk", [None, 64])
def test_reembed_keeps_fields_that_are_named_as_ours(chunk: int | None, static: Path, tmp_path: Path) -> None:
    rows = [
        {"key": f"k{i}", "body": body, "head": "H", "id": f"other {i}", "text": "t", "src_id": i}
        for i, body in enumerate(LONG)
    ]
    names = {"id_field": "key", "text_field": "body", "title_field": "head"}
    old = vecindex.open(tmp_path)
    assert old.ingest(rows, chunk=chunk, **names).added == 3  # type: ignore[arg-type]
    report = vecindex.open(tmp_path, "new").reembed(model=str(static))
    assert (report.added, report.rejected) == (3, 0)
    key = "id" if chunk is None else "article_id"
    here, there = (
        {(row[key], row["title"], *(row[column] for column in old.status().columns)) for row in read(tmp_path, name)}
        for name in ("new", "articles")
    )
    assert here == there
    assert sorted(here)[0][:2] == ("k0", "H")
    assert set(map(str, sorted(here)[0][2:])) == {"other 0", "t", "0"}


LONG = [
    " ".join(f"The {word} of part {i} is told here." for i in range(40)) + end
    for word, end in (("river", ""), ("mountain", "\n"), ("sea", "  "))
]


CHUNKS: dict[str, Any] = {"chunk": 40, "chunk_overlap": 5}


@pytest.mark.parametrize("overlap", [0, 5])
def test_articles_in_chunks_are_put_together_and_cut_anew(overlap: int, static: Path, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": f"a{i}", "title": f"Title {i}", "text": text, "year": 2000 + i, "ID": "x"}
        for i, text in enumerate(LONG)
    ]
    rows += [
        {"id": "short", "title": None, "text": " short ", "year": None, "ID": None},
        # It overlaps itself wherever it is cut.
        {"id": "same", "title": "S", "text": "\n" + "same words again and again. " * 60, "year": 1, "ID": "y"},
    ]
    how: dict[str, Any] = {
        "id_field": "id",
        "chunk": 40,
        "chunk_overlap": overlap,
        "text_template": "{title}: {text}",
    }
    vecindex.open(tmp_path).ingest(rows, **how)
    index = vecindex.open(tmp_path, "new")
    report = index.reembed(model=str(static))
    assert (report.read, report.added, report.rejected) == (5, 5, 0)
    # The same as if the table had been made of the sources.
    vecindex.open(tmp_path, "ingested").ingest(rows, model=str(static), **how)
    made, expected = ({row["id"]: row for row in read(tmp_path, name)} for name in ("new", "ingested"))
    assert made.keys() == expected.keys()
    for row_id, row in made.items():
        for column in ("content_hash", "text", "title", "year", "src_ID", "article_id", "chunk", "n_tokens"):
            assert row[column] == expected[row_id][column]
    assert index.reembed().skipped == 5
    whole = vecindex.open(tmp_path, "whole")
    assert whole.reembed(model=str(static), chunk=False, text_template="{text}").added == 5
    assert {row["id"]: row["text"] for row in read(tmp_path, "whole")} == {row["id"]: row["text"] for row in rows}


def test_reembedding_chunks_is_resumed(static: Path, tmp_path: Path) -> None:
    rows = [{"id": f"a{i}", "text": f"{i} {LONG[0]}"} for i in range(6)]
    vecindex.open(tmp_path).ingest(rows, **CHUNKS)
    stop, index = vecindex.Stop(), vecindex.open(tmp_path, "new")

    class Stopper(Silent):
        def progress(self, progress: Progress) -> None:
            if progress.rows:
                stop.request()

    first = index.reembed(model=str(static), transaction_rows=20, observer=Stopper(), stop=stop)
    assert first.interrupted
    assert 0 < first.added < 6
    rest = index.reembed(transaction_rows=20)
    assert (rest.skipped, rest.added) == (first.added, 6 - first.added)
    articles = [row["article_id"] for row in read(tmp_path, "new") if row["chunk"] == 0]
    assert sorted(articles) == [row["id"] for row in rows]


def test_an_article_that_its_chunks_do_not_give_back_is_rejected(static: Path, tmp_path: Path) -> None:
    vecindex.open(tmp_path).ingest([{"id": f"a{i}", "text": f"{i} {LONG[0]}"} for i in range(2)], **CHUNKS)
    with Database(tmp_path).writer():
        Database(tmp_path).articles("articles").delete("id = 'a1#2'")
    index = vecindex.open(tmp_path, "new")
    report = index.reembed(model=str(static))
    assert (report.read, report.added, report.rejected) == (2, 1, 1)
    (reject,) = index.status(rejects=True).rejects or []
    assert (reject["id"], reject["reason"]) == ("a1", LOST)
    assert reject["reason"].startswith("whole text is not in the table: its chunks do not give it back")


def test_maps_of_chunks_come_along_where_the_cut_is_the_same(static: Path, tmp_path: Path) -> None:
    vecindex.open(tmp_path).ingest([{"id": f"a{i}", "text": f"{i} {LONG[0]}"} for i in range(3)], **CHUNKS)
    table = Database(tmp_path).articles("articles")
    ids, _ = table.vectors()
    put_map(table, "map", pa.array(ids), np.random.default_rng(0).standard_normal((len(ids), 2)), {"method": "local"})
    for name, tokens, said in (("same", None, "is taken along as it is"), ("other", 60, "cut into other chunks")):
        notices = Notices()
        vecindex.open(tmp_path, name).reembed(model=str(static), chunk=tokens, observer=notices)
        assert any(said in line for line in notices.lines)


def test_what_cannot_be_embedded_again(tmp_path: Path) -> None:
    chunked_table(tmp_path, [2, 3])
    with pytest.raises(ConfigError, match="cannot be embedded into itself"):
        vecindex.open(tmp_path).reembed()
    with pytest.raises(TableNotFoundError, match="No table 'nothing'"):
        vecindex.open(tmp_path, "new").reembed("nothing")


TEXTS = [
    "The cell is the basic unit of life.",
    "A star is a ball of plasma held together by gravity.",
    "Law is a set of rules enforced by institutions.",
    "A river carries water to the sea.",
]


def plain(folder: Path, columns: dict[str, Any], name: str = "plain") -> F32:
    """Make a table as lancedb alone makes it, with vectors of the texts; return these."""
    vectors = LightEncoder(find_model("all-MiniLM-L6-v2")).embed_texts(TEXTS)
    data = {**columns, "text": TEXTS, "vector": [vector.tolist() for vector in 3 * vectors]}
    kinds = [pa.field("vector", pa.list_(pa.float32(), 384))]
    schema = pa.schema(
        [
            *(pa.field(key, pa.array(values).type) for key, values in columns.items()),
            pa.field("text", pa.string()),
            *kinds,
        ]
    )
    lancedb.connect(folder).create_table(name, pa.table(data, schema=schema))
    return vectors


def test_a_table_of_lancedb_is_adopted(tmp_path: Path) -> None:
    vectors = plain(tmp_path, {"id": ["a", "b", "c", "d"], "year": [1, 2, 3, 4]})
    notices = Notices()
    index = vecindex.open(tmp_path)
    report = index.adopt("plain", model="all-MiniLM-L6-v2", observer=notices)
    assert (report.read, report.added) == (4, 4)
    assert any(
        "vectors verified as those of sentence-transformers/all-MiniLM-L6-v2" in line for line in notices.lines
    )
    rows = check(tmp_path, precomputed=True)
    assert {row["id"]: row["year"] for row in rows} == {"a": 1, "b": 2, "c": 3, "d": 4}
    found = vectors_of(tmp_path, "articles")
    np.testing.assert_allclose(np.stack([found[i] for i in "abcd"]), vectors, atol=1e-6)
    assert index.search("what is a star", k=1).hits[0].id == "b"
    assert index.adopt("plain", model="all-MiniLM-L6-v2").skipped == 4
    # And the table that was adopted is as it was.
    assert lancedb.connect(tmp_path).open_table("plain").count_rows() == 4


def test_without_ids_the_rows_have_numbers(tmp_path: Path) -> None:
    plain(tmp_path, {"note": ["w", "x", "y", "z"]})
    notices = Notices()
    assert vecindex.open(tmp_path).adopt("plain", model="all-MiniLM-L6-v2", observer=notices).added == 4
    assert sorted(row["id"] for row in read(tmp_path, "articles")) == ["row-0", "row-1", "row-2", "row-3"]
    assert any("the rows' numbers are their ids" in line for line in notices.lines)


def test_what_cannot_be_adopted(tmp_path: Path) -> None:
    plain(tmp_path, {"id": ["a", "b", "c", "d"]})
    connection = lancedb.connect(tmp_path)
    index = vecindex.open(tmp_path)
    with pytest.raises(ConfigError, match="need the name of the model that made them"):
        index.adopt("plain")
    two = connection.open_table("plain").to_arrow()
    other = pa.array([[1.0, 0.0]] * 4, pa.list_(pa.float32(), 2))
    connection.create_table("two", two.append_column("image", other))
    with pytest.raises(ConfigError, match="several columns with vectors: vector, image"):
        index.adopt("two", model="all-MiniLM-L6-v2")
    notices = Notices()
    index.adopt("two", model="all-MiniLM-L6-v2", vector_field="vector", observer=notices)
    assert any("other columns with vectors are left out: image" in line for line in notices.lines)
    connection.create_table("none", two.drop_columns(["vector"]))
    with pytest.raises(SourceError, match="no column with vectors of one length"):
        vecindex.open(tmp_path, "x").adopt("none", model="all-MiniLM-L6-v2")
    wrong = two.set_column(2, "vector", pa.array(np.eye(4, 384, dtype=np.float32).tolist(), two.schema.field(2).type))
    connection.create_table("wrong", wrong)
    with pytest.raises(ModelError, match="are not those of"):
        vecindex.open(tmp_path, "x").adopt("wrong", model="all-MiniLM-L6-v2")
    with pytest.raises(ConfigError, match="stays as it is, and another one is made of it"):
        vecindex.open(tmp_path, "plain").adopt("plain", model="all-MiniLM-L6-v2")
    with pytest.raises(Exception, match="was not made by vecindex") as raised:
        vecindex.open(tmp_path, "plain").search("x")
    assert "(index.uri, NEW).adopt('plain', model=NAME)" in str(raised.value.hint)  # type: ignore[attr-defined]
