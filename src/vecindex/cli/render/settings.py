"""How the settings that hold are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vecindex.cli.layout import out, prose, table

if TYPE_CHECKING:
    from vecindex.cli.settings import Settings


def print_settings(found: Settings) -> None:
    """Print each setting with its value and its source; all others have the defaults that `--help` shows."""
    prose(found.file or "none: there is no vecindex.toml in this folder, and VECINDEX_CONFIG names no file", "file  ")
    rows = [
        [f"{one.command} {one.name}" if one.command else one.name, one.value, one.source] for one in found.settings
    ]
    if rows:
        out()
        table([["setting", "value", "from"], *rows], indent=0)
    out("\nAll others have their defaults, which --help of a command shows.")
    for one in found.unused:
        prose(one, "sets nothing: ")
