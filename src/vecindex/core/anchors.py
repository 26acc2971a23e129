"""What a map is anchored to, as it is kept with the map and told everywhere; and the settings of anchoring."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vecindex.errors import ConfigError

WEIGHTS = (800.0, 400.0, 200.0, 100.0)
ITERATIONS = 60
_HEX = 16


@dataclass(frozen=True, slots=True)
class AnchorSettings:
    """How the questions pull.

    Attributes
    ----------
    weights : of the rounds: the pull between a question and each of its articles, relative to that between nearest
        articles.
    iterations : of each round.
    """

    weights: tuple[float, ...] = WEIGHTS
    iterations: int = ITERATIONS

    def to_dict(self) -> dict[str, str | int]:
        """Return the settings as they are given."""
        return {"weights": ",".join(f"{w:g}" for w in self.weights), "iterations": self.iterations}


def anchor_settings(given: Mapping[str, Any]) -> AnchorSettings:
    """Return the settings: those given, checked, and the defaults of the others. Values may be texts.

    >>> anchor_settings({"weights": "50,20", "iterations": "10"})
    AnchorSettings(weights=(50.0, 20.0), iterations=10)
    """
    known = AnchorSettings().to_dict()
    for name in given:
        if name not in known:
            raise ConfigError(f"Anchoring has no setting {name!r}.", f"It has: {', '.join(known)}.")
    raw = given.get("weights", WEIGHTS)
    try:
        weights = tuple(float(w) for w in (raw.split(",") if isinstance(raw, str) else raw))
        iterations = int(given.get("iterations", ITERATIONS))
    except (TypeError, ValueError):
        weights, iterations = (), 0
    if not weights or not all(0 <= w < float("inf") for w in weights) or iterations < 1:
        raise ConfigError(
            "Anchoring takes weights that are not negative, and at least 1 iteration; found "
            + ", ".join(f"{name}={value}" for name, value in given.items())
            + ".",
            "For example: --set weights=800,400,200,100 --set iterations=60",
        )
    return AnchorSettings(weights, iterations)


def text_digest(text: str) -> str:
    """Return what a question's text is known by, whatever model reads it: case and white space do not count.

    >>> text_digest("What is  DNA?") == text_digest("what is dna?")
    True
    """
    return hashlib.blake2b(" ".join(text.casefold().split()).encode(), digest_size=_HEX // 2).hexdigest()


def set_digest(digests: Iterable[str]) -> str:
    """Return what a set of questions is known by, in whatever order they come."""
    return hashlib.blake2b(" ".join(sorted(digests)).encode(), digest_size=_HEX).hexdigest()


def anchored_to(about: Any) -> str | None:
    """Return what a map is anchored to, from what is kept with it; None for a map that is not.

    >>> anchors = {"files": [{"name": "a.jsonl"}, {"name": "b.csv"}], "questions": 12}
    >>> anchored_to({"anchored": True, "anchors": anchors})
    'anchored to a.jsonl, b.csv (12 questions)'
    >>> anchored_to({"anchored": True}), anchored_to({"anchored": False})
    ('anchored', None)
    """
    if not isinstance(about, Mapping) or not about.get("anchored"):
        return None
    told = about.get("anchors")
    if not isinstance(told, Mapping) or not isinstance(told.get("files"), list):
        return "anchored"
    names = [str(file.get("name")) for file in told["files"] if isinstance(file, Mapping)]
    count = told.get("questions")
    questions = "" if not isinstance(count, int) else f" ({count:,} question{'' if count == 1 else 's'})"
    return f"anchored to {', '.join(names)}{questions}"


def told_with_questions(about: Any, texts: Iterable[str]) -> Any:
    """Return what is kept with a map, for a measurement by these questions: the long lists left out, a note put in.

    The note stands under "anchored_note" when the map was anchored to some of these questions.

    >>> about = {"anchored": True, "anchors": {"files": [], "questions": 1, "digests": [text_digest("Why?")]}}
    >>> told_with_questions(about, ["why?", "How?"])["anchored_note"][:48]
    '1 of these 2 questions were anchored on this map'
    """
    if not isinstance(about, Mapping) or not isinstance(about.get("anchors"), Mapping):
        return about
    anchors = dict(about["anchors"])
    known = set(anchors.pop("digests", None) or [])
    anchors.pop("ids", None)
    asked = [text_digest(text) for text in texts]
    met = sum(digest in known for digest in asked)
    found = {**about, "anchors": anchors}
    if met:
        which = "These questions were" if met == len(asked) else f"{met:,} of these {len(asked):,} questions were"
        found["anchored_note"] = (
            f"{which} anchored on this map: its overlap is a constraint of the layout, and no evidence of the map's "
            "quality."
        )
    return found
