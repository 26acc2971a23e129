"""All sources are opened and their fields settled before a model is loaded: hours later would be too late."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from vecindex.errors import SourceError
from vecindex.messages import Message, option, text
from vecindex.sources.base import Block, Item, Record, Source, Unparsed, each, parsed, pieces_of
from vecindex.sources.fieldmap import FieldMap
from vecindex.types import Observer
from vecindex.verbs.ingest.drops.drop import Drop
from vecindex.verbs.ingest.fields.choose import Choice, choose_fields
from vecindex.verbs.ingest.known.kept import KeptFields
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.result import LeftOutSource, Taken

LOOK_AHEAD = 1_000
"""The first rows of a source, whose names settle which fields are the id, the text and the title."""
_LOOK_AHEAD_BYTES = 16 << 20
_SEEN_WHOLE = 16
"""Sources whose first rows are looked at in full; of thousands of files a few rows are enough."""
_FEW = 20
_NAMED_FIELDS = 8

Chooser = Callable[[Sequence[Record], Source], Choice]


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a source, its other ones, and the error that it broke off with among the first."""

    first: deque[Item]
    rest: Iterator[Item | Block | Unparsed]
    broken: SourceError | None = None

    def records(self) -> list[Record]:
        """Return the rows that have fields."""
        return [row for row in self.first if isinstance(row, Record)]

    def items(self) -> Iterator[Item]:
        """Yield the rows as `pieces` does, one by one."""
        return each(parsed(self.pieces()))

    def pieces(self) -> Iterator[Item | Block | Unparsed]:
        """Yield the first rows, and keep none that was yielded; then raise what ended them, or yield the others."""
        while self.first:
            yield self.first.popleft()
        if self.broken is not None:
            raise self.broken
        yield from self.rest


@dataclass(frozen=True, slots=True)
class Settled:
    """A source that is to be read. `head` is what was read of it already, where that is kept."""

    source: Source
    fields: FieldMap | None
    head: Head | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The sources that are to be read, those that are left out, and what was taken for what."""

    sources: list[Settled] = field(default_factory=list)
    left_out: list[tuple[Source, SourceError]] = field(default_factory=list)
    choices: list[tuple[Source, Choice]] = field(default_factory=list)


def read_head(source: Source, most: int, stopped: Callable[[], bool]) -> Head:
    """Return the first rows of a source: `most`, and fewer where they are long."""
    first: deque[Item] = deque()
    rest = pieces_of(source)
    size = 0
    try:
        for piece in rest:
            items = parsed((piece,))
            for item in items:
                rows = (item.record(i) for i in range(item.rows)) if isinstance(item, Block) else (item,)
                for taken, row in enumerate(rows, 1):
                    first.append(row)
                    size += _size(row)
                    if len(first) >= most or size >= _LOOK_AHEAD_BYTES or stopped():
                        left = [item.after(taken)] if isinstance(item, Block) and taken < item.rows else []
                        return Head(first, chain(left, items, rest))
    except SourceError as error:
        return Head(first, rest, error)
    return Head(first, rest)


def settle(
    sources: Sequence[Source],
    choose: Chooser,
    most: int,
    stopped: Callable[[], bool] = lambda: False,
    deletes: Callable[[Record], bool] = lambda _: False,
) -> Settlement:
    """Open every source and settle its fields; rows that delete others may have an id and nothing else.

    A source that cannot be read from its beginning, or whose fields do not fit, is left out if there are others that
    fit. Raises SourceError where there are none.
    """
    done = Settlement()
    for i, source in enumerate(sources):
        head = read_head(source, most if i < _SEEN_WHOLE else min(most, _FEW), stopped)
        try:
            if head.broken is not None and not head.first:
                raise head.broken
            records = [row for row in head.records() if not deletes(row)]
            choice = choose(records, source) if records else None
        except SourceError as error:
            done.left_out.append((source, error))
            continue
        # The first source is not opened twice, nor one that can be read once.
        keeps = i == 0 or getattr(source, "once", False)
        done.sources.append(Settled(source, choice.fields if choice else None, head if keeps else None))
        if choice is not None:
            done.choices.append((source, choice))
        if stopped():
            break
    if done.left_out and not done.sources:
        raise done.left_out[0][1]
    return done


def chooser(
    options: IngestOptions,
    template: str | None,
    vector_field: str | None,
    drop: Drop | None = None,
    kept: KeptFields | None = None,
) -> Chooser:
    """Return what chooses the fields of a source; its errors name the source.

    `kept` says which of the other fields are kept; by default the options alone do.
    """
    fields = KeptFields.of(options) if kept is None else kept

    def choose(records: Sequence[Record], source: Source) -> Choice:
        if drop is not None:
            drop.check_fields(list(dict.fromkeys(name for row in records for name in row.fields)), source.name)
        try:
            choice = choose_fields(records, source, options, template, vector_field, fields)
            if drop is not None and drop.newer in choice.fields.special:
                raise SourceError(
                    f"the field {drop.newer!r} is the id, the text or the title of a row, and not its age",
                    text("Name another one with ", option("newer"), "."),
                )
            return choice
        except SourceError as error:
            raise SourceError(text(f"{source.name}: ", error.message), error.hint) from error

    return choose


def report(
    settlement: Settlement, observer: Observer, is_new: bool = True
) -> tuple[list[Taken], list[LeftOutSource]]:
    """Show what is taken for what, and what is left out; return both for the report.

    `is_new` is whether this run says which fields are kept; a warning then says why one is not. Else the table does.
    """
    alike: dict[tuple[object, ...], list[tuple[Source, Choice]]] = {}
    warned: set[Message] = set()
    for source, choice in settlement.choices:
        fields = choice.fields
        key = (fields.id, fields.text, fields.title, fields.vector, fields.parts, choice.kept, choice.left_out)
        alike.setdefault(key, []).append((source, choice))
        for warning in choice.warnings:
            if warning not in warned:
                warned.add(warning)
                observer.warning(text(f"{source.name}: ", warning))
    taken = [_taken(*group[0], len(group)) for group in alike.values()]
    for one in taken:
        observer.notice(_said(one, is_new))
    left = [LeftOutSource(source.name, error.message, error.hint) for source, error in settlement.left_out]
    for gone in left:
        observer.warning(text("left out: ", gone.reason))
    return taken, left


def _taken(source: Source, choice: Choice, n: int) -> Taken:
    fields, kept, left_out = choice.fields, list(choice.kept), list(choice.left_out)
    return Taken(source.name, n, fields.id, fields.text, fields.title, fields.vector, kept, left_out)


def _said(taken: Taken, is_new: bool) -> Message:
    more = f" and {taken.sources - 1:,} more" if taken.sources > 1 else ""
    roles = [("text", taken.text), ("title", taken.title), ("embedding", taken.vector)]
    parts = ["id made of the content" if taken.id is None else f"id from {taken.id!r}"]
    parts += [f"{role} from {name!r}" for role, name in roles if name is not None]
    said = f"{taken.source}{more}: {', '.join(parts)}"
    if taken.kept:
        n = len(taken.kept)
        said += f"; {n:,} other {'field' if n == 1 else 'fields'} kept: {_listed(taken.kept)}"
    if not taken.left_out:
        return said
    said += f"; {len(taken.left_out):,} left out: {_listed(taken.left_out)}"
    if is_new:
        return said
    return text(said, ", as this table keeps its fields; to keep all: ", option("skip_fields", ""))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_plain, names[:_NAMED_FIELDS])) + (", ..." if len(names) > _NAMED_FIELDS else "")


def _plain(name: str) -> str:
    return name if name.isprintable() and name.strip() == name and name else repr(name)


def _size(row: Item) -> int:
    """Return about how many bytes the texts of a row take."""
    fields = row.fields if isinstance(row, Record) else {}
    return sum(len(value) for value in fields.values() if isinstance(value, str))
