"""Labels that the page, or a program, gives articles: the one thing that the server writes, where it may."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, cast

import numpy as np

from vecindex.core.limits import unlimited
from vecindex.errors import ConfigError
from vecindex.messages import command, counted, option, text
from vecindex.serve import models
from vecindex.serve.answers import Refused
from vecindex.serve.table.live import Live
from vecindex.store.database import Database
from vecindex.verbs.upkeep.annotate import annotate
from vecindex.verbs.upkeep.options import AnnotateOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG = "before-labels"
"""Names the table as it was before the last label, so that this can be undone."""
_WAIT_S = 3.0


def annotated(live: Live, asked: models.AnnotateAsked) -> models.Annotated:
    """Store a label with articles, or undo the last one.

    Raises Refused (403) on a server that was not started for it, ConfigError, LockedError and other StoreErrors.
    """
    served = live.served
    if not served.annotate:
        raise Refused(
            403,
            "This server only reads.",
            text("Start it so that it may store labels: ", command("serve", allow_annotate=True)),
        )
    # The request's time may end, but not half of its work.
    with unlimited():
        before, _ = live.latest()
        options: AnnotateOptions = {"column": asked.column, "wait": _WAIT_S}
        ids: Sequence[str] = ()
        if asked.undo is not None:
            if asked.model_fields_set - {"undo", "column", "map"}:
                raise ConfigError("To undo is all of a request.", 'For example: {"undo": 12, "column": "label"}')
            options["restore"] = TAG
        else:
            given = {"label": asked.label, "where": asked.where, "clear": asked.clear, "tag": TAG}
            options = cast("AnnotateOptions", {**options, **given})
            ids = _ids(live, asked)
        # A connection of its own: how long it waits is no matter of the others.
        database = Database(served.uri)
        report = annotate(database, served.table, ids, options, version=asked.undo)
        edition, table = live.latest()
        base = asked.undo if asked.undo is not None else table.tags().get(TAG)
        same = table.version == report.version and live.relabeled(before, base, edition, report.column)
    return models.Annotated(
        edition=edition,
        version=report.version,
        column=report.column,
        label=report.label,
        articles=report.articles,
        rows=report.rows,
        not_found=list(report.not_found),
        tag=TAG,
        same_rows=same and asked.edition in (None, before),
    )


def _ids(live: Live, asked: models.AnnotateAsked) -> Sequence[str]:
    """Return the ids that a request names, one by one or by a mask."""
    if asked.mask is None:
        if not asked.ids and asked.where is None:
            ways = text("Give ", option("ids"), ", ", option("where"), ", or a mask with its map.")
            raise ConfigError("No articles are named.", ways)
        return asked.ids or ()
    if asked.ids or asked.where is not None or asked.map is None:
        raise ConfigError(
            "A mask goes with the map that it is of, without ids and a condition.",
            'For example: {"label": "to read", "map": "map", "mask": "AQ=="}',
        )
    at = live.snapshot(asked.edition)
    shown = live.shown(at, asked.map)
    if asked.shown not in (None, len(shown.rows)):
        # Up to seven more or less have as many bytes.
        there = f"{counted(asked.shown, 'row')}, map {asked.map!r} has {counted(len(shown.rows), 'row')}"
        raise Refused(409, f"The mask is of {there}.", "Read the map again: reload the page.")
    try:
        bits = np.frombuffer(base64.b64decode(asked.mask, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"The mask is no base64: {error}.") from error
    if len(bits) != -(-len(shown.rows) // 8):
        there = f"{counted(len(bits), 'byte')}, map {asked.map!r} has {counted(len(shown.rows), 'row')}"
        raise ConfigError(f"The mask has {there}.", "A bit for each row, in the order of the map's sections.")
    mask = np.unpackbits(bits, bitorder="little")[: len(shown.rows)].astype(np.bool_)
    return cast("Sequence[str]", at.loaded.reader.ids.take(shown.rows[mask]).to_pylist())
