"""How many articles of a map are laid out: all, as many as the user says, or as many as the memory allows for."""

from __future__ import annotations

from vecindex.errors import ConfigError
from vecindex.messages import counted, option, text
from vecindex.types import Observer
from vecindex.verbs.bounds import allowed_bytes, held_bytes, in_words
from vecindex.verbs.map_rows import MapRows
from vecindex.verbs.project.forecast import (
    BARE_ROW_BYTES,
    BLOCK_BYTES,
    ROW_BYTES,
    bytes_by_sample,
    fixed_bytes,
)
from vecindex.verbs.project.options import ProjectOptions

LEAST_LAID_OUT = 1_000
"""Fewer articles say nothing of how the others lie."""


def laid_out_rows(options: ProjectOptions, rows: MapRows, has_graph: bool, observer: Observer) -> int | None:
    """Return how many articles are laid out as the options say, None for all: as many as the memory allows for.

    `has_graph` says whether the method looks at neighbors, whose graph is in memory.

    Raises ConfigError where it allows for too few, or for fewer than the user says.
    """
    n, d, size = len(rows), rows.table.fingerprint.dimension, options["layout_rows"]
    allowed = allowed_bytes(options["memory"])
    row_bytes = 4 * d + (ROW_BYTES if has_graph else BARE_ROW_BYTES)
    all_of_them = held_bytes() + round(fixed_bytes(n) + row_bytes * n)
    if size is not None:
        needed = held_bytes() + bytes_by_sample(size, n, d) if size < n else all_of_them
        if allowed is not None and needed > allowed:
            raise ConfigError(
                text(
                    option("layout_rows", size),
                    f" takes about {in_words(needed)} of memory; ",
                    option("memory", options["memory"]),
                    " allows less.",
                ),
                text("Give one of the two: ", option("memory"), " alone lays out as many as it allows for."),
            )
        return size if size < n else None
    if allowed is None or all_of_them <= allowed:
        return None
    fitting = int((allowed - held_bytes() - bytes_by_sample(0, n, d) - BLOCK_BYTES) / (4 * d + ROW_BYTES))
    if fitting < LEAST_LAID_OUT:
        least = round(min(all_of_them, held_bytes() + BLOCK_BYTES + bytes_by_sample(LEAST_LAID_OUT, n, d)))
        raise ConfigError(
            text(
                f"A map of {counted(n, 'article')} takes at least {in_words(least)}; ",
                option("memory"),
                " allows less.",
            ),
            text("Allow more: ", option("memory", f"{-(-least // 10**9)}GB")),
        )
    # Two digits: what a process holds differs a little from run to run.
    step = int(10 ** max(0, len(str(fitting)) - 2))
    size = min(n - 1, fitting // step * step)
    observer.notice(
        f"a map of all {counted(n, 'article')} takes about {in_words(all_of_them)} of memory, more than is allowed: "
        f"{size:,} of them are laid out, and the others are placed among them"
    )
    return size
