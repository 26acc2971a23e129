"""The formats of an export, and which one a file's extension stands for."""

from __future__ import annotations

from vecindex.errors import ConfigError
from vecindex.messages import command, option, text

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
