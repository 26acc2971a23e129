"""What an examination of a table finds, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vecindex.errors import LOOK_CLOSER, ConfigError, TableNotFoundError, VecindexError, described
from vecindex.messages import Message
from vecindex.serialize import Result
from vecindex.shortages import is_panic

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault: which check found it, what it is, how many rows or files, some of them, and what to do."""

    check: str
    message: Message
    count: int
    examples: tuple[str, ...]
    remedy: Message


@dataclass(frozen=True, slots=True)
class Check:
    """A check and its outcome, "ok", "failed" or "skipped", with a remark."""

    name: str
    outcome: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DoctorReport(Result):
    """What an examination found.

    Attributes
    ----------
    rows : rows that could be read; None when the table does not open.
    sound : whether no check failed (after the repair, if there was one).
    notes : what is no fault but worth knowing: leftovers of crashes, old versions.
    repaired : what a repair did.
    refused : repairs that would have given something up, and were not made because `confirm` refused.
    """

    database: str
    table: str
    rows: int | None
    sound: bool
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Message, ...]
    repaired: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """A repair before it is made: what it does, and what is given up by it.

    Attributes
    ----------
    rows : how many rows are given up, or come back deleted before.
    ids : some of their ids, where these can be read.
    """

    table: str
    what: str
    given_up: str
    rows: int
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair: what it does, how, and what is given up by it, if anything."""

    what: str
    make: Callable[[], str]
    """Makes it and returns what was done."""
    given_up: str = ""
    rows: int = 0
    ids: tuple[str, ...] = ()


@dataclass(slots=True)
class Examination:
    """What is known of a table so far; `repairs` in the order in which they are to be made."""

    rows: int | None = None
    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    key: str = "id"

    def settle(self, check: str, faults: Sequence[str], message: Message, remedy: Message, ok: str = "") -> None:
        """Note the outcome of a check, with a finding if there are faults."""
        self.checks.append(Check(check, "failed" if faults else "ok", "" if faults else ok))
        if faults:
            self.findings.append(Finding(check, message, len(faults), tuple(faults[:EXAMPLES]), remedy))

    def skip(self, check: str, why: str) -> None:
        """Note a check that cannot be made."""
        self.checks.append(Check(check, "skipped", why))

    def attempt(self, check: str, make: Callable[[], None]) -> None:
        """Make a check; if it cannot be made itself, that is its finding, and the others are made all the same.

        Raises TableNotFoundError, and ConfigError for a table of a later storage format.
        """
        try:
            make()
        except (TableNotFoundError, ConfigError):
            raise
        except VecindexError as error:
            self.settle(check, [check], error.message, error.hint or LOOK_CLOSER)
        except BaseException as error:
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            message = f"The check could not be made: {described(error)}."
            self.settle(
                check, [check], message, "Restore the table's folder from a copy if the commands fail as well."
            )
