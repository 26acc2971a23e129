"""Questions are embedded once: the second run finds its vectors in the store. Maps are read from their columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pytest

from planted import KnownModel, fingerprint, make_table, put_map
from tables import map_xy
from vecindex.core.questions import QuestionSet
from vecindex.errors import StoreError
from vecindex.options import ModelOptions, checked
from vecindex.schema import questions_schema
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.types import Fingerprint, Silent
from vecindex.verbs.questions.reader import read
from vecindex.verbs.questions.vectors import question_vectors

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["one?", "it's two?", "three?"]
VECTORS = {text: np.eye(3)[i] for i, text in enumerate([*TEXTS])} | {"four?": np.ones(3)}


class Notices(Silent):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def notice(self, message: str) -> None:
        self.told.append(str(message))


def vectors_of(
    folder: Path, asked: QuestionSet, stored: Fingerprint | None = None, prompt: str | None = None
) -> tuple[np.ndarray, list[str], list[str]]:
    """Return the vectors, the texts that the model was asked for, and the notices."""
    model, notices = KnownModel(VECTORS), Notices()
    options = checked(ModelOptions, {"prompt": prompt})
    found, made = question_vectors(
        Database(folder),
        asked,
        stored or fingerprint(3),
        "t",
        options,
        model,
        notices,  # type: ignore[arg-type]
    )
    assert made == len(model.asked)
    return found, model.asked, notices.told


def stored_rows(folder: Path) -> list[tuple[str, str]]:
    rows = lancedb.connect(folder).open_table("questions").search().limit(100).to_list()
    return sorted((row["question_set"], row["text"]) for row in rows)


def test_a_second_run_asks_no_model(tmp_path: Path) -> None:
    asked = read(TEXTS, name="set")
    first, made, _ = vectors_of(tmp_path, asked)
    assert made == TEXTS
    version = lancedb.connect(tmp_path).open_table("questions").version
    again, made, _ = vectors_of(tmp_path, asked)
    assert made == []
    assert (again == first).all()
    assert (first == np.eye(3)).all()
    assert lancedb.connect(tmp_path).open_table("questions").version == version, "nothing was written"


def test_only_what_is_new_is_made_and_the_set_follows_its_file(tmp_path: Path) -> None:
    vectors_of(tmp_path, read(TEXTS, name="set"))
    vectors_of(tmp_path, read(TEXTS[:1], name="other"))
    _, made, _ = vectors_of(tmp_path, read([*TEXTS[:2], "four?"], name="set"))
    assert made == ["four?"]
    assert stored_rows(tmp_path) == [("other", "one?"), ("set", "four?"), ("set", "it's two?"), ("set", "one?")]


def test_another_model_or_prompt_makes_its_own(tmp_path: Path) -> None:
    asked = read(TEXTS, name="set")
    vectors_of(tmp_path, asked)
    assert vectors_of(tmp_path, asked, fingerprint(3, weights="1" * 64))[1] == TEXTS
    assert vectors_of(tmp_path, asked, prompt="query: ")[1] == TEXTS
    assert vectors_of(tmp_path, asked)[1] == []
    assert len(stored_rows(tmp_path)) == 9


def test_another_prompt_of_the_models_own_makes_them_anew(tmp_path: Path) -> None:
    asked = read(TEXTS, name="set")

    def made(prompt: str | None) -> int:
        model = KnownModel(VECTORS, prompt)
        arguments = (Database(tmp_path), asked, fingerprint(3), "t", checked(ModelOptions, {}), model, Silent())
        return question_vectors(*arguments)[1]  # type: ignore[arg-type]

    assert made("query: ") == 3
    assert made("query: ") == 0
    assert made(None) == 0, "the model is gone; its last prompt is known"
    assert made("") == 3
    assert made(None) == 0
    # An explicit prompt is another thing than the model's own, but the same text makes the same vectors.
    assert vectors_of(tmp_path, asked, prompt="query: ")[1] == []


def test_what_a_model_that_is_not_at_hand_brings_is_kept_behind_its_prompt(tmp_path: Path) -> None:
    asked = read(TEXTS, name="set")

    class Fetched(KnownModel):
        def embed(self, *arguments: Any) -> np.ndarray:
            self.prompt = "q: "
            return super().embed(*arguments)

    arguments = (
        Database(tmp_path),
        asked,
        fingerprint(3),
        "t",
        checked(ModelOptions, {}),
        Fetched(VECTORS, None),
        Silent(),
    )
    assert question_vectors(*arguments)[1] == 3  # type: ignore[arg-type]
    assert vectors_of(tmp_path, asked, prompt="q: ")[1] == []


def test_vectors_of_several_lengths_share_the_table(tmp_path: Path) -> None:
    asked = read(TEXTS, name="set")
    vectors_of(tmp_path, asked)
    longer = KnownModel({text: np.eye(5)[i] for i, text in enumerate(TEXTS)})
    arguments = (Database(tmp_path), asked, fingerprint(5), "t", checked(ModelOptions, {}), longer, Silent())
    assert question_vectors(*arguments)[1] == 3  # type: ignore[arg-type]
    found, made = question_vectors(*arguments)  # type: ignore[arg-type]
    assert made == 0
    assert (found == np.eye(5)[:3]).all()
    assert vectors_of(tmp_path, asked)[1] == []


def test_while_another_process_writes_nothing_is_kept(tmp_path: Path) -> None:
    asked = read(TEXTS, name="set")
    with Database(tmp_path).writer():
        _, made, told = vectors_of(tmp_path, asked)
    assert made == TEXTS
    assert len(told) == 1
    assert told[0].startswith("the questions' vectors are not kept for the next run: Another process is writing")
    assert Database(tmp_path).tables() == []


def test_a_table_of_something_else_is_left_alone(tmp_path: Path) -> None:
    lancedb.connect(tmp_path).create_table("questions", [{"a": 1}])
    with pytest.raises(StoreError, match="is a table of something else"):
        vectors_of(tmp_path, read(TEXTS, name="set"))


@pytest.mark.parametrize("part", ["data", "_versions"])
def test_a_damaged_one_is_set_aside_and_made_again(tmp_path: Path, part: str) -> None:
    asked = read(TEXTS, name="set")
    vectors_of(tmp_path, asked)
    for path in (tmp_path / "questions.lance" / part).iterdir():
        path.write_bytes(b"")
    found, made, notices = vectors_of(tmp_path, asked)
    assert np.array_equal(found, np.eye(3))
    assert made == TEXTS
    assert len(notices) == 2
    assert notices[0].startswith("the table 'questions' is damaged and taken for empty: ")
    (aside,) = (tmp_path / "_set_aside").iterdir()
    assert f"set aside as {aside} and made again" in notices[1]
    assert vectors_of(tmp_path, asked)[1:] == ([], [])


def test_the_table_is_as_its_contract_says(tmp_path: Path) -> None:
    told = json.loads((ROOT / "schemas/questions.arrow.json").read_text(encoding="utf-8"))
    vectors_of(tmp_path, read(TEXTS, name="set"))
    stored = lancedb.connect(tmp_path).open_table("questions").schema
    expected = [(column["name"], column["type"], column["nullable"]) for column in told["columns"]]
    for schema in (stored, questions_schema()):
        assert [(f.name, str(f.type), f.nullable) for f in schema] == expected


def test_maps_are_read_from_their_columns(tmp_path: Path) -> None:
    table = make_table(tmp_path, np.eye(4), ids=["d", "b", "a", "c"])
    assert maps(table) == {}
    xy = np.array([[1.0, 2.0], [3.0, 4.0], [np.nan, 5.0]])
    put_map(tmp_path, "tsne", ["a", "b", "c"], xy, {"method": "tsne", "seed": 1})
    table = Database(tmp_path).articles("articles")
    assert maps(table) == {"tsne": {"method": "tsne", "seed": 1}}
    ids, found = map_xy(table, "tsne")
    placed = dict(zip(ids, found.tolist(), strict=True))
    assert placed["a"] == [1, 2]
    assert placed["b"] == [3, 4]
    assert np.isnan(placed["c"]).all()
    assert np.isnan(placed["d"]).all()
    assert [f.name for f in table.extra_columns] == []
