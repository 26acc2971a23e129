"""Versions of a table, and the tags that name some of them and keep them readable."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from pathlib import Path

from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, command, text
from vecindex.store.articles import ArticleTable
from vecindex.store.faults import translated


def tags(table: ArticleTable) -> dict[str, int]:
    """Return the version that each tag names, in order of the names."""
    with translated(table.where):
        return {name: int(tag["version"]) for name, tag in sorted(table.lance.tags.list().items())}


def go_to(table: ArticleTable, tag: str) -> None:
    """Read from now on what a tag names; nothing can be written then.

    Raises ConfigError naming the tags when there is no such tag.
    """
    known = tags(table)
    if tag not in known:
        raise ConfigError(
            f"{table.where} has no tag {tag!r} (tags there: {', '.join(known) or 'none'}).",
            text("To make one: ", command("tag", Placeholder("NAME"))),
        )
    with translated(table.where):
        table.lance.checkout(tag)


def put_tag(table: ArticleTable, name: str) -> None:
    """Let a tag name the latest version; one that is there is moved. The caller holds the writer lock."""
    there = name in tags(table)
    with translated(table.where):
        table.lance.checkout_latest()
        store = table.lance.tags
        (store.update if there else store.create)(name, table.lance.version)


def remove_tag(table: ArticleTable, name: str) -> None:
    """Remove a tag; its version goes with a later clean-up. The caller holds the writer lock."""
    with translated(table.where):
        table.lance.tags.delete(name)


def version(table: ArticleTable) -> int:
    """Return the number of the version that is read."""
    with translated(table.where):
        return int(table.lance.version)


def snapshot(table: ArticleTable, folder: Path | None) -> str:
    """Return a name of the version that is read; a table made again under the same name has other ones.

    `folder` is the database's. The name is the version's number and the time of its commit, from the files of a local
    database; of a remote one only the number is known.
    """
    number = version(table)
    if folder is not None:
        kept = folder / f"{table.name}.lance" / "_versions"
        # Lance counts down from 2^64 - 1 in these names; older tables count up.
        for name in (f"{2**64 - 1 - number:020}.manifest", f"{number}.manifest"):
            with suppress(OSError):
                return f"{number}-{(kept / name).stat().st_mtime_ns:x}"
    return str(number)


def versions(table: ArticleTable) -> dict[int, tuple[int, dt.datetime]]:
    """Return the (rows, time of the commit in UTC) of each version that can still be read."""
    with translated(table.where):
        return {
            # LanceDB gives the time in this machine's zone, without saying so.
            int(v["version"]): (int(v["metadata"].get("total_rows", 0)), v["timestamp"].astimezone(dt.UTC))
            for v in table.lance.list_versions()
        }
