"""What advice can name, and what it must not repeat: the run's questions, the table's maps, what was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vecindex.core.questions import Question
from vecindex.verbs.the_map import Digests, MapKind, kind_of, made_for, the_map


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when advice is given.

    Attributes
    ----------
    table : its name.
    questions : the file of questions as it was named, None where it cannot be named again (texts, standard input).
    typed : the question that was typed without a file.
    model : options of the model, and `asking` of the measurement, that a further command must repeat.
    maps : what is stored with each map of the table, under its name, in full; `asked` are the questions.
    columns : names of the table's columns, in small letters.
    worst : the question that keeps least on the map.
    explained : the experiments were run.
    past : the tag at which the table was measured; its maps cannot be changed.
    """

    table: str = "articles"
    questions: str | None = None
    typed: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    asking: Mapping[str, Any] = field(default_factory=dict)
    maps: Mapping[str, Any] = field(default_factory=dict)
    asked: Digests = frozenset()
    columns: frozenset[str] = frozenset()
    worst: Question | None = None
    explained: bool = False
    past: str | None = None

    def newest(self, kind: MapKind) -> str | None:
        """Return the newest map of a kind that was made for these questions; None without any."""
        some = {
            name: about for name, about in self.maps.items() if kind_of(about) is kind and made_for(about, self.asked)
        }
        return the_map(some, self.asked).name if some else None

    def made_by(self, method: str) -> str | None:
        """Return the newest map of all articles that was made here by a method; None without any."""
        some = {
            name: about
            for name, about in self.maps.items()
            if kind_of(about) is MapKind.NEUTRAL and isinstance(about, Mapping) and about.get("method") == method
        }
        return the_map(some).name if some else None

    def free(self, name: str) -> str:
        """Return a name for a new map: this one, or with the first number that makes it free.

        >>> Situation(maps={"map": {}}).free("map"), Situation(columns=frozenset(["map_x"])).free("map")
        ('map_2', 'map_2')
        """
        found, number = name, 1
        while found in self.maps or {f"{found}_x", f"{found}_y"} & self.columns:
            number += 1
            found = f"{name}_{number}"
        return found
