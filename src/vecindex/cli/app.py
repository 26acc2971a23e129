"""The command `vecindex`: its verbs, and how an error becomes a message and an exit code."""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer
import typer.core

from vecindex.cli.commands import explore, export, ingest, map, overlap, project, search, serve, upkeep
from vecindex.cli.output import print_json
from vecindex.cli.spelling import begin, spelled
from vecindex.cli.streams import OutputError, prepare, silence
from vecindex.errors import ConfigError, VecindexError, described
from vecindex.masks import masked
from vecindex.shortages import Shortage, shortage

BROKEN_PIPE_EXIT = 141
"""What a shell reports for a program that SIGPIPE ended (128 + 13)."""
# The parser's errors; where their class lives depends on typer's version.
_UsageError: Any = typer.BadParameter.__base__


class Commands(typer.core.TyperGroup):
    """The commands, ended quietly when their output is closed (broken pipe)."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; its output is flushed here, where a broken pipe can still be handled."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                if sys.stdout is not None:  # closed by who uses the commands without `main`
                    sys.stdout.flush()
        except BrokenPipeError:
            # Python writes out once more at its end, and would complain.
            silence("stdout", "stderr")
            raise typer.Exit(BROKEN_PIPE_EXIT) from None


app = typer.Typer(
    name="vecindex",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Incremental vector index for text corpora on LanceDB, with maps whose neighborhood loss is measured.",
    epilog="Exit codes: 0 done, 1 a check or threshold failed, 2 usage, 3 source, 4 model, 5 store, "
    "6 done but rows were rejected, 7 an extra is missing, 130 interrupted, 141 output closed (broken pipe).",
)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens to standard error.")] = False,
    log_file: Annotated[str | None, typer.Option(metavar="FILE", help="Log to a file as well.")] = None,
) -> None:
    """Set up logging."""
    begin(context.invoked_subcommand)
    if version:
        from vecindex import __version__

        typer.echo(f"vecindex {__version__}")
        raise typer.Exit
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)] if verbose else []
    if log_file:
        handlers.append(_log_to(log_file))
    if handlers:
        form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
        for handler in handlers:
            handler.setFormatter(_Masked(form))
        logging.basicConfig(level=logging.WARNING, handlers=handlers)
        logging.getLogger("vecindex").setLevel(logging.DEBUG if verbose else logging.INFO)


class _Masked(logging.Formatter):
    """Lines and tracebacks without the secrets of URLs."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def _log_to(path: str) -> logging.Handler:
    try:
        return logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--log-file {path}: cannot be written: {error.strerror}",
            "Name a file in a folder that exists and that you may write to.",
        ) from error


app.command("explore")(explore.explore)
app.command("ingest")(ingest.ingest)
app.command("search")(search.search)
app.command("project")(project.project)
app.command("map")(map.map)
app.command("overlap")(overlap.overlap)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.command("status")(upkeep.status)
app.command("delete")(upkeep.delete)
app.command("optimize")(upkeep.optimize)
app.command("tag")(upkeep.tag)
app.command("doctor")(upkeep.doctor)


def _write_any_text() -> None:
    """Let standard output take every text: a file or a pipe gets UTF-8, a terminal what it can show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            # Lone surrogates stand for the bytes of old file names.
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def main() -> None:
    """Run the command line; never shows a traceback for a foreseen error."""
    # Their warnings are for programmers; the errors behind them reach us as exceptions.
    os.environ.setdefault("LANCEDB_LOG", "error")
    os.environ.setdefault("LANCE_LOG", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    # Else a log that cannot be written prints a traceback for each line.
    logging.raiseExceptions = False
    prepare()
    _write_any_text()
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except OutputError as error:
        silence("stdout")
        what = f"Standard output cannot be written: {error.strerror}."
        _fail(what, "Only what is printed there is lost; what the command changed in the database is done.", 1)
    except VecindexError as error:
        _fail(spelled(error.message), None if error.hint is None else spelled(error.hint), error.exit_code)
    except _UsageError as error:
        error.message = masked(error.message)
        error.show()
        hint = f"Try: {error.ctx.command_path} --help" if error.ctx else None
        if error.ctx and error.ctx.info_name == "search" and "extra argument" in error.format_message():
            hint = "Put a text of several words in quotes."
            print(f"  {hint}", file=sys.stderr)  # noqa: T201
        _fail(error.format_message(), hint, error.exit_code, shown=True)
    except typer.Abort:
        print("Aborted!", file=sys.stderr)  # noqa: T201
        _fail("Aborted.", None, 1, shown=True)
    except Exception as error:
        log = logging.getLogger("vecindex")
        # Without a handler, logging would print the traceback by itself.
        if log.hasHandlers():
            log.exception("unexpected error")
        lacking = shortage(error)
        # Of what is not of the database it is not known that a disk is meant.
        if lacking not in (None, Shortage.LOCKS, Shortage.ATOMIC):
            _fail(f"{lacking}: {described(error)}", lacking.hint, 1)
        hint = "Nothing committed is lost. `vecindex --log-file FILE ...` writes the details for a report."
        _fail(f"unexpected {described(error)}", hint, 1)


def _fail(message: str, hint: str | None, exit_code: int, *, shown: bool = False) -> NoReturn:
    """End with an exit code; with --json on the command line, print the failure as JSON on standard output.

    `shown` says that the message is on standard error already.
    """
    if not shown:
        print(f"error: {message}" + (f"\n  {hint}" if hint else ""), file=sys.stderr)  # noqa: T201
    arguments = sys.argv[1:]
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" in options:
        with suppress(OSError):
            print_json({"error": message, "hint": hint, "exit_code": exit_code})
            sys.stdout.flush()
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
