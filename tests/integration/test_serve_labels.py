"""Labels by the JSON API: who may store them, what is stored, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planted import make_table, put_map
from servers import Client, running
from tables import chunked_table
from vecindex.serve.guard import LARGER, MAX_BODY_BYTES
from vecindex.serve.table.served import Served
from vecindex.store.database import Database

N = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    vectors = np.random.default_rng(0).normal(size=(N, 8))
    make_table(tmp_path / "db", vectors, fields={"topic": [f"topic {i % 3}" for i in range(N)]})
    # Three articles are not on the map.
    put_map(
        tmp_path / "db",
        "flat",
        [f"a{i:05d}" for i in range(N)],
        np.where(np.arange(N) < 3, np.nan, 1)[:, None] * vectors[:, :2],
    )
    return tmp_path / "db"


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    with running(Served(str(folder), "articles", annotate=True)) as found:
        yield found


def labels(folder: Path) -> dict[str, str]:
    batches = Database(folder).articles("articles").scan(["id", "label"])
    return {row["id"]: row["label"] for batch in batches for row in batch.to_pylist() if row["label"] is not None}


def mask_of(rows: list[int], n: int) -> str:
    bits = np.zeros(n, dtype=np.bool_)
    bits[rows] = True
    return base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()


def test_labels_by_ids_condition_and_mask(client: Client, folder: Path) -> None:
    assert client("/api/version").json["labels"] == []
    found = client("/api/annotate", {"label": " to  read ", "ids": ["a00001", "nope"]}).json
    assert (found["label"], found["articles"], found["not_found"]) == ("to read", 1, ["nope"])
    assert client("/api/annotate", {"label": "one", "where": "topic = 'topic 1'"}).json["articles"] == 13
    header = client("/api/maps/flat/header").json
    ids = client("/api/maps/flat/sections/ids").json
    of = {"map": "flat", "edition": header["edition"], "shown": header["shown"]}
    asked = {"label": "seen", **of, "mask": mask_of([0, 9, 36], 37)}
    assert client("/api/annotate", asked).json["same_rows"]
    kept = labels(folder)
    assert {i for i, label in kept.items() if label == "seen"} == {ids[0], ids[9], ids[36]}
    assert kept["a00001"] == "one"
    state = client("/api/version").json
    assert (state["labels"], state["annotate"]) == (["label"], True)
    # A mask of the map before still means the same articles.
    again = client("/api/annotate", {**asked, "label": "twice", "clear": False}).json
    assert again["articles"] == 3
    assert not again["same_rows"], "the page has to read the map again"
    undone = client("/api/annotate", {"undo": again["version"], "column": "label"}).json
    assert (undone["label"], labels(folder)) == (None, kept)
    assert client("/api/annotate", {"undo": again["version"], "column": "label"}).status == 409
    assert client("/api/annotate", {"clear": True, "where": "true"}).json["articles"] == N
    assert labels(folder) == {}


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        ({"ids": ["a00001"]}, 400, 'Give one of "label": TEXT and "clear": true'),
        ({"label": "x"}, 400, 'No articles are named. Give "ids", "where", or a mask with its map.'),
        ({"label": "x", "ids": ["a"], "where": "true"}, 400, 'Give ids or "where", not both'),
        ({"label": "x", "where": "nope = 1"}, 400, "No field named nope"),
        ({"label": "x", "mask": "AAAAAAA="}, 400, "A mask goes with the map"),
        ({"label": "x", "mask": "AA==", "map": "flat"}, 400, "The mask has 1 byte, map 'flat' has 37 rows"),
        ({"label": "x", "mask": "AAAAAAA=", "map": "flat", "shown": 36}, 409, "36 rows, map 'flat' has 37 rows"),
        ({"label": "x", "mask": "?", "map": "flat"}, 400, "The mask is no base64"),
        ({"label": "x", "mask": "AA==", "map": "none"}, 404, "no map 'none'"),
        ({"label": "x", "mask": "AA==", "map": "flat", "edition": "1-old"}, 409, "The table has changed"),
        ({"label": "x", "ids": ["a00001"], "column": "topic"}, 400, "holds a field of your source"),
        ({"label": "x" * 201, "ids": ["a00001"]}, 400, "A label has at most 200 characters, found 201."),
        ({"undo": 1, "label": "x"}, 400, "To undo is all of a request"),
        ({"undo": 1}, 400, "has no column 'label' of labels"),
    ],
)
def test_what_is_refused_changes_nothing(
    client: Client, folder: Path, asked: dict[str, Any], status: int, told: str
) -> None:
    version = Database(folder).articles("articles").version
    found = client("/api/annotate", asked)
    assert found.status == status
    assert told in f"{found.json['error']} {found.json['next']}"
    assert Database(folder).articles("articles").version == version


def test_other_pages_store_nothing(client: Client, folder: Path) -> None:
    version = Database(folder).articles("articles").version
    body = {"label": "x", "ids": ["a00001"]}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
        assert client("/api/annotate", body, headers=headers).status == 403
    assert client("/api/annotate", body, headers={"Content-Type": "text/plain"}).status == 415
    assert client("/api/annotate").status == 405
    assert Database(folder).articles("articles").version == version


def test_a_label_that_finds_no_article_leaves_the_one_before_to_undo(client: Client, folder: Path) -> None:
    version = client("/api/annotate", {"label": "x", "ids": ["a00001"]}).json["version"]
    nothing = client("/api/annotate", {"label": "y", "ids": ["nope"]}).json
    assert (nothing["articles"], nothing["version"]) == (0, version)
    assert client("/api/annotate", {"undo": version}).status == 200
    assert labels(folder) == {}


def test_labels_are_undone_in_the_column_that_has_them(client: Client, folder: Path) -> None:
    client("/api/annotate", {"label": "old", "ids": ["a00001"], "column": "other"})
    version = client("/api/annotate", {"label": "x", "ids": ["a00002"]}).json["version"]
    refused = client("/api/annotate", {"undo": version, "column": "other"})
    assert (refused.status, refused.json["error"], refused.json["next"]) == (
        400,
        "The last labels are not of column 'other', but of 'label'.",
        'Undo them with "column": "label"',
    )
    assert labels(folder) == {"a00002": "x"}
    assert client("/api/annotate", {"undo": version, "column": "label"}).status == 200
    assert labels(folder) == {}


def test_labels_that_change_nothing_are_undone(client: Client, folder: Path) -> None:
    client("/api/annotate", {"label": "x", "ids": ["a00002"]})
    version = client("/api/annotate", {"label": "x", "ids": ["a00002"]}).json["version"]
    assert client("/api/annotate", {"undo": version}).status == 200
    assert labels(folder) == {"a00002": "x"}


def test_a_large_selection_is_taken_and_nothing_else_large(client: Client) -> None:
    large = {"label": "x", "ids": ["n" * 100 for _ in range(1_500)]}
    assert client("/api/annotate", large).json["articles"] == 0
    assert client("/api/filter", {"where": "x" * MAX_BODY_BYTES, "map": "flat"}).status == 413
    assert client("/api/annotate", {"label": "x" * LARGER["/api/annotate"]}).status == 413


def test_a_chunk_stands_for_its_article(tmp_path: Path) -> None:
    table, vectors, articles = chunked_table(tmp_path, [1, 3, 2])
    ids = [row["id"] for batch in table.scan(["id"]) for row in batch.to_pylist()]
    put_map(tmp_path, "flat", ids, vectors[:, :2])
    with running(Served(str(tmp_path), "articles", annotate=True)) as client:
        shown = client("/api/maps/flat/sections/ids").json
        asked = {"label": "x", "map": "flat", "mask": mask_of([shown.index("c001#1")], len(articles))}
        found = client("/api/annotate", asked).json
        assert (found["articles"], found["rows"], found["not_found"]) == (1, 3, [])
    assert sorted(labels(tmp_path)) == ["c001#0", "c001#1", "c001#2"]
