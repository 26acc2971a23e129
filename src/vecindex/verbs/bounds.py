"""The memory that a run may take, where the user has bounded it."""

from __future__ import annotations

from vecindex.config import vector_memory_bytes
from vecindex.core.memory import bytes_in_words
from vecindex.errors import ConfigError
from vecindex.messages import Message, option, text
from vecindex.shortages import memory_available
from vecindex.types import Observer

VECTOR_SHARE = 0.25
"""Of the memory that the process may take, for vectors between searches, unless the user says how much."""
_GIGA = 1e9


def allowed_bytes(memory: str | None) -> int | None:
    """Return the bytes that the option allows; None where it was not given. Raises ConfigError for no size."""
    if memory is None:
        return None
    found = bytes_in_words(memory)
    if not found:
        raise ConfigError(
            text(option("memory"), f" is a size such as 4GB or 800MB, found {memory!r}."),
            text("For example: ", option("memory", "4GB")),
        )
    return found


def vector_budget_bytes(held: int = 0) -> int:
    """Return the memory that vectors may take between searches: as the user says, else a share of what is left.

    `held` of it are vectors already. Raises ConfigError where the user's number is none.
    """
    given = vector_memory_bytes()
    return int(VECTOR_SHARE * (memory_available() + held)) if given is None else given


def held_bytes() -> int:
    """Return what this process holds now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def check_memory(needed: int, memory: str | None, what: str, remedy: Message, observer: Observer) -> None:
    """Raise ConfigError where a run needs more memory than the option allows.

    Without the option, warn where it needs more than there is. `needed` is of the whole process.
    """
    allowed = allowed_bytes(memory)
    if allowed is not None:
        if needed > allowed:
            raise ConfigError(
                text(f"{what} takes about {in_words(needed)} of memory; ", option("memory", memory), " allows less."),
                text("Allow more, or ", remedy),
            )
        return
    if needed > (there := held_bytes() + memory_available()):
        observer.warning(
            text(
                f"warning: {what} takes about {in_words(needed)} of memory and {in_words(there)} are available, so "
                "the run may be killed. Close other programs, use a larger machine, or ",
                remedy,
            )
        )


def in_words(n_bytes: int) -> str:
    """Return a size in GB, with one decimal.

    >>> in_words(2_450_000_000)
    '2.5 GB'
    """
    return f"{n_bytes / _GIGA:.1f} GB"
