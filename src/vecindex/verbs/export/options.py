"""What a user may ask of `export`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, command, option, text
from vecindex.options import Option, checked

ATLAS, VIEWER = "embedding-atlas", "viewer"
_FORMAT_OF_TOOL = {ATLAS: "parquet", VIEWER: "json"}
STREAMED = ("jsonl", "csv", "json")
"""Those that may go to standard output."""
ENDINGS = {
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".json": "json",
    ".npy": "npy",
}


class ExportOptions(TypedDict, total=False):
    """What a file holds, and in which form."""

    columns: Annotated[
        str | Sequence[str] | None,
        Option("Columns, in this order [default: those for readers]", metavar="A,B"),
    ]
    where: Annotated[str | None, Option('An SQL condition on the columns, e.g. "year > 1990".', metavar="SQL")]
    ids: Annotated[
        str | Path | None, Option("Only rows of these ids, one per line; - for standard input.", metavar="FILE")
    ]
    maps: Annotated[
        str | Sequence[str] | None,
        Option("A map whose coordinates are included [default: all]", flag="--map", metavar="NAME"),
    ]
    vectors: Annotated[bool, Option("Include the vectors.", default=False, flag="--vectors")]
    topics: Annotated[
        bool,
        Option(
            "Include the topics of the map, as `map` shows them: NAME_topic and NAME_topic_fine.",
            default=False,
            flag="--topics",
        ),
    ]
    topics_by: Annotated[str | None, Option("As in `map`.", metavar="COLUMN")]
    topics_file: Annotated[str | None, Option("A CSV with your names for the topics.", metavar="FILE.csv")]
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
    if not options["topics"] and (unused := [n for n in ("topics_by", "topics_file") if options.get(n)]):
        raise ConfigError(
            text(option(unused[0]), " is about the topics, which are left out."),
            text("Add ", option("topics", True), "."),
        )
    if kind == "npy" and (options["columns"] or maps or options["topics"]):
        raise ConfigError(
            "A .npy file holds the vectors alone.",
            text("Leave ", option("columns"), ", ", option("maps"), " and ", option("topics"), " out."),
        )
    return options


def format_of(out: str, given: str | None = None) -> tuple[str, bool]:
    """Return the format of an export, and whether it is packed with gzip.

    `given` overrules the extension. Raises ConfigError when neither is a format.

    >>> format_of("a/Articles.CSV.gz"), format_of("-", "jsonl")
    (('csv', True), ('jsonl', False))
    """
    if out == "-":
        if given not in STREAMED:
            raise ConfigError(
                f"An export to standard output needs one of the formats {', '.join(STREAMED)}.",
                text("For example: ", command("export", "-", format="jsonl")),
            )
        return given, False
    name = out.lower()
    packed = name.endswith(".gz")
    if given is not None:
        if packed and given not in ("jsonl", "csv"):
            raise ConfigError(f"{out}: only jsonl and csv are packed with gzip, found {given}.", "Leave .gz out.")
        return given, packed
    for ending, kind in ENDINGS.items():
        if name.endswith(ending):
            return kind, packed
    raise ConfigError(
        f"The extension of {out} is that of no format. Extensions: {', '.join(ENDINGS)}.",
        text("Name it by one of them, or give the format: ", option("format", "parquet")),
    )


def check_vectors(kind: str) -> None:
    """Raise ConfigError when a format cannot hold vectors."""
    if kind == "csv":
        raise ConfigError("CSV cannot hold vectors.", "Export them to .parquet, .jsonl or .npy, or leave them out.")


def _listed(values: str | Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else (values,) if isinstance(values, str) else tuple(values)
