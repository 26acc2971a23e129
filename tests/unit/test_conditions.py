"""What a condition may be made of: the bounds, and that nothing hides behind quotes, comments and other spellings."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecindex.core.conditions import FUNCTIONS, MAX_JOINED, MAX_OPERATIONS, MAX_PATTERN_CHARS, excess

TAKEN = (
    "year > 1990 AND topic = 'cells'",
    "topic = 'repeat(' OR \"a (b)\" = 'it''s (x)'",
    "id IN ('a', 'b') AND NOT (year BETWEEN 1 AND 2)",
    "lower(title || ' ' || text) LIKE '%cell%' AND length(text) > -1",
    "CAST(year AS DECIMAL(10, 2)) > 3 AND year::varchar(3) = 'a'",
    "ingested_at > DATE'2020-01-01' AND data = X'41'",
    "regexp_like(concat(title, text), '^(a|b){1,9}$', 'i')",
    "array_has(tags, 'x') OR tags[1] = 'y'",
    "title LIKE 'a' ESCAPE '\\' AND title NOT ILIKE '" + "x" * MAX_PATTERN_CHARS + "'",
    "id IN (" + ", ".join(["'repeat(x)'"] * 20_000) + ")",
    "year IN (" + ", ".join(["-1"] * 200) + ")",
    " AND ".join(["year > 1"] * MAX_JOINED),
    " AND ".join(["title IS NOT NULL AND title NOT LIKE 'a' AND id NOT IN ('b')"] * 60),
    r"regexp_like(id, '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')",
    r"regexp_like(text, '\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}') AND regexp_like(text, 'cat.{0,200}dog')",
    "is_valid(title) AND CAST(day AS datetime) > today() AND array_has_any(tags, make_array('a', 'b'))",
    "regexp = 'a' AND similar > 2",
    "+".join(["1"] * (MAX_OPERATIONS + 1)) + " = 2",
)
CALLS = "it calls repeat, which a condition may not."
COMMENT = "it has a comment."
REFUSED = (
    ("repeat('a', 1000000000) = id", CALLS),
    ("REPEAT ('a', 9) = id", CALLS),
    ("repeat\n('a', 9) = id", CALLS),
    ("\"repeat\"('a', 9) = id", CALLS),
    ("`repeat`('a', 9) = id", CALLS),
    ("{fn repeat('a', 9)} = id", CALLS),
    ("id = 'a\\' OR repeat('a', 9) = id", CALLS),
    ("id = '''' OR repeat('a', 9) = id", CALLS),
    ("lower(repeat('a', 9)) = id", CALLS),
    ("repeat/**/('a', 9) = id", COMMENT),
    ("year > 1 -- more", COMMENT),
    ("id = E'a\\'' OR true OR id = '", "a text has no prefix: E'a\\''"),
    ("id = N'a'", "a text has no prefix: N'a'."),
    ("id = U&'a'", "a text has no prefix: &'a'."),
    ("id = $$a$$", "it has a placeholder for a value (?, $1 or :1); write the value itself."),
    (":0", "it has a placeholder for a value"),
    ("year > :least", "it has a placeholder for a value"),
    ("id = 'a", "a quotation mark is not closed."),
    ("title LIKE '" + "%a" * 150 + "'", f"a pattern has 300 characters, and may have 200: {'%a' * 15}..."),
    ("title LIKE text", "like takes its pattern as a text in single quotes."),
    ("title LIKE '%a' || '%b'", "like takes its pattern as a text in single quotes."),
    ("regexp_like(text, text)", "regexp_like takes its pattern as a text in single quotes."),
    ("regexp_like(text, 'a' || 'b')", "regexp_like takes its pattern as a text in single quotes."),
    (r"regexp_match(text, '(\w{50}\s){20}')", "its patterns have 1,020 characters with repetitions written out"),
    (r"regexp_match(text, '((a{10}){10}){9}') OR regexp_like(text, 'b{101}')", "its patterns have 1,001 characters"),
    ("coalesce(text ~ '((a{100}){100}){9}', false)", "it has ~; write regexp_like(COLUMN, 'PATTERN')."),
    ("coalesce(text SIMILAR TO 'a', false)", "it has SIMILAR; write regexp_like(COLUMN, 'PATTERN')."),
    ("text RLIKE 'a'", "it has RLIKE; write regexp_like(COLUMN, 'PATTERN')."),
    ("concat(" + ", ".join(["text"] * 51) + ") = 'a'", "it has 51 functions, casts and operators"),
    ("NOT " * 51 + "year = 1", "it has 51 functions, casts and operators"),
    (" OR ".join(["id = 'a'"] * (MAX_JOINED + 2)), "it has 2,001 ANDs and ORs, and may have 2,000"),
    (
        "+".join(["1"] * (MAX_OPERATIONS + 2)) + " = 1",
        f"it has {MAX_OPERATIONS + 1} functions, casts and operators",
    ),
    ("||".join(["id"] * 400) + " = 'a'", "it has 399 functions, casts and operators"),
    ("id" + "::text" * 300 + " = 'a'", "it has 300 functions, casts and operators"),
)
LARGE = (
    "lpad", "rpad", "array_repeat", "generate_series", "range", "array_resize", "replace", "regexp_replace", "encode",
    "concat_ws", "string_to_array", "array_to_string", "levenshtein", "to_char", "random", "no_such",
)  # fmt: skip


@pytest.mark.parametrize("condition", TAKEN)
def test_what_needs_little_is_taken(condition: str) -> None:
    assert excess(condition) is None


@pytest.mark.parametrize(("condition", "reason"), REFUSED)
def test_what_may_need_much_is_refused(condition: str, reason: str) -> None:
    assert (excess(condition) or "").startswith(reason)


@pytest.mark.parametrize("name", LARGE)
def test_functions_that_may_make_large_values_or_take_long_are_refused(name: str) -> None:
    assert excess(f"{name}(text, 9) = id") == f"it calls {name}, which a condition may not."


def test_the_docs_list_the_functions() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/search.md").read_text(encoding="utf-8")
    assert page.split("may call these functions:")[1].split("```")[1].split()[1:] == sorted(FUNCTIONS)
