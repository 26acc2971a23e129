"""Every error that vecindex raises on purpose, as one tree.

```
VecindexError            1   a check found faults, or a threshold was not met
├── ConfigError          2   wrong option or argument
├── SourceError          3   the input cannot be read, or is not what it says
├── ModelError           4   the model is not available, or is not the table's
├── StoreError           5   the database
│   ├── TableNotFoundError
│   ├── LockedError          another process is writing
│   ├── StaleError           the table has changed since
│   ├── CorruptError
│   ├── DiskFullError
│   └── UnavailableError     it cannot be read or written now: file descriptors, memory, permission, a failing disk
├── MissingExtraError    7   an optional package is not installed
└── Interrupted        130   stopped by the user; running again resumes
```
The number is the process's exit code. 6 (done, but some rows were rejected) is not an error: the run
finished, and its report says so.
"""

from __future__ import annotations

from vecindex.masks import masked
from vecindex.messages import Message, as_text, command, text

REJECTED_EXIT = 6
"""The exit code of a run that is done, but rejected some rows."""
LOOK_CLOSER = text("Look closer: ", command("doctor"))
"""What to do about files that are damaged."""


class VecindexError(Exception):
    """What went wrong and where, with the next thing to do in `hint`.

    Options and commands in them are data; see `messages`. As a `str` they are spelled for Python.
    """

    exit_code = 1

    def __init__(self, message: Message, hint: Message | None = None) -> None:
        self.message = as_text(message)
        self.hint = None if hint is None else as_text(hint)
        # As texts, which show no secrets of a URL where the error is printed by others.
        super().__init__(self.message, self.hint)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else str(self.message)


class ConfigError(VecindexError):
    """A wrong option or argument."""

    exit_code = 2


class SourceError(VecindexError):
    """An input that cannot be read, or is not what it says it is."""

    exit_code = 3


class ModelError(VecindexError):
    """A model that is not available, or is not the one that made the table's vectors."""

    exit_code = 4


class StoreError(VecindexError):
    """A fault of the database."""

    exit_code = 5


class TableNotFoundError(StoreError):
    """The database has no such table."""


class LockedError(StoreError):
    """Another process is writing to the table."""


class StaleError(StoreError):
    """The table is not at the version any more that something was to be done to."""


class CorruptError(StoreError):
    """Files of the table are missing or damaged."""


class DiskFullError(StoreError):
    """No space left where the database lies."""


class UnavailableError(StoreError):
    """The database cannot be read or written now; that says nothing about whether its files are whole."""


class MissingExtraError(VecindexError):
    """An optional package is not installed."""

    exit_code = 7


class Interrupted(VecindexError):
    """The user stopped the run; the table is whole and a second run resumes."""

    exit_code = 130


def described(error: BaseException) -> str:
    r"""Return an unforeseen error on one line: its name and the beginning of its text.

    >>> described(OSError(" no space\nleft "))
    'OSError: no space'
    """
    return f"{type(error).__name__}: {(masked(str(error)).strip().splitlines() or [''])[0][:300]}"
