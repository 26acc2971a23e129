"""The command `vecindex`: its verbs, and how an error becomes a message and an exit code."""

from __future__ import annotations

import gc
import io
import logging
import os
import sys
from contextlib import suppress
from typing import Annotated, Any

import typer
import typer.core

from vecindex.cli import logs, settings
from vecindex.cli.lazy import Commands as Made
from vecindex.cli.lazy import checked_on_demand
from vecindex.cli.output import VOICE, print_json, warn
from vecindex.cli.spelling import as_json, begin, spelled
from vecindex.cli.streams import OutputError, prepare, silence
from vecindex.errors import ConfigError, Interrupted, VecindexError, described
from vecindex.masks import masked
from vecindex.messages import Message, Shell, as_text, text
from vecindex.shortages import Shortage, has_bounded_memory, is_panic, short_now, shortage

BROKEN_PIPE_EXIT = 141
"""What a shell reports for a program that SIGPIPE ended (128 + 13)."""
# What says how threads of OpenMP wait, of either of its libraries.
_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_SPINS = "10000"
_NEW_OBJECTS = 50_000
"""Made before Python looks for garbage: what a command imports lives to its end, and is looked at again and again."""
# The parser's errors; where their class lives depends on typer's version.
_UsageError: Any = typer.BadParameter.__base__


class Commands(typer.core.TyperGroup):
    """The commands with their settings, ended quietly when their output is closed (broken pipe)."""

    def __init__(self, **given: Any) -> None:
        """Take the commands that `lazy` names; each is imported when it is asked for."""
        super().__init__(**given)
        self.commands = Made()  # type: ignore[assignment]  # it is read only

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, which need none of them."""
        return list(self.commands)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options before the command."""
        return checked_on_demand(super().get_params(ctx))

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the settings, unless no more than help is asked for."""
        sources = settings.begin(self)
        if "--help" not in args and not extra.get("resilient_parsing"):
            extra["default_map"] = sources.read()
        return super().make_context(info_name, args, parent, **extra)

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
        except KeyboardInterrupt as error:
            # Of a command that has nothing of its own to say.
            hint = "What is stored is whole. Run the same command again."
            raise Interrupted("Stopped before the command was complete.", hint) from error


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
    quiet: Annotated[bool, typer.Option("--quiet", help="Show results, warnings and errors only.")] = False,
    log_file: Annotated[str | None, typer.Option(metavar="FILE", help="Log to a file as well.")] = None,
    times: Annotated[
        bool | None,
        typer.Option("--times/--no-times", help="Messages with the time [default: where there is no terminal]"),
    ] = None,
) -> None:
    """Set up what is shown and logged."""
    begin(context.invoked_subcommand)
    if version:
        from vecindex import __version__

        typer.echo(f"vecindex {__version__}")
        raise typer.Exit
    if quiet and verbose:
        raise ConfigError("--quiet and --verbose exclude each other.", "Give one of them.")
    VOICE.quiet, VOICE.times = quiet, not sys.stderr.isatty() if times is None else times
    logs.set_up(verbose, quiet, log_file)
    logs.record_start(sys.argv[1:])


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
    gc.set_threshold(_NEW_OBJECTS)
    # Their warnings are for programmers; the errors behind them reach us as exceptions.
    os.environ.setdefault("LANCEDB_LOG", "error")
    os.environ.setdefault("LANCE_LOG", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    _wait_briefly()
    # Else a log that cannot be written prints a traceback for each line.
    logging.raiseExceptions = False
    if has_bounded_memory():
        # Each thread's own heap would take 64 MB of them, and Lance's threads abort where there are none.
        from vecindex.core.memory import keep_one_heap

        keep_one_heap()
    prepare()
    _write_any_text()
    begin(None)
    VOICE.quiet = VOICE.times = False
    exit_code = 1
    try:
        exit_code = _run()
    except SystemExit as end:
        exit_code = int(end.code or 0)
    finally:
        logs.record_end(exit_code)
    sys.exit(exit_code)


def _wait_briefly() -> None:
    """Let a thread of OpenMP that waits for others keep its core for a fraction of a millisecond only.

    Unless the user says how they wait. By default they keep it for milliseconds, in which other processes cannot have
    it. It is read when a library with such threads is loaded, so here none may be. Another process that only imports
    vecindex keeps its own ways.
    """
    if not any(name in os.environ for name in _WAITING):
        os.environ["GOMP_SPINCOUNT"] = _SPINS


def _run() -> int:
    """Run what was typed, and return its exit code."""
    try:
        return app(standalone_mode=False) or 0
    except OutputError as error:
        silence("stdout")
        what = f"Standard output cannot be written: {error.strerror}."
        return _fail(what, "Only what is printed there is lost; what the command changed in the database is done.", 1)
    except VecindexError as error:
        return _fail(error.message, error.hint, error.exit_code)
    except _UsageError as error:
        error.message = masked(error.message)
        return _fail(error.format_message(), _hint_on_usage(error), error.exit_code)
    except typer.Abort:
        return _fail("Aborted.", None, 1)
    except BaseException as error:  # for a traceback helps nobody who did not ask for a log
        # A panic of Rust is no Exception.
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        logs.record_traceback()
        lacking = shortage(error) or (short_now() if is_panic(error) else None)
        # Of what is not of the database it is not known that a disk is meant.
        if lacking not in (None, Shortage.LOCKS, Shortage.ATOMIC):
            return _fail(f"{lacking}: {described(error)}", lacking.hint, 1)
        hint = "Nothing committed is lost. `vecindex --log-file FILE ...` writes the details for a report."
        return _fail(f"unexpected {described(error)}", hint, 1)


def _hint_on_usage(error: Any) -> Message | None:
    if not error.ctx:
        return None
    option = getattr(error, "param", None)
    if option is not None and (source := settings.source_of(error.ctx, option)):
        return f"It comes from {source}."
    if error.ctx.info_name == "search" and "extra argument" in error.format_message():
        return "Put a text of several words in quotes."
    return text("Try: ", Shell(f"{error.ctx.command_path} --help"))


def _fail(message: Message, hint: Message | None, exit_code: int) -> int:
    """Show a failure, with --json also as JSON on standard output, and return its exit code."""
    warn(text("error: ", as_text(message)))
    if hint:
        warn(hint, 2)
    arguments = sys.argv[1:]
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if as_json() or "--json" in options:
        with suppress(OSError):
            hint = None if hint is None else spelled(hint)
            print_json({"error": spelled(message), "hint": hint, "exit_code": exit_code})
            sys.stdout.flush()
    return exit_code


if __name__ == "__main__":
    main()
