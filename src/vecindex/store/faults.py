"""LanceDB's exceptions turned into ours: it raises RuntimeError and OSError with the cause in the text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vecindex.errors import LOOK_CLOSER, ConfigError, CorruptError, DiskFullError, StoreError, VecindexError
from vecindex.messages import option, text

_FULL = ("no space left", "os error 28", "disk quota")
_BROKEN = (
    "not found",
    "invalid range",
    "failed to fill whole buffer",
    "object at location",
    "corrupt",
    "magic number",
    "unexpected end",
    "failed to decode",
    "invalid protobuf",
    "end of file",
    "file size is too small",
)

_CONDITION = "error applying filter expression to batch"


def _after(message: str, phrase: str) -> str:
    """Return the words of a message after a phrase, up to the line of the store's source that it names.

    >>> _after("Error applying filter expression to batch: Arrow error: Divide by zero error, /x.rs:1", _CONDITION)
    'Divide by zero error'
    """
    words = message[message.lower().index(phrase) + len(phrase) :].strip(" :").removeprefix("Arrow error: ")
    return words.split(", /")[0].splitlines()[0].strip()[:200]


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreError, DiskFullError or CorruptError for what LanceDB raises inside the block."""
    try:
        yield
    except VecindexError:
        raise
    except (RuntimeError, OSError, ValueError) as error:
        full = str(error)
        low = full.lower()
        line = (full.strip().splitlines() or [type(error).__name__])[0][:300]
        if _CONDITION in low:
            raise ConfigError(
                f"The condition cannot be worked out on every row of {where}: {_after(full, _CONDITION)}.",
                text("Change the condition: ", option("where")),
            ) from error
        if any(phrase in low for phrase in _FULL):
            raise DiskFullError(
                f"No space left on the disk of {where}; what was committed before is safe.",
                "Free some space and run the same command again: it goes on where it stopped.",
            ) from error
        if any(phrase in low for phrase in _BROKEN):
            raise CorruptError(f"Files of {where} are missing or damaged: {line}", LOOK_CLOSER) from error
        raise StoreError(f"The store failed on {where}: {line}", "Run the command again.") from error
    except BaseException as error:
        if not is_panic(error):
            raise
        raise CorruptError(f"Files of {where} are damaged.", LOOK_CLOSER) from error


def is_panic(error: BaseException) -> bool:
    """Return whether damaged bytes made the Rust side panic, which is neither an Exception nor importable."""
    return type(error).__name__ == "PanicException"
