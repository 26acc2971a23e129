"""Ingest with the real model: what is added, changed, skipped, rejected, cut, chunked, pruned."""

from __future__ import annotations

import io
import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from invariants import check, read
from vecindex.core.vectors import row_cosines
from vecindex.embed.encoders import LoadOptions, find, load
from vecindex.embed.precision import Precision
from vecindex.errors import ConfigError, ModelError, SourceError
from vecindex.messages import Message
from vecindex.store.database import Database
from vecindex.store.rejects import RejectTable
from vecindex.types import Basis, Estimate, Progress, Rejected
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.run import Run, Stop


class Listener:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.estimates: list[Estimate] = []
        self.steps: list[Progress] = []
        self.notices: list[str] = []

    def estimate(self, estimate: Estimate) -> None:
        self.estimates.append(estimate)

    def progress(self, progress: Progress) -> None:
        self.steps.append(progress)

    def notice(self, message: Message) -> None:
        self.notices.append(str(message))


ROWS: list[dict[str, Any]] = [
    {"id": "a", "title": "Cell", "text": "The cell is the basic unit of life.", "year": 1},
    {"id": "b", "title": "Star", "text": "A star is a ball of plasma held together by gravity.", "year": 2},
    {"id": "c", "title": "Law", "text": "Law is a set of rules enforced by institutions.", "year": 3},
]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.fixture
def base(tmp_path: Path, base_db: Path) -> Path:
    """A copy of a database with ROWS, to write to."""
    return Path(shutil.copytree(base_db, tmp_path / "db"))


@pytest.fixture(scope="module")
def base_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    report = vecindex.open(folder / "db").ingest(write(folder / "rows.jsonl", ROWS))
    assert (report.added, report.rejected) == (3, 0)
    return folder / "db"


def test_vectors_are_those_of_sentence_transformers_in_full_precision(sample_db: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from vecindex.embed.models import find_model

    rows = check(sample_db)
    assert len(rows) == 264
    model = SentenceTransformer(str(find_model("all-MiniLM-L6-v2").folder), device="cpu")
    some = rows[::11]
    expected = model.encode([row["text"] for row in some], normalize_embeddings=True)
    cosines = (expected * np.array([row["vector"] for row in some])).sum(axis=1)
    assert cosines.min() >= 0.999


def test_second_run_skips_everything_and_leaves_no_version_behind(base: Path, tmp_path: Path) -> None:
    index = vecindex.open(base)
    before = read(base)
    versions = sorted(p.name for p in (base / "articles.lance" / "_versions").iterdir())
    report = index.ingest(write(tmp_path / "rows.jsonl", ROWS))
    assert (report.skipped, report.added, report.changed, report.vectors) == (3, 0, 0, 0)
    assert report.device == "", "no model was loaded"
    assert read(base) == before
    assert sorted(p.name for p in (base / "articles.lance" / "_versions").iterdir()) == versions


def test_changed_text_is_embedded_again_changed_field_keeps_its_vector(base: Path, tmp_path: Path) -> None:
    before = {row["id"]: row for row in check(base)}
    rows = [{**ROWS[0], "text": "Mitochondria make energy."}, {**ROWS[1], "year": 20}, ROWS[2]]
    report = vecindex.open(base).ingest(write(tmp_path / "rows.jsonl", rows))
    assert (report.changed, report.skipped, report.added, report.vectors) == (2, 1, 0, 1)
    after = {row["id"]: row for row in check(base)}
    assert after["a"]["text"] == "Mitochondria make energy."
    assert after["a"]["vector"] != before["a"]["vector"]
    assert after["b"]["year"] == 20
    assert after["b"]["vector"] == before["b"]["vector"]
    assert after["c"] == before["c"]


def test_bad_rows_are_kept_with_place_and_reason_and_forgotten_when_mended(base: Path, tmp_path: Path) -> None:
    new = {"id": "d", "title": "Salt", "text": "Salt is sodium chloride.", "year": 4}
    path = tmp_path / "rows.jsonl"
    bad = ["{broken", {**new, "id": "e", "text": " "}, {**new, "id": "f", "year": "soon"}, {**ROWS[0]}, {**ROWS[0]}]
    report = vecindex.open(base).ingest(write(path, [*bad, new]))
    assert (report.added, report.rejected, report.skipped) == (1, 4, 1)
    found = {(row["place"].rsplit(":", 1)[1], row["reason"].split(":")[0]) for row in read(base, "rejects")}
    assert found == {("1", "not valid JSON"), ("2", "empty text"), ("3", "wrong type"), ("5", "duplicate id")}
    assert {row["id"] for row in check(base)} == {"a", "b", "c", "d"}
    report = vecindex.open(base).ingest(write(path, [new]))
    assert report.rejected == 0
    assert read(base, "rejects") == []


def ingest_stream(database: Path, rows: list[Any], **options: Any) -> IngestReport:
    stream = io.BytesIO("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode())
    return vecindex.open(database).ingest("-", stdin=stream, **options)


def rejected(database: Path) -> list[tuple[str, str | None]]:
    return sorted((row["place"], row["id"]) for row in read(database, "rejects"))


def test_another_stream_mends_nothing_but_the_rows_that_it_brings(base: Path) -> None:
    ingest_stream(base, [ROWS[0], {"id": "d", "text": ""}, "{broken"])
    assert rejected(base) == [("stdin:2", "d"), ("stdin:3", None)]
    ingest_stream(base, [ROWS[1], {"id": "e", "text": ""}])
    assert rejected(base) == [("stdin:2", "d"), ("stdin:2", "e"), ("stdin:3", None)]
    ingest_stream(base, [ROWS[1], {"id": "e", "text": ""}])
    assert len(rejected(base)) == 3, "the same stream again is filed once"
    ingest_stream(base, [{"id": "d", "text": "Salt is sodium chloride."}])
    assert rejected(base) == [("stdin:2", "e"), ("stdin:3", None)]


def test_a_source_is_the_same_however_it_is_spelled(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "r.jsonl", [ROWS[0], "{broken"])
    for spelled in ("r.jsonl", "./r.jsonl", str(path)):
        vecindex.open(base).ingest(spelled)
        assert [row["source"] for row in read(base, "rejects")] == [str(path)]
    write(path, [ROWS[0]])
    vecindex.open(base).ingest("../" + tmp_path.name + "/r.jsonl")
    assert read(base, "rejects") == []


def test_rejects_that_were_filed_as_spelled_are_forgotten_too(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "r.jsonl", [ROWS[0]])
    with monkeypatch.context() as before:
        before.setattr("vecindex.store.rejects.filed_as", lambda name: name)
        RejectTable(Database(base)).put("articles", "old", [("r.jsonl", Rejected("r.jsonl:2", "empty text"))])
    assert [row["source"] for row in read(base, "rejects")] == ["r.jsonl"]
    vecindex.open(base).ingest("r.jsonl")
    assert read(base, "rejects") == []


def test_a_duplicate_stays_rejected_when_another_source_changes_its_row(base: Path, tmp_path: Path) -> None:
    vecindex.open(base).ingest(write(tmp_path / "twice.jsonl", [ROWS[0], {**ROWS[0], "text": "Other."}]))
    vecindex.open(base).ingest(write(tmp_path / "more.jsonl", [{**ROWS[0], "year": 7}]))
    assert [row["reason"] for row in read(base, "rejects")] == ["duplicate id: an earlier row of this run has it"]


def test_prune_forgets_the_rejects_of_other_sources_where_it_may(base: Path, tmp_path: Path) -> None:
    ingest_stream(base, ["{broken"])
    path = write(tmp_path / "rows.jsonl", [*ROWS, {"id": "d", "text": " "}])
    vecindex.open(base).ingest(write(tmp_path / "empty.jsonl", []))
    assert rejected(base) == [("stdin:1", None)]
    vecindex.open(base).ingest(path, prune=True)
    assert rejected(base) == [(f"{path}:4", "d")]
    ingest_stream(base, [ROWS[0], "{broken"], prune=True)
    assert len(rejected(base)) == 2, "what cannot be told is not pruned"


def test_new_fields_become_columns(base: Path, tmp_path: Path) -> None:
    row = {"id": "d", "text": "Iron is a metal.", "year": 5, "txn": "mine", "tags": ["x", "y"], "score": 0.5}
    vecindex.open(base).ingest(write(tmp_path / "rows.jsonl", [row]))
    stored = {r["id"]: r for r in read(base)}
    assert (stored["d"]["src_txn"], stored["d"]["tags"], stored["d"]["score"]) == ("mine", ["x", "y"], 0.5)
    assert stored["a"]["tags"] is None
    assert stored["d"]["title"] is None


def test_prune_removes_what_the_source_no_longer_holds_and_says_how_many(base: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [ROWS[0]])
    report = vecindex.open(base).ingest(path)
    assert (report.missing, report.pruned, len(read(base))) == (2, 0, 3)
    listener = Listener()
    report = vecindex.open(base).ingest(path, prune=True, observer=listener)
    assert (report.missing, report.pruned) == (0, 2)
    assert listener.notices[1:] == ["pruning 2 rows that the sources no longer hold"]
    assert [row["id"] for row in check(base)] == ["a"]


def test_prune_spares_a_row_that_is_only_broken(base: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [ROWS[0], ROWS[1], {**ROWS[2], "text": ""}])
    assert vecindex.open(base).ingest(path, prune=True).pruned == 0
    assert len(read(base)) == 3


def test_prune_does_nothing_while_rows_cannot_be_told(base: Path, tmp_path: Path) -> None:
    listener = Listener()
    path = write(tmp_path / "rows.jsonl", [ROWS[0], "{broken"])
    report = vecindex.open(base).ingest(path, prune=True, observer=listener)
    assert (report.pruned, report.missing) == (0, 2)
    assert listener.notices[1].startswith("nothing is pruned: 1 row could not be read")
    assert len(read(base)) == 3


def test_prune_refuses_an_empty_source(base: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no rows at all"):
        vecindex.open(base).ingest(write(tmp_path / "rows.jsonl", []), prune=True)
    assert len(read(base)) == 3


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_tokens": 100}, "max tokens: asked for 100, the table has 256"),
        ({"prompt": "passage: "}, "prompt: asked for 'passage: ', the table has ''"),
        ({"text_template": "{title} {text}"}, "text template"),
        ({"chunk": 0}, "chunking"),
    ],
)
def test_another_way_of_making_vectors_is_refused(
    base: Path, tmp_path: Path, options: dict[str, Any], named: str
) -> None:
    before = read(base)
    with pytest.raises(ModelError, match="made differently") as caught:
        vecindex.open(base).ingest(write(tmp_path / "rows.jsonl", [{"id": "z", "text": "z"}]), **options)
    assert named in caught.value.message
    assert "table=NAME" in (caught.value.hint or "")
    assert "leave the option out" in (caught.value.hint or "")
    assert read(base) == before


def test_another_model_is_refused_the_same_one_under_another_name_is_not(base: Path, tmp_path: Path) -> None:
    from vecindex.embed.models import find_model

    folder = Path(shutil.copytree(find_model("all-MiniLM-L6-v2").folder, tmp_path / "model"))
    path = write(tmp_path / "rows.jsonl", [{"id": "d", "text": "Iron is a metal."}])
    assert vecindex.open(base).ingest(path, model=str(folder)).added == 1
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ModelError, match="made differently"):
        vecindex.open(base).ingest(path, model=str(folder))


def test_a_model_is_found_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vecindex.embed.models import find_model

    shutil.copytree(find_model("all-MiniLM-L6-v2").folder, tmp_path / "model")
    path = write(tmp_path / "rows.jsonl", ROWS)
    monkeypatch.chdir(tmp_path)
    vecindex.open(tmp_path / "db").ingest(path, model="./model")
    monkeypatch.chdir("/")
    assert vecindex.open(tmp_path / "db").ingest(path).skipped == 3
    shutil.rmtree(tmp_path / "model")
    # A package has the same weights.
    assert vecindex.open(tmp_path / "db").ingest(path).skipped == 3


def test_a_table_without_rows_binds_nobody(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS)
    index = vecindex.open(tmp_path / "db")
    index.ingest(path, max_tokens=16)
    index.delete("a", "b", "c")
    index.ingest(path, text_template="{title}: {text}")
    assert index.status().fingerprint.max_tokens == 256
    assert {row["id"] for row in read(tmp_path / "db")} == {"a", "b", "c"}


def test_stop_while_the_last_transactions_wait_is_an_interruption(tmp_path: Path) -> None:
    stop = Stop()

    class Impatient(Listener):
        def progress(self, progress: Progress) -> None:
            if progress.embedded:
                stop.request()

    rows = [{"id": str(i), "text": f"text {i}"} for i in range(30)]
    path = write(tmp_path / "rows.jsonl", rows)
    index = vecindex.open(tmp_path / "db")
    report = index.ingest(path, transaction_rows=10, stop=stop, observer=Impatient(), prune=True)
    assert report.interrupted
    assert report.added < 30
    assert report.added % 10 == 0
    again = index.ingest(path)
    assert (again.skipped, again.added, again.interrupted) == (report.added, 30 - report.added, False)


@pytest.mark.parametrize("name", ["my table", "rejects", "questions", "", "../up"])
def test_names_that_a_table_cannot_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"named|taken"):
        vecindex.open(tmp_path / "db", name).ingest(write(tmp_path / "rows.jsonl", ROWS))


def test_a_table_of_articles_that_was_named_questions_before_goes_on(base: Path, tmp_path: Path) -> None:
    (base / "articles.lance").rename(base / "questions.lance")
    report = vecindex.open(base, "questions").ingest(write(tmp_path / "rows.jsonl", ROWS))
    assert (report.skipped, report.added) == (len(ROWS), 0)


def test_dry_run_counts_and_changes_nothing(base: Path, tmp_path: Path) -> None:
    before, listener = read(base), Listener()
    path = write(tmp_path / "rows.jsonl", [*ROWS, {"id": "d", "text": "new"}, "{broken"])
    report = vecindex.open(base).ingest(path, dry_run=True, observer=listener)
    assert (report.read, report.skipped, report.vectors, report.rejected) == (5, 3, 1, 1)
    (estimate,) = listener.estimates
    assert estimate.exact
    assert estimate.rows == 1
    assert estimate.texts_per_s is not None
    assert estimate.seconds is not None
    # Loading the model, and that text.
    assert estimate.seconds > 1 / estimate.texts_per_s * 0.999
    assert estimate.basis == Basis(sampled_rows=None, probed_texts=1, beginnings=[])
    assert read(base) == before
    assert not (base / "rejects.lance").exists()


def test_the_first_estimate_embeds_few_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, embed = list[int](), Run.embed_noted

    def counted(self: Run, tokens: Any, *more: Any) -> Any:
        given.append(len(tokens.ids))
        return embed(self, tokens, *more)

    monkeypatch.setattr(Run, "embed_noted", counted)
    # All of them are one batch.
    report = vecindex.open(tmp_path).ingest([{"id": str(i), "text": f"pear {i}"} for i in range(60)])
    assert given == [8, 52]
    assert (report.vectors, report.repeated) == (60, 0)
    texts = [row["text"] for row in read(tmp_path)]
    right = load(find("all-MiniLM-L6-v2"), LoadOptions("cpu", Precision.FP32)).embed_texts(texts)
    assert row_cosines(right, np.array([row["vector"] for row in read(tmp_path)])).min() > 0.999


def test_dry_run_makes_no_database(tmp_path: Path) -> None:
    vecindex.open(tmp_path / "none").ingest(write(tmp_path / "rows.jsonl", ROWS), dry_run=True)
    assert not (tmp_path / "none").exists()


def test_template_prompt_and_length_make_the_vector(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from vecindex.embed.models import find_model

    path = write(tmp_path / "rows.jsonl", ROWS)
    index = vecindex.open(tmp_path / "db")
    index.ingest(path, text_template=r"{title}\n{text}", prompt="passage: ", max_tokens=12, precision="fp32")
    model = SentenceTransformer(str(find_model("all-MiniLM-L6-v2").folder), device="cpu")
    model.max_seq_length = 12
    for row, stored in zip(ROWS, read(tmp_path / "db"), strict=True):
        expected = model.encode(f"passage: {row['title']}\n{row['text']}", normalize_embeddings=True)
        np.testing.assert_allclose(stored["vector"], expected, atol=1e-5)
        assert stored["text"] == row["text"]
        assert stored["truncated"] == (stored["n_tokens"] > 12)
    assert index.ingest(path).skipped == 3, "template, prompt and length are remembered"


def test_chunks_carry_their_article_and_are_replaced_whole(tmp_path: Path) -> None:
    long = " ".join(f"Sentence number {i} tells of organelles." for i in range(60))
    index = vecindex.open(tmp_path / "db")
    report = index.ingest(
        write(tmp_path / "rows.jsonl", [{"id": "x", "title": "Long", "text": long}, ROWS[0]]),
        chunk=64,
        chunk_overlap=8,
        text_template="{title}: {text}",
    )
    rows = [row for row in read(tmp_path / "db") if row["article_id"] == "x"]
    assert report.added == 2
    assert report.truncated == 0
    assert [row["chunk"] for row in rows] == list(range(len(rows)))
    assert len(rows) >= 8
    assert rows[0]["id"] == "x#0"
    assert rows[0]["text"].startswith("Sentence number 0")
    assert rows[-1]["text"].endswith("number 59 tells of organelles.")
    for left, right in pairwise(rows):
        assert long.index(right["text"]) < long.index(left["text"]) + len(left["text"]), "neighbours overlap"
    assert all(row["n_tokens"] <= 256 for row in rows)
    changed = index.ingest(write(tmp_path / "rows.jsonl", [{"id": "x", "title": "Long", "text": "Short now."}]))
    assert changed.changed == 1
    assert [r["id"] for r in read(tmp_path / "db") if r["article_id"] == "x"] == ["x#0"]


@pytest.mark.parametrize(("chunk", "overlap"), [(20, 11), (0, 200), (20, -1)])
def test_chunks_that_would_share_too_much_are_refused(tmp_path: Path, chunk: int, overlap: int) -> None:
    with pytest.raises(ConfigError, match="cannot share"):
        vecindex.open(tmp_path / "db").ingest(
            write(tmp_path / "rows.jsonl", ROWS), chunk=chunk, chunk_overlap=overlap
        )


def test_a_template_that_fills_the_model_leaves_no_room_for_chunks(tmp_path: Path) -> None:
    rows = [{"id": "long", "title": "cell " * 254, "text": "Some text of several words."}]
    report = vecindex.open(tmp_path / "db").ingest(rows, chunk=3, chunk_overlap=0, text_template="{title} {text}")
    assert (report.added, report.rejected) == (0, 1)
    assert list(report.reject_reasons) == ["what the template puts around the text leaves no room for it"]


def test_chunks_of_fewer_than_no_tokens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Chunks have 1 token or more, found -1"):
        vecindex.open(tmp_path / "db").ingest(write(tmp_path / "rows.jsonl", ROWS), chunk=-1, chunk_overlap=0)


def test_articles_that_leave_no_room_for_chunks_are_rejected(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "abstract": "word " * 300}, {**ROWS[1], "abstract": "short"}]
    report = vecindex.open(tmp_path / "db").ingest(
        write(tmp_path / "rows.jsonl", rows), chunk=0, text_field="text", text_template="{abstract} {text}"
    )
    assert report.reject_reasons == {"what the template puts around the text leaves no room for it": 1}
    assert [row["article_id"] for row in read(tmp_path / "db")] == ["b"]


def test_precomputed_vectors_are_not_of_chunks(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS)
    index = vecindex.open(tmp_path / "db")
    index.ingest(path, chunk=64)
    np.save(tmp_path / "v.npy", np.ones((3, 384), dtype=np.float32))
    with pytest.raises(ConfigError, match="not of chunks"):
        index.ingest(path, vectors=str(tmp_path / "v.npy"), model="all-MiniLM-L6-v2")


def test_a_vector_without_direction_is_rejected(tmp_path: Path) -> None:
    vectors = np.ones((3, 8), dtype=np.float32)
    vectors[1] = 1e-20
    np.save(tmp_path / "v.npy", vectors)
    report = vecindex.open(tmp_path / "db").ingest(
        write(tmp_path / "rows.jsonl", ROWS), vectors=str(tmp_path / "v.npy"), model="x/y", unverified=True
    )
    assert (report.added, report.reject_reasons) == (2, {"wrong vector": 1})


def test_truncation_is_told(tmp_path: Path) -> None:
    rows = [{"id": "long", "text": "word " * 400}, {"id": "short", "text": "word"}]
    report = vecindex.open(tmp_path / "db").ingest(write(tmp_path / "rows.jsonl", rows))
    assert report.truncated == 1
    stored = {row["id"]: row for row in read(tmp_path / "db")}
    assert (stored["long"]["n_tokens"], stored["long"]["truncated"]) == (402, True)
    assert (stored["short"]["n_tokens"], stored["short"]["truncated"]) == (3, False)


def test_transactions_have_their_size(tmp_path: Path) -> None:
    rows = [{"id": str(i), "text": f"text {i}"} for i in range(25)]
    report = vecindex.open(tmp_path / "db").ingest(write(tmp_path / "rows.jsonl", rows), transaction_rows=10)
    assert report.transactions == 3
    sizes: dict[int, int] = {}
    for row in check(tmp_path / "db"):
        sizes[row["txn"]] = sizes.get(row["txn"], 0) + 1
    assert sizes == {1: 10, 2: 10, 3: 5}


def test_what_was_read_before_a_source_broke_is_committed(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "rows.jsonl.gz"
    data = gzip.compress("".join(json.dumps({"id": str(i), "text": f"text {i}"}) + "\n" for i in range(500)).encode())
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(SourceError, match=r"rows\.jsonl\.gz"):
        vecindex.open(tmp_path / "db").ingest(path)
    rows = check(tmp_path / "db")
    assert 100 < len(rows) < 500
    path.write_bytes(data)
    assert vecindex.open(tmp_path / "db").ingest(path).skipped == len(rows)
    assert len(check(tmp_path / "db")) == 500


# -- precomputed vectors -------------------------------------------------------------------------------------


def test_precomputed_vectors_are_verified_and_joined_by_embedded_ones(tmp_path: Path, base: Path) -> None:
    vectors = np.array([row["vector"] for row in read(base)], dtype=np.float32)
    np.save(tmp_path / "v.npy", np.round(vectors * 127 / np.abs(vectors).max()).astype(np.int8))
    path, listener = write(tmp_path / "rows.jsonl", ROWS), Listener()
    index = vecindex.open(tmp_path / "db2")
    report = index.ingest(path, vectors=str(tmp_path / "v.npy"), model="all-MiniLM-L6-v2", observer=listener)
    assert report.added == 3
    assert "vectors verified" in listener.notices[1]
    more = write(tmp_path / "more.jsonl", [{"id": "d", "text": "Salt is sodium chloride.", "year": 4}])
    assert index.ingest(more).added == 1
    assert {row["id"] for row in check(tmp_path / "db2", precomputed=True)} == {"a", "b", "c", "d"}


def test_vectors_of_another_model_are_found_out(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    np.save(tmp_path / "v.npy", dice.normal(size=(3, 384)).astype(np.float32))
    path = write(tmp_path / "rows.jsonl", ROWS)
    index = vecindex.open(tmp_path / "db")
    with pytest.raises(ModelError, match="not those of sentence-transformers/all-MiniLM-L6-v2"):
        index.ingest(path, vectors=str(tmp_path / "v.npy"), model="all-MiniLM-L6-v2")
    with pytest.raises(ConfigError, match="name of the model"):
        index.ingest(path, vectors=str(tmp_path / "v.npy"))
    report = index.ingest(path, vectors=str(tmp_path / "v.npy"), model="all-MiniLM-L6-v2", unverified=True)
    assert report.added == 3
    with pytest.raises(ModelError, match="unchecked; vecindex does not add"):
        index.ingest(write(tmp_path / "more.jsonl", [{"id": "d", "text": "x"}]))


@pytest.mark.parametrize(
    ("model", "rows", "told"),
    [
        ("nobody/none", ROWS, "the model nobody/none is not on this machine"),
        ("all-MiniLM-L6-v2", [{"id": str(i), "text": ""} for i in range(3)], "none of the first rows has a text"),
    ],
)
def test_vectors_that_cannot_be_checked_are_taken_only_when_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, rows: list[dict[str, Any]], told: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    np.save(tmp_path / "v.npy", np.eye(3, 384, dtype=np.float32))
    path = write(tmp_path / "rows.jsonl", rows)
    given: dict[str, Any] = {"vectors": str(tmp_path / "v.npy"), "model": model}
    index = vecindex.open(tmp_path / "db")
    given["allow_empty"] = True
    with pytest.raises(ModelError, match=f"The vectors are not checked: {told}") as caught:
        index.ingest(path, **given)
    assert "unverified=True" in str(caught.value.hint)
    assert index.ingest(path, **given, unverified=True).added == 3


def test_unverified_vectors_never_join_a_table_of_a_known_model(tmp_path: Path, base: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((1, 384), dtype=np.float32))
    with pytest.raises(ModelError, match="not checked against it: unverified= was given"):
        vecindex.open(base).ingest(
            write(tmp_path / "more.jsonl", [{"id": "d", "text": "x"}]),
            vectors=str(tmp_path / "v.npy"),
            unverified=True,
        )
    assert len(read(base)) == 3


def test_equal_texts_are_embedded_once(tmp_path: Path) -> None:
    rows = [
        {"id": f"r{i}", "title": f"copy {i}", "text": ("One text.", "Another text.")[i % 3 == 0]} for i in range(9)
    ]
    index = vecindex.open(tmp_path / "db")
    report = index.ingest(rows)
    # Three of another text and six of one: two are made.
    assert (report.added, report.vectors, report.repeated) == (9, 9, 7)
    ids, vectors = Database(tmp_path / "db").articles("articles").vectors()
    of = dict(zip(ids, vectors, strict=True))
    for i in range(9):
        np.testing.assert_array_equal(of[f"r{i}"], of["r0" if i % 3 == 0 else "r1"])
    assert of["r0"] @ of["r1"] < 0.99
    # So they are where they come in several transactions.
    apart = vecindex.open(tmp_path / "db", "apart").ingest(rows, transaction_rows=3)
    assert (apart.vectors, apart.repeated) == (9, 7)
    ids, others = Database(tmp_path / "db").articles("apart").vectors()
    assert len({row.tobytes() for row in others}) == 2
    np.testing.assert_allclose(others, [of[i] for i in ids], atol=1e-6)


def test_equal_texts_that_fail_are_all_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vecindex.embed.light.encoder import LightEncoder
    from vecindex.embed.transformer import TransformerEncoder

    for kind in (LightEncoder, TransformerEncoder):
        embed = kind.embed

        def failing(self: Any, tokens: Any, done: Any = None, embed: Any = embed) -> Any:
            found = embed(self, tokens, done)
            for i, ids in enumerate(tokens.ids):
                if len(ids) > 40:
                    found.failed[i] = "too odd"
            return found

        monkeypatch.setattr(kind, "embed", failing)
    odd = "odd " * 60
    texts = ["good", odd, "fine", odd, "nice"]
    report = vecindex.open(tmp_path / "db").ingest([{"id": f"r{i}", "text": t} for i, t in enumerate(texts)])
    assert (report.added, report.rejected) == (3, 2)
    assert report.reject_reasons == {"cannot be embedded": 2}
    assert sorted(Database(tmp_path / "db").articles("articles").vectors()[0]) == ["r0", "r2", "r4"]
