"""`vecindex ingest`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import Interrupted

if TYPE_CHECKING:
    from vecindex.verbs.ingest.run import Stop

REJECTED_EXIT = 6
INTERRUPTED_EXIT = 130


def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Files, globs, folders, URLs, or - for standard input."),
    ],
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    model: Annotated[
        str | None, typer.Option(help="Model name or folder [default: the table's, else all-MiniLM-L6-v2]")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Revision of the model on its hub.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Tokens that the model reads of a text [default: all it can]")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="Put before every text [default: the model's own]")] = None,
    text_template: Annotated[
        str | None, typer.Option(help=r"Text to embed, e.g. '{title}\n{text}' [default: the text]")
    ] = None,
    chunk: Annotated[
        bool, typer.Option("--chunk", help="Cut long texts into overlapping chunks, a row each.")
    ] = False,
    chunk_tokens: Annotated[
        int | None, typer.Option(help="Tokens in a chunk; implies --chunk [default: all the model reads]")
    ] = None,
    chunk_overlap: Annotated[
        int | None, typer.Option(help="Tokens that neighbouring chunks share [default: 32]")
    ] = None,
    id_field: Annotated[str | None, typer.Option(help="Field with the id [default: recognised]")] = None,
    text_field: Annotated[str | None, typer.Option(help="Field with the text [default: recognised]")] = None,
    title_field: Annotated[str | None, typer.Option(help="Field with the title [default: recognised]")] = None,
    vector_field: Annotated[str | None, typer.Option(help="Field with ready-made vectors.")] = None,
    vectors: Annotated[
        str | None,
        typer.Option(metavar="FILE.npy", help="Ready-made vectors, row by row beside the records."),
    ] = None,
    unverified: Annotated[
        bool, typer.Option(help="Take ready-made vectors without checking them against the model.")
    ] = False,
    format: Annotated[str | None, typer.Option(help="Format of the sources [default: by their names]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    batch_tokens: Annotated[
        int | None, typer.Option(help="Tokens in a batch, padding included [default: by device]")
    ] = None,
    transaction_rows: Annotated[int, typer.Option(help="Rows committed together.")] = 1_000,
    prune: Annotated[bool, typer.Option("--prune", help="Remove rows that the sources no longer hold.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and estimate, change nothing.")] = False,
    trust_remote_code: Annotated[bool, typer.Option(help="Run code that the model brings along.")] = False,
    json: Json = False,
) -> None:
    """Embed what is new or changed and append it; run it again to resume or to update."""
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.ingest import print_ingest
    from vecindex.core.memory import keep_one_heap

    keep_one_heap()
    stop = vecindex.Stop()
    wants_chunks = chunk or chunk_tokens is not None
    with Screen() as screen, finishing_on_interrupt(stop):
        report = vecindex.open(db, table).ingest(
            *sources,
            observer=screen,
            stop=stop,
            stdin=stream_of_our_own() if "-" in sources else None,
            model=model,
            revision=revision,
            max_tokens=max_tokens,
            prompt=prompt,
            text_template=text_template,
            chunk=(chunk_tokens or 0) if wants_chunks else None,
            chunk_overlap=chunk_overlap,
            id_field=id_field,
            text_field=text_field,
            title_field=title_field,
            vector_field=vector_field,
            vectors=vectors,
            unverified=unverified,
            format=format,
            device=device,
            precision=precision,
            batch_tokens=batch_tokens,
            transaction_rows=transaction_rows,
            prune=prune,
            dry_run=dry_run,
            trust_remote_code=trust_remote_code,
        )
    print_ingest(report, dry_run=dry_run)
    if json:
        print_json(report.to_dict())
    if report.interrupted:
        raise typer.Exit(INTERRUPTED_EXIT)
    if report.rejected:
        raise typer.Exit(REJECTED_EXIT)


def stream_of_our_own() -> BinaryIO | None:
    """Return standard input under another file number, None where it is closed.

    A thread that still waits in `sys.stdin` when the process ends makes the interpreter abort.
    """
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb") if sys.stdin is not None else None


@contextmanager
def finishing_on_interrupt(stop: Stop) -> Iterator[None]:
    """Let the first Ctrl-C (or SIGTERM) end the run after its transaction, and a second one end it at once."""

    def handle(_number: int, _frame: object) -> None:
        if stop():
            raise KeyboardInterrupt
        stop.request()
        print(  # noqa: T201
            "\nstopping after the transaction in flight; once more to stop at once (nothing committed is lost)",
            file=sys.stderr,
        )

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted("Stopped at once.", "Run the same command again to go on.") from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
