"""What a user may ask of `export`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

from vecindex.errors import ConfigError
from vecindex.exports.formats import format_of
from vecindex.messages import Placeholder, command, option, text
from vecindex.options import Option, checked

ATLAS, VIEWER = "embedding-atlas", "viewer"
_FORMAT_OF_TOOL = {ATLAS: "parquet", VIEWER: "json"}


class ExportOptions(TypedDict, total=False):
    """What a file holds, and in which form."""

    columns: Annotated[
        str | Sequence[str] | None,
        Option("Columns, in this order [default: those for readers]", metavar="A,B"),
    ]
    where: Annotated[str | None, Option('An SQL condition on the columns, e.g. "year > 1990".', metavar="SQL")]
    maps: Annotated[
        str | Sequence[str] | None,
        Option("A map whose coordinates are included [default: all]", flag="--map", metavar="NAME"),
    ]
    vectors: Annotated[bool, Option("Include the vectors.", default=False, flag="--vectors")]
    tool: Annotated[
        Literal["embedding-atlas", "viewer"] | None,
        Option("What it is for: embedding-atlas or viewer.", flag="--for", metavar="TOOL"),
    ]
    k: Annotated[int | None, Option("Neighbors, for embedding-atlas [default: 15]", flag="-k", at_least=1)]
    format: Annotated[
        Literal["parquet", "jsonl", "csv", "json", "npy"] | None,
        Option("parquet, jsonl, csv, json or npy [default: by the extension]"),
    ]
    at: Annotated[str | None, Option("Export the table as it was tagged.", metavar="TAG")]


def checked_export(out: str, options: ExportOptions) -> ExportOptions:
    """Return all options with their defaults, names of columns and maps as tuples.

    Raises ConfigError for options that do not go together, or not with the file `out`.
    """
    options = checked(ExportOptions, options)
    options["columns"], options["maps"] = _listed(options["columns"]), _listed(options["maps"])
    tool, maps = options["tool"], options["maps"]
    kind, _ = format_of(out, options["format"])
    wanted = _FORMAT_OF_TOOL.get(tool or "", kind)
    if kind != wanted:
        raise ConfigError(
            f"An export for {tool} is a .{wanted} file, found {kind}.",
            text("For example: ", command("export", Placeholder(f"out.{wanted}"), tool=tool)),
        )
    if options["vectors"]:
        check_vectors(kind)
    if options["k"] is not None and tool != ATLAS:
        raise ConfigError(
            text(option("k"), " is the neighbors of an export ", option("tool", ATLAS), "."), "Leave it out."
        )
    if tool == ATLAS and maps is not None and len(maps) != 1:
        raise ConfigError(
            "An export for embedding-atlas shows one map.",
            text("Name it: ", option("maps", Placeholder("NAME"))),
        )
    if kind == "npy" and (options["columns"] or maps):
        raise ConfigError(
            "A .npy file holds the vectors alone.",
            text("Leave ", option("columns"), " and ", option("maps"), " out."),
        )
    return options


def check_vectors(kind: str) -> None:
    """Raise ConfigError when a format cannot hold vectors."""
    if kind == "csv":
        raise ConfigError("CSV cannot hold vectors.", "Export them to .parquet, .jsonl or .npy, or leave them out.")


def _listed(values: str | Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else (values,) if isinstance(values, str) else tuple(values)
