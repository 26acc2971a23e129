"""Defaults that a user may set once: the database and the table."""

from __future__ import annotations

import os

from vecindex.errors import ConfigError

DEFAULT_DATABASE = "db"
VERSION = "0.1.0"
DEFAULT_TABLE = "articles"
DATABASE_VARIABLE = "VECINDEX_DB"
KEY_VARIABLE = "VECINDEX_API_KEY"
"""Holds the key of an embedding service; it is no option, so that it is in no file and no history."""
VECTORS_VARIABLE = "VECINDEX_VECTOR_MB"
"""How much memory vectors may take between searches; no option, since it is of the process and not of a search."""


def database_uri(given: str | None) -> str:
    """Return the database to use: the one given, else $VECINDEX_DB, else ./db."""
    return given or os.environ.get(DATABASE_VARIABLE) or DEFAULT_DATABASE


def durable_by_default() -> bool:
    """Return whether $VECINDEX_DURABLE asks for commits that outlive a power cut."""
    return os.environ.get("VECINDEX_DURABLE", "").lower() not in ("", "0", "false", "f", "no", "n", "off")


def vector_memory_bytes() -> int | None:
    """Return the memory that vectors may take between searches, as $VECINDEX_VECTOR_MB says; None where it does not.

    Raises ConfigError for what is no whole number.
    """
    given = os.environ.get(VECTORS_VARIABLE, "").strip()
    if not given:
        return None
    # Python itself reads no number of more than 4,300 digits.
    if not (given.isascii() and given.isdigit() and len(given) <= 12):
        raise ConfigError(
            f"{VECTORS_VARIABLE} is a whole number of MB, found {given[:40]!r}.",
            "Write it such as 2000, or unset it.",
        )
    return int(given) * 1_000_000


GOAL = 0.6
"""Share of its neighbors that a question should keep: at least 3 of 5."""
SEED = 20_260_101
"""Of every random draw whose seed the user does not choose."""
