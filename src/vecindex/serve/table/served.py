"""What the server was started with, and notes that go with its answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vecindex.messages import Message, Text, as_text
from vecindex.options import ModelOptions, checked
from vecindex.serialize import Spell
from vecindex.spelling import CommandLine, JsonApi, LivePage
from vecindex.types import Silent


class Notes(Silent):
    """An observer that keeps notices, to be sent with an answer."""

    def __init__(self, spell: Spell) -> None:
        """Begin without a note; `spell` writes what the notes name."""
        self._spell = spell
        self.lines: list[str] = []

    def notice(self, message: Message) -> None:
        """Keep it."""
        self.lines.append(self._spell(as_text(message)))


@dataclass(frozen=True, slots=True)
class Served:
    """What the server was started with."""

    uri: str
    table: str
    map: str | None = None
    questions: str | None = None
    model: ModelOptions = field(default_factory=lambda: checked(ModelOptions, ModelOptions()))
    rerank: str | None = None
    """The cross-encoder that a search may ask for."""
    annotate: bool = False
    """Whether labels may be stored."""

    def spell_for_page(self, message: Text) -> str:
        """Return a message as the live page shows it, with its own names for what is typed there."""
        return message.spelled(LivePage(given=self._given))

    def spell(self, message: Text) -> str:
        """Return a message as the JSON API writes it; its commands are for the table that is served."""
        return message.spelled(JsonApi(given=self._given))

    def spell_for_readers(self, message: Text) -> str:
        """Return a message of the report, which people read, with options as they type them."""
        return message.spelled(CommandLine("overlap", self._given))

    @property
    def _given(self) -> dict[str, str]:
        return {"db": self.uri, "table": self.table}

    @property
    def questions_name(self) -> str | None:
        """The file of questions, without its folder."""
        return None if self.questions is None else Path(self.questions).name
