"""Which fields matter, and what becomes of one record."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from vecindex.errors import ConfigError, SourceError
from vecindex.sources.articles import Article, to_article
from vecindex.sources.base import Record
from vecindex.sources.fieldmap import FieldMap, resolve_fields
from vecindex.types import Rejected

PLAIN = FieldMap("id", "text", "title")
WITH_VECTOR = FieldMap("id", "text", "title", vector="v")


def article(field_map: FieldMap = PLAIN, **fields: Any) -> Article:
    made = to_article(Record("c:1", fields), field_map)
    assert isinstance(made, Article), made
    return made


def rejected(field_map: FieldMap = PLAIN, **fields: Any) -> Rejected:
    made = to_article(Record("c:1", fields), field_map)
    assert isinstance(made, Rejected), made
    assert made.location == "c:1"
    return made


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["text", "id", "title"], ("id", "text", "title")),
        (["URL", "Body", "Headline", "x"], ("URL", "Body", "Headline")),
        (["url", "_id", "content", "abstract"], ("_id", "content", None)),
        (["ID", "id", "text"], ("id", "text", None)),
        (["uuid", "document", "article", "subject", "name"], ("uuid", "article", "name")),
    ],
)
def test_usual_names_are_recognised_by_priority(names: list[str], expected: tuple[str, str, str | None]) -> None:
    found = resolve_fields(names)
    assert (found.id, found.text, found.title) == expected


def test_named_fields_win() -> None:
    found = resolve_fields(["id", "sku", "text", "notes", "v"], id_field="sku", text_field="notes", vector_field="v")
    assert (found.id, found.text, found.title, found.vector) == ("sku", "notes", None, "v")
    assert found.special == {"sku", "notes", "v"}


@pytest.mark.parametrize(
    ("names", "options", "match"),
    [
        (["sku", "text"], {}, r"as the id; fields found: sku, text\nName one of them with id_field="),
        (
            ["sku", "notes"],
            {},
            r"as the id, and none as the text; fields found: sku, notes\nName them with id_field= and ",
        ),
        (["sku", "notes"], {"text_template": "{notes}"}, r"as the id; fields found: sku, notes\n.* with id_field="),
        (["id", "notes"], {}, r"as the text; fields found: id, notes\nName one of them with text_field="),
        (
            ["id", "text"],
            {"id_field": "ID"},
            r"no field 'ID' for the id; fields found: id, text\n.*id_field=",
        ),
        (["id", "text"], {"text_field": "t"}, r"no field 't' for the text; .*\n.*text_field="),
        (["id", "text"], {"title_field": "t"}, r"no field 't' for the title; .*\n.*title_field="),
        (["id", "text"], {"vector_field": "v"}, r"no field 'v' for the vector; .*\n.*vector_field="),
        (["id", "text"], {"text_template": "{t}"}, r"template names the field 't'; fields found: id, text"),
        ([], {}, "fields found: none"),
    ],
)
def test_absent_fields(names: list[str], options: dict[str, str], match: str) -> None:
    with pytest.raises(SourceError, match=match):
        resolve_fields(names, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("template", ["{id.__class__}", "{id[0]}", "{}", "{id!r}", "{id:>9}", "{id", "none", "}{"])
def test_template_of_more_than_names_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match="text template"):
        resolve_fields(["id", "text"], text_template=template)


def test_template_is_filled_in() -> None:
    found = resolve_fields(["id", "Headline", "text", "tags"], text_template="{{{title}}}\n{text}\t{tags}")
    made = article(found, id=1, Headline="T", text="x", tags=["a", "b"])
    assert made.embed_text == "{T}\nx\ta, b"
    assert (made.text, made.title, made.extra) == ("x", "T", {"tags": ["a", "b"]})
    assert article(found, id=1, Headline=None, text="x").embed_text == "{}\nx\t"


def test_template_stands_in_for_a_text_field() -> None:
    found = resolve_fields(["id", "name", "price"], text_template="{name} {price}")
    made = article(found, id=1, name="Tea", price=2.5)
    assert (made.text, made.embed_text, made.extra) == ("Tea 2.5", "Tea 2.5", {"price": 2.5})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (7, "7"),
        (7.0, "7"),
        (-1, "-1"),
        (np.int64(3), "3"),
        ("é ß", "é ß"),
        ("a\0b", "a\0b"),
        ("x" * 1024,) * 2,
    ],
)
def test_ids(value: Any, expected: str) -> None:
    assert article(id=value, text="t").id == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no id in field 'id'"),
        ("", "no id in field 'id'"),
        (" \n", "no id in field 'id'"),
        (True, "id: found bool, expected text or a whole number"),
        (1.5, "id: found float, expected text or a whole number"),
        (float("nan"), "id: found float, expected text or a whole number"),
        ([1], "id: found list, expected text or a whole number"),
        ("x" * 1025, "id: found 1,025 characters, expected at most 1,024"),
        ("\ud800", "id is not valid Unicode"),
    ],
)
def test_bad_ids(value: Any, reason: str) -> None:
    bad = rejected(id=value, text="t")
    assert (bad.reason, bad.id) == (reason, None)
    assert '"text": "t"' in bad.excerpt or len(bad.excerpt) == 200


def test_missing_id() -> None:
    assert rejected(text="t") == Rejected("c:1", "no id in field 'id'", None, '{"text": "t"}')


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty text"),
        ("", "empty text"),
        (" \n\t ", "empty text"),
        (5, "text: found int, expected text"),
        ([1], "text: found list, expected text"),
        ("a\udc80", "text is not valid Unicode"),
    ],
)
def test_bad_texts(value: Any, reason: str) -> None:
    bad = rejected(id=1, text=value)
    assert (bad.reason, bad.id) == (reason, "1")
    bad.excerpt.encode("utf-8")  # can be stored, whatever the row held


def test_text_is_kept_to_the_letter() -> None:
    assert article(id=1, text=" a\0b \n").text == " a\0b \n"


def test_titles() -> None:
    assert article(id=1, text="t", title="T").title == "T"
    assert article(id=1, text="t", title=1984).title == "1984"
    assert article(id=1, text="t").title is None
    assert rejected(id=1, text="t", title="\ud800").reason == "title is not valid Unicode"


def test_names_of_fields_must_be_unicode() -> None:
    bad = rejected(**{"id": 1, "text": "t", "é": 2, "\ud800": 3})
    assert (bad.id, bad.reason) == ("1", r"name of field '\ud800' is not valid Unicode")


def test_other_fields_become_storable() -> None:
    day = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    made = article(
        id=1, text="t", s="é", i=2**63 - 1, f=0.5, b=True, n=None, words=["a", "é"], mixed=["a", 1], day=day,
        nested={"é": [1, None]}, raw=b"\xff", dec=Decimal("1.50"), arr=np.array([1, 2]), num=np.float64(2.0),
    )  # fmt: skip
    assert made.extra == {
        "s": "é", "i": 2**63 - 1, "f": 0.5, "b": True, "n": None, "words": ["a", "é"], "mixed": '["a", 1]',
        "day": day, "nested": '{"é": [1, null]}', "raw": "/w==", "dec": "1.50", "arr": "[1, 2]", "num": 2.0,
    }  # fmt: skip
    assert type(made.extra["num"]) is float


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "field 'x': found an integer beyond 64 bits"),
        (-(2**63) - 1, "field 'x': found an integer beyond 64 bits"),
        ("\ud800", "field 'x' is not valid Unicode"),
        (["a", "\ud800"], "field 'x' is not valid Unicode"),
        ({"a": "\ud800"}, "field 'x' is not valid Unicode"),
    ],
)
def test_fields_that_cannot_be_stored(value: Any, reason: str) -> None:
    assert rejected(id=1, text="t", x=value).reason == reason


@pytest.mark.parametrize(
    "value",
    [
        [1, -2.5],
        (1, -2.5),
        np.array([1, -2.5], np.float16),
        np.array([1, -2.5]),
        np.array([1, -2.5], np.float32),
    ],
)
def test_vectors(value: Any) -> None:
    made = article(WITH_VECTOR, id=1, text="t", v=value)
    assert made.vector is not None
    assert made.vector.dtype == np.float32
    assert made.vector.tolist() == [1.0, -2.5]
    assert made.extra == {}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "vector: missing"),
        ("[1]", "vector: found str, expected a list of numbers"),
        ([], "vector: found shape (0,), expected one dimension"),
        ([[1.0], [2.0]], "vector: found shape (2, 1), expected one dimension"),
        ([[1.0], [2.0, 3.0]], "vector: found nested lists, expected numbers"),
        ([1.0, None], "vector: found values of type object, expected numbers"),
        (["1", "2"], "vector: found values of type <U1, expected numbers"),
        ([True, False], "vector: found values of type bool, expected numbers"),
        ([1.0, float("nan")], "vector: not finite"),
        ([1.0, float("inf")], "vector: not finite"),
        ([1e300, 1.0], "vector: not finite"),
        ([0.0, 0.0], "vector: zero, which has no direction"),
        ([1e-60, 0.0], "vector: zero, which has no direction"),
    ],
)
def test_bad_vectors(value: Any, reason: str) -> None:
    bad = rejected(WITH_VECTOR, id=1, text="t", v=value)
    assert (bad.reason, bad.id) == (reason, "1")


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_an_empty_text_beside_a_vector_is_rejected_unless_it_was_asked_for(text: Any) -> None:
    bad = rejected(WITH_VECTOR, id=1, title="T", text=text, v=[1])
    assert (bad.reason, bad.id) == ("empty text next to a vector", "1")
    asked = replace(WITH_VECTOR, allow_empty=True)
    assert article(asked, id=1, title="T", text=text, v=[1]).text == "T"
    assert article(asked, id=1, text=text, v=[1]).text == ""
    # What the model reads counts, not what is stored.
    template = resolve_fields(["id", "title", "text", "v"], vector_field="v", text_template="About: {title}")
    assert article(template, id=1, title="T", text=text, v=[1]).embed_text == "About: T"
    assert rejected(template, id=1, text="x", v=[1]).reason == "empty text next to a vector"


def test_without_a_text_the_title_stands_for_it_beside_a_vector() -> None:
    found = resolve_fields(["id", "title", "v"], vector_field="v")
    made = article(found, id=1, title="T", v=[1])
    assert (found.text, made.text, made.embed_text) == (None, "T", "T")
    assert rejected(found, id=1, title="", v=[1]).reason == "empty text next to a vector"


def test_vectors_alone_are_refused_unless_they_were_asked_for() -> None:
    with pytest.raises(SourceError, match="no field is recognized as the text, or as a title") as caught:
        resolve_fields(["id", "v"], vector_field="v")
    assert (
        str(caught.value.hint)
        == "Name one of them with text_field=, or take vectors without a text: allow_empty=True."
    )
    found = resolve_fields(["id", "v"], vector_field="v", allow_empty=True)
    assert (found.text, article(found, id=1, v=[1]).embed_text) == (None, "")


def test_fifty_fields_are_listed() -> None:
    names = [f"f{i:02}" for i in range(51)]
    with pytest.raises(SourceError, match=r"f00, .*, f49, \.\.\.$|f49, \.\.\.\n"):
        resolve_fields(names)
    with pytest.raises(SourceError, match=r"f48, f49(\n|$)"):
        resolve_fields(names[:50])


def test_a_name_spelled_as_it_is_known_is_taken_before_one_that_is_divided_otherwise() -> None:
    assert resolve_fields(["id", "Full Text", "description"]).text == "description"
    assert resolve_fields(["id", "Full Text", "year"]).text == "Full Text"
    assert resolve_fields(["id", "text", "Wikipedia Title", "display_name"]).title == "display_name"
    assert resolve_fields(["Doc ID", "url", "text"]).id == "url"
