"""The formats of an export, and how a file's name tells its own."""

from __future__ import annotations

from vecindex.errors import ConfigError

FORMATS = ("parquet", "jsonl", "csv", "json", "npy")
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

    `given` stands before the name's ending. Raises ConfigError when neither tells a format.

    >>> format_of("a/Articles.CSV.gz"), format_of("-", "jsonl")
    (('csv', True), ('jsonl', False))
    """
    if given is not None and given not in FORMATS:
        raise ConfigError(f"--format is one of {', '.join(FORMATS)}, found {given!r}.")
    if out == "-":
        if given not in STREAMED:
            raise ConfigError(
                f"An export to standard output needs one of the formats {', '.join(STREAMED)}.",
                "For example: vecindex export - --format jsonl",
            )
        return given, False
    name = out.lower()
    packed = name.endswith(".gz")
    if given is not None:
        if packed and given not in ("jsonl", "csv"):
            raise ConfigError(f"{out}: only jsonl and csv are packed with gzip, found {given}.", "Leave .gz out.")
        return given, packed
    # The longest first, since .jsonl.gz ends like a packed file of any kind.
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if name.endswith(ending):
            return ENDINGS[ending], packed
    raise ConfigError(
        f"The ending of {out} tells no format. Endings: {', '.join(ENDINGS)}.",
        "Name it by one of them, or give the format: --format parquet",
    )
