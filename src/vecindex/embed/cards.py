"""What a model's card (README.md) says of the languages that it is for."""

from __future__ import annotations

from pathlib import Path

from vecindex.embed.encoders import FoundModel
from vecindex.embed.models import ModelFiles

_READ_CHARS = 100_000


def languages_of(found: FoundModel | None) -> tuple[str, ...]:
    """Return the languages that a model's card names, as it writes them ("en", "multilingual"); empty for none."""
    if not isinstance(found, ModelFiles):
        return ()
    return _languages(found.folder / "README.md")


def _languages(card: Path) -> tuple[str, ...]:
    import yaml

    try:
        with card.open(encoding="utf-8") as file:
            head = file.read(_READ_CHARS)
    except (OSError, UnicodeDecodeError):
        return ()
    opening, _, rest = head.partition("---\n")
    settings, closing, _ = rest.partition("\n---")
    if opening.strip() or not closing:
        return ()
    try:
        about = yaml.safe_load(settings)
    except yaml.YAMLError:
        return ()
    named = about.get("language") if isinstance(about, dict) else None
    if isinstance(named, list):
        # YAML reads the code of Norwegian as a false.
        return tuple("no" if one is False else str(one) for one in named)
    return (str(named),) if isinstance(named, str) else ("no",) if named is False else ()
