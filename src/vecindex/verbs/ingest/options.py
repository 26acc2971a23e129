"""What a user may ask of `ingest`."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, option, text
from vecindex.options import Device, Durable, Engine, Option, TrustRemoteCode, Wait, WorkerCores, checked
from vecindex.sources.base import Quoting
from vecindex.sources.encodings import known_encoding
from vecindex.sources.unpack import MAX_RATIO

if TYPE_CHECKING:
    from vecindex.sources.formats import ReadOptions

AllowEmpty = Annotated[
    bool,
    Option(
        "Take rows without a text if they have a precomputed embedding.",
        default=False,
        flag="--allow-empty/--no-allow-empty",
    ),
]


WAVE_ROWS = 100_000
"""Rows that a run on a cluster commits together."""


class EmbedOptions(TypedDict, total=False):
    """How texts are embedded and stored; what is left out is as the table has it, or the default."""

    model: Annotated[str | None, Option("Model name or folder [default: the table's, else all-MiniLM-L6-v2]")]
    revision: Annotated[str | None, Option("Revision of the model on its hub.")]
    max_tokens: Annotated[int | None, Option("Tokens that the model reads of a text [default: all it can]")]
    dimensions: Annotated[
        int | None, Option("First values of each vector to keep, for Matryoshka models [default: all]", at_least=1)
    ]
    prompt: Annotated[str | None, Option("Put before every text [default: the model's own]")]
    prompt_name: Annotated[str | None, Option("That of the model's own prompts which has this name.")]
    text_template: Annotated[str | None, Option(r"Text to embed, e.g. '{title}\n{text}' [default: the text]")]
    chunk: Annotated[
        bool | int | None,
        Option("Cut long texts into overlapping chunks of so many tokens; True for all the model reads.", flag=""),
    ]
    chunk_overlap: Annotated[int | None, Option("Tokens that neighbouring chunks share [default: 32]")]
    device: Device
    precision: Annotated[Literal["auto", "fp32", "bf16", "fp16"], Option("auto, fp32, bf16 or fp16.", default="auto")]
    backend: Annotated[Literal["torch", "onnx", "openvino"], Option("torch, onnx or openvino.", default="torch")]
    batch_tokens: Annotated[
        int | None, Option("Tokens in a batch, padding included [default: by device]", at_least=1)
    ]
    transaction_rows: Annotated[int, Option("Rows committed together.", default=1_000, at_least=1)]
    engine: Engine
    wave_rows: Annotated[
        int | None, Option(f"Rows that an engine commits together [default: {WAVE_ROWS:,}]", at_least=1)
    ]
    worker_cores: WorkerCores
    store: Annotated[
        Literal["float32", "float16"] | None, Option("Numbers of stored vectors [default: the table's, else float32]")
    ]
    durable: Durable
    wait: Wait
    trust_remote_code: TrustRemoteCode


class SourceOptions(EmbedOptions, total=False):
    """How sources are read, and their texts embedded and stored."""

    id: Annotated[
        Literal["auto"] | None, Option("auto: ids are made of the rows' contents [default: of a field]", flag="--id")
    ]
    id_field: Annotated[str | None, Option("Field with the id [default: recognized]")]
    text_field: Annotated[str | None, Option("Field with the text [default: recognized]")]
    title_field: Annotated[str | None, Option("Field with the title [default: recognized]")]
    fields: Annotated[
        str | Sequence[str] | None, Option("Other fields that are kept [default: as before, else all]", metavar="A,B")
    ]
    skip_fields: Annotated[
        str | Sequence[str] | None, Option("Fields that are not kept [default: as before, else none]", metavar="A,B")
    ]
    vector_field: Annotated[str | None, Option("Field with precomputed embeddings.")]
    vectors: Annotated[
        str | Path | None, Option("Precomputed embeddings, row by row as the records.", metavar="FILE.npy")
    ]
    unverified: Annotated[
        bool,
        Option(
            "Take precomputed embeddings without checking them against the model.",
            default=False,
            flag="--unverified/--no-unverified",
        ),
    ]
    allow_empty: AllowEmpty
    max_ratio: Annotated[
        int,
        Option("Times their stored bytes that compressed sources may unpack to.", default=MAX_RATIO, at_least=1),
    ]
    format: Annotated[str | None, Option("Format of the sources [default: by their names]")]
    encoding: Annotated[str | None, Option("Encoding of texts, such as cp1252 [default: UTF-8, else guessed]")]
    delimiter: Annotated[str | None, Option("Between the fields of delimited files [default: found out]")]
    quoting: Annotated[Quoting, Option("Quotes in delimited files: auto, csv (strictly) or none.", default="auto")]
    header: Annotated[
        bool | None,
        Option("Whether delimited files name their columns [default: found out]", flag="--header/--no-header"),
    ]
    records: Annotated[
        str | None, Option("Where records are inside of a row or a file, e.g. data.paragraphs", metavar="PATH")
    ]
    newer: Annotated[
        str | None,
        Option("Field with a row's time or version: an older row never replaces a newer one.", metavar="FIELD"),
    ]
    deleted_field: Annotated[
        str | None,
        Option("Field that says that a row is deleted: yes, true, 1 or the time of its deletion.", metavar="FIELD"),
    ]
    prune: Annotated[bool, Option("Remove rows that the sources no longer hold.", default=False, flag="--prune")]


class IngestOptions(SourceOptions, total=False):
    """What `ingest` takes: all on sources, and whether to write at all."""

    dry_run: Annotated[bool, Option("Estimate from samples, change nothing.", default=False, flag="--dry-run")]
    exact: Annotated[bool, Option("Count all rows in a dry run.", default=False, flag="--exact")]


def is_drop(options: SourceOptions) -> bool:
    """Return whether the sources hold what changed, not all that there is."""
    return bool(options.get("newer") or options.get("deleted_field"))


def checked_ingest(options: IngestOptions) -> IngestOptions:
    """Return all options with their defaults; `chunk` is 0 where chunks have all tokens that the model reads.

    Raises ConfigError for options that do not go together.
    """
    options = checked(IngestOptions, options)
    chunk, template = options["chunk"], options["text_template"]
    options["chunk"] = None if chunk is False or chunk is None else 0 if chunk is True else chunk
    if options["chunk_overlap"] is not None and options["chunk"] is None:
        raise ConfigError(
            text(option("chunk_overlap"), " has no effect without ", option("chunk"), "."),
            text("Add ", option("chunk", True), "."),
        )
    if options["prune"] and is_drop(options):
        raise ConfigError(
            text(
                option("prune", True),
                " removes all rows that the sources do not hold, and a drop holds only what changed.",
            ),
            text("Leave ", option("prune", True), " out."),
        )
    if options["vectors"] is not None and options["vector_field"] is not None:
        raise ConfigError(
            "Embeddings come either from a field or from a file of their own.",
            text("Give one of ", option("vector_field"), " and ", option("vectors"), "."),
        )
    if options["id"] is not None and options["id_field"] is not None:
        raise ConfigError(
            "Ids come either from a field or from the rows' contents.",
            text("Give one of ", option("id"), " and ", option("id_field"), "."),
        )
    if options["id"] == "auto" and is_drop(options):
        raise ConfigError(
            text(option("id", "auto"), " makes another id of each version of a row: none is newer than another."),
            text("Name the field with the id: ", option("id_field", Placeholder("NAME"))),
        )
    for name in ("fields", "skip_fields"):
        options[name] = _listed(options[name])
    if options["encoding"] is not None:
        options["encoding"] = known_encoding(options["encoding"])
    if options["delimiter"] is not None:
        options["delimiter"] = _delimiter(options["delimiter"])
    _check_engine(options)
    if options["exact"] and not options["dry_run"]:
        raise ConfigError(
            text(option("exact", True), " has no effect without ", option("dry_run", True), "."),
            text("Every other run reads all rows; add ", option("dry_run", True), " to write none."),
        )
    if options["prompt"] is not None and options["prompt_name"] is not None:
        raise ConfigError(
            "A prompt is given by its text or by its name.",
            text("Give one of ", option("prompt"), " and ", option("prompt_name"), "."),
        )
    # A shell passes \n as two characters.
    options["text_template"] = None if template is None else template.replace("\\n", "\n").replace("\\t", "\t")
    return options


def _check_engine(options: IngestOptions) -> None:
    """Raise ConfigError for options of an engine that have no effect, and for an engine that is none."""
    from vecindex.cluster.engine import checked_engine

    engine = checked_engine(options, "wave_rows", "worker_cores")
    if options["dry_run"] and engine is not None:
        raise ConfigError(
            text("A dry run embeds on this machine, and ", option("engine"), " has no effect on it."),
            text("Leave ", option("engine"), " out."),
        )


def reading(options: IngestOptions, unread: Set[str] = frozenset()) -> ReadOptions:
    """Return what readers of sources should know, of the options of `checked_ingest`.

    `unread` are fields that are not kept.
    """
    from vecindex.sources.formats import ReadOptions  # these options are declared where nothing is read

    return ReadOptions(
        encoding=options["encoding"],
        delimiter=options["delimiter"],
        quoting=options["quoting"],
        header=options["header"],
        records=options["records"],
        skipped=unread,
    )


def _listed(values: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if values is None:
        return None
    # In a list each name stands for itself: it may have a comma.
    given = values.split(",") if isinstance(values, str) else values
    return tuple(name.strip() for name in given if name.strip())


def _delimiter(value: str) -> str:
    # A shell passes \t as two characters.
    found = {"\\t": "\t", "tab": "\t"}.get(value.lower(), value)
    if len(found) != 1 or found in '\r\n"':
        raise ConfigError(
            text("A delimiter is one character, found ", option("delimiter", value), "."),
            text("Examples: ", option("delimiter", ";"), ", ", option("delimiter", "tab")),
        )
    return found
