"""What a user may ask of `reembed` and `adopt`."""

from __future__ import annotations

from typing import Annotated, TypedDict

from vecindex.options import Option
from vecindex.verbs.ingest.options import AllowEmpty, EmbedOptions


class ReembedOptions(EmbedOptions, total=False):
    """How the texts of another table are embedded, and what comes along."""

    carry: Annotated[bool, Option("Take maps and stored questions along.", default=True, flag="--carry/--no-carry")]


class AdoptFields(TypedDict, total=False):
    """Which columns of a table that vecindex did not make are what."""

    id_field: Annotated[str | None, Option("Column with the id [default: recognized, else the row's number]")]
    text_field: Annotated[str | None, Option("Column with the text [default: recognized]")]
    title_field: Annotated[str | None, Option("Column with the title [default: recognized]")]
    vector_field: Annotated[str | None, Option("Column with the vectors [default: the only one]")]
    unverified: Annotated[
        bool,
        Option(
            "Take the vectors without checking them against the model.",
            default=False,
            flag="--unverified/--no-unverified",
        ),
    ]
    allow_empty: AllowEmpty


class AdoptOptions(EmbedOptions, AdoptFields, total=False):
    """What made the vectors of a table that vecindex did not make, and which of its columns are what."""
