"""What the tables that a database keeps next to the articles have in common."""

from __future__ import annotations

from typing import Any, Protocol


class Tables(Protocol):
    """What an auxiliary table needs of its database."""

    uri: str

    @property
    def connection(self) -> Any:
        """The LanceDB connection."""
        ...

    def has(self, name: str) -> bool:
        """Return whether there is a table of that name."""
        ...


class AuxiliaryTable:
    """A table that is made when it gets its first row; until then it reads as empty."""

    def __init__(self, database: Tables, name: str) -> None:
        """Take the database and the table's name; nothing is opened yet."""
        self._database = database
        self.name = name
        self.where = f"{database.uri}/{name}"

    def exists(self) -> bool:
        """Return whether the table was made."""
        return self._database.has(self.name)

    def _open(self) -> Any:
        return self._database.connection.open_table(self.name)
