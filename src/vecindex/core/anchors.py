"""What a map is anchored to, as it is stored with the map and shown everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any


def text_digest(text: str) -> str:
    """Return what a question's text is known by, whatever model reads it: case and white space do not count.

    >>> text_digest("What is  DNA?") == text_digest("what is dna?")
    True
    """
    return hashlib.blake2b(" ".join(text.casefold().split()).encode(), digest_size=8).hexdigest()


def set_digest(digests: Iterable[str]) -> str:
    """Return what a set of questions is known by, in whatever order they come."""
    return hashlib.blake2b(" ".join(sorted(digests)).encode(), digest_size=16).hexdigest()


def anchored_to(about: Any) -> str | None:
    """Return what a map is anchored to, from what is stored with it; None for a map that is not.

    >>> anchors = {"files": [{"name": "a.jsonl"}, {"name": "b.csv"}], "questions": 12}
    >>> anchored_to({"anchored": True, "anchors": anchors})
    'anchored to a.jsonl, b.csv (12 questions)'
    >>> anchored_to({"anchored": True}), anchored_to({"anchored": False})
    ('anchored', None)
    """
    if not isinstance(about, Mapping) or not about.get("anchored"):
        return None
    anchors = about.get("anchors")
    if not isinstance(anchors, Mapping) or not isinstance(anchors.get("files"), list):
        return "anchored"
    names = [str(file.get("name")) for file in anchors["files"] if isinstance(file, Mapping)]
    count = anchors.get("questions")
    questions = "" if not isinstance(count, int) else f" ({count:,} question{'' if count == 1 else 's'})"
    return f"anchored to {', '.join(names)}{questions}"


def anchored_share(about: Any, whose: str) -> float | None:
    """Return the mean overlap that is stored with an anchored map, of "unanchored" or "held_out"; None without it.

    >>> anchored_share({"anchors": {"held_out": {"overlap": {"mean": 0.5}}}}, "held_out")
    0.5
    """
    for key in ("anchors", whose, "overlap", "mean"):
        about = about.get(key) if isinstance(about, Mapping) else None
    return float(about) if isinstance(about, int | float) else None


def anchored_k(about: Any) -> int | None:
    """Return of how many nearest articles the overlap is that is stored with an anchored map; None without it.

    >>> anchored_k({"anchors": {"k": 5}}), anchored_k({})
    (5, None)
    """
    anchors = about.get("anchors") if isinstance(about, Mapping) else None
    found = anchors.get("k") if isinstance(anchors, Mapping) else None
    return found if isinstance(found, int) else None


def about_with_questions(about: Any, texts: Iterable[str]) -> Any:
    """Return what is stored with a map, for a measurement by these questions: without the long lists, with a note.

    The note is under "anchored_note" when the map was anchored to some of these questions.

    >>> about = {"anchored": True, "anchors": {"files": [], "questions": 1, "digests": [text_digest("Why?")]}}
    >>> about_with_questions(about, ["why?", "How?"])["anchored_note"][:48]
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
