"""Identity: every part of a row must change its hash, and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecindex.core.identity import content_hash, id_digest, same_text

BASE = {"embed_text": "a\nb", "title": "a", "text": "b", "extra": {"year": 1, "tags": ["x"]}}


@pytest.mark.parametrize(
    ("change", "text_stays"),
    [
        ({"embed_text": "a\nc"}, False),
        ({"vector": b"\x00"}, False),
        ({"title": None}, True),
        ({"title": ""}, True),
        ({"text": "c"}, True),
        ({"extra": {"year": 2, "tags": ["x"]}}, True),
        ({"extra": {"year": "1", "tags": ["x"]}}, True),
        ({"extra": {"year": 1, "tags": ["y"]}}, True),
        ({"extra": {"year": 1, "tags": ["x"], "new": None}}, True),
        ({"extra": {"tags": ["x"]}}, True),
    ],
)
def test_every_part_changes_the_hash(change: dict[str, object], text_stays: bool) -> None:
    before, after = content_hash(**BASE), content_hash(**{**BASE, **change})
    assert before != after
    assert same_text(before, after) is text_stays


def test_order_of_fields_does_not_matter() -> None:
    turned = {**BASE, "extra": {"tags": ["x"], "year": 1}}
    assert content_hash(**BASE) == content_hash(**turned)


def test_parts_cannot_run_into_each_other() -> None:
    assert content_hash("t", "a", "bc", {}) != content_hash("t", "ab", "c", {})
    assert content_hash("t", None, "x", {}) != content_hash("t", "null", "x", {})


def test_the_hash_is_the_same_in_every_release() -> None:
    # A golden value: changing it makes every stored row look changed, and re-embeds the user's corpus.
    assert content_hash("title\ntext", "title", "text", {"n": 1}) == GOLDEN


GOLDEN = "4e3450ee0d16a2e4:9f8fddb966f92668"


def test_id_digest_tells_ids_apart() -> None:
    assert len({id_digest(str(i)) for i in range(10_000)}) == 10_000
    assert id_digest("é") != id_digest("e")


def test_a_name_that_is_no_unicode_has_a_digest_of_its_own() -> None:
    assert len({id_digest("caf\udce9"), id_digest("caf\udcea"), id_digest("café")}) == 3


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.text())
)


@given(st.none() | st.text(), st.text(), st.dictionaries(st.text(), VALUES, max_size=3))
def test_what_is_kept_is_hashed_as_one_list_in_json(title: str | None, text: str, extra: dict[str, Any]) -> None:
    kept = json.dumps([title, text, extra], sort_keys=True)
    right = hashlib.blake2b(kept.encode(), digest_size=8).hexdigest()
    assert content_hash("read", title, text, extra).split(":")[1] == right
