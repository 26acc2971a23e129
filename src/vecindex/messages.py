"""Messages that name options and commands as data, so that each front end spells them in its own way.

The command line writes `--by chunk` and `vecindex project anchored --anchor --db DIR`, Python `by="chunk"` and
`index.project("anchored", anchor=True)`, the JSON API `"by": "chunk"`. Each shows URLs without their secrets.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from vecindex.masks import masked

_LONGEST = 200
"""Characters of a name that is compared with others; more would take long and is no slip."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value that the reader fills in, written as it is: FILE, NAME."""

    name: str

    def __str__(self) -> str:
        return self.name


class Shell(str):
    """A command of another program, as a shell reads it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OptionName:
    """An option or argument of a verb, by its name in Python, perhaps with a value."""

    name: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Command:
    """A verb with its positional arguments and its options, by their names in Python."""

    verb: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


Part = str | OptionName | Command


class Text(str):
    """A message that keeps its parts. As a `str` it is spelled for Python."""

    __slots__ = ("parts",)
    parts: tuple[Part, ...]

    def __new__(cls, parts: tuple[Part, ...]) -> Text:
        """Take the parts."""
        self = super().__new__(cls, _spelled(parts, PYTHON))
        self.parts = parts
        return self

    def __getnewargs__(self) -> tuple[Any]:
        """Return what a copy or a pickle is made of."""
        return (self.parts,)

    def spelled(self, spelling: Spelling) -> str:
        """Return the message as a front end writes it."""
        return _spelled(self.parts, spelling)


def _spelled(parts: tuple[Part, ...], spelling: Spelling) -> str:
    written = []
    for part in parts:
        if isinstance(part, OptionName):
            written.append(spelling.option(part))
        elif isinstance(part, Command):
            written.append(spelling.command(part))
        else:
            written.append(part)
    return masked("".join(written))


class Spelling(Protocol):
    """How a front end writes what messages name."""

    def option(self, option: OptionName) -> str:
        """Return an option, with its value if it has one."""
        ...

    def command(self, command: Command) -> str:
        """Return a command that can be copied."""
        ...


def text(*parts: Part | Text | Placeholder) -> Text:
    """Return a message of texts, options, commands and other messages, one after the other.

    >>> str(text("Leave ", option("map"), " out, or run ", command("project", "tiny", seed=1), "."))
    "Leave map= out, or run index.project('tiny', seed=1)."
    """
    flat: list[Part] = []
    for part in parts:
        if isinstance(part, Text):
            flat.extend(part.parts)
        else:
            flat.append(str(part) if isinstance(part, Placeholder) else part)
    return Text(tuple(flat))


def option(name: str, value: Any = None) -> OptionName:
    """Return an option for a message; `name` as in Python. A value of True stands for a switch that is set."""
    return OptionName(name, value)


def command(verb: str, *arguments: Any, **options: Any) -> Command:
    """Return a command for a message; options that are None or False are left out.

    A `Placeholder` stands for what the reader fills in.
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    return Command(verb, arguments, given)


_WRITTEN = {"map": "write"}
"""Verbs whose argument is a file that the command line writes, with the method of their result that writes it."""
_OF_A_RESULT = {"write_topics": "map().write_topics"}
"""Verbs that Python has as a method of another one's result."""


class PythonSpelling:
    """Options as arguments, commands as calls of an `Index` named index."""

    def option(self, option: OptionName) -> str:
        """Return `by=`, or `by='chunk'`."""
        return f"{option.name}=" + ("" if option.value is None else _literal(option.value))

    def command(self, command: Command) -> str:
        """Return a call, of another index where the command names a table or a database."""
        options = dict(command.options)
        table, database = options.pop("table", None), options.pop("db", None)
        opened = "index.uri" if database is None else _literal(database)
        if table is not None:
            opened += f", {_literal(table)}"
        index = "index" if opened == "index.uri" else f"vecindex.open({opened})"
        arguments = [_literal(value) for value in command.arguments]
        given = [f"{name}={_literal(value)}" for name, value in options.items()]
        if arguments and command.verb in _WRITTEN:
            return f"{index}.{command.verb}({', '.join(given)}).{_WRITTEN[command.verb]}({', '.join(arguments)})"
        verb = _OF_A_RESULT.get(command.verb, command.verb)
        return f"{index}.{verb}({', '.join([*arguments, *given])})"


def _literal(value: Any) -> str:
    return value.name if isinstance(value, Placeholder) else repr(value)


PYTHON: Spelling = PythonSpelling()


def as_text(message: Message) -> Text:
    """Return a message in parts, whichever way it was given."""
    return message if isinstance(message, Text) else Text((message,))


def join(separator: str, messages: list[Text] | tuple[Text, ...]) -> Text:
    """Return messages as one, with a separator between them.

    >>> str(join("; ", [text("a"), text(option("k"))]))
    'a; k='
    """
    parts: list[Text | str] = []
    for number, one in enumerate(messages):
        parts += [separator, one] if number else [one]
    return text(*parts)


def with_options(message: Text, **options: Any) -> Text:
    """Return a message whose commands have these options too, where they have none of the name.

    >>> print(with_options(text("Look closer: ", command("doctor")), db="../old"))
    Look closer: vecindex.open('../old').doctor()
    """
    parts = [
        Command(part.verb, part.arguments, {**options, **part.options}) if isinstance(part, Command) else part
        for part in message.parts
    ]
    return Text(tuple(parts))


def is_it(name: str, known: Iterable[str]) -> str:
    """Return the question whether another name is meant, with a blank after it; nothing where none is like it.

    >>> is_it("tsen", ["local", "umap", "tsne"]), is_it("grid", ["local", "umap"])
    ('Is it tsne? ', '')
    """
    near = difflib.get_close_matches(name[:_LONGEST], known, 1)
    return f"Is it {near[0]}? " if near else ""


def percent(share: float, digits: int = 0) -> str:
    """Return a share of 1 as prose has it.

    >>> percent(0.569), percent(0.569, 1)
    ('57 %', '56.9 %')
    """
    return f"{100 * share:.{digits}f} %"


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with the word for what is counted; `many` is `one` with an s by default.

    >>> counted(1, "row"), counted(1234, "row"), counted(2, "row has", "rows have")
    ('1 row', '1,234 rows', '2 rows have')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


Message = str
"""A message: a `Text`, or a plain one that names no option and no command."""
