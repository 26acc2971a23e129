"""The way from a `Record` to an `Article`: which fields matter (`fieldmap`), then each row (`articles`)."""

from __future__ import annotations

from vecindex.sources.articles import MAX_ID_CHARS, Article, to_article
from vecindex.sources.fieldmap import (
    ID_NAMES,
    TEXT_NAMES,
    TITLE_NAMES,
    FieldMap,
    parse_template,
    resolve_fields,
)

__all__ = [
    "ID_NAMES",
    "MAX_ID_CHARS",
    "TEXT_NAMES",
    "TITLE_NAMES",
    "Article",
    "FieldMap",
    "parse_template",
    "resolve_fields",
    "to_article",
]
