"""A map in a notebook that answers: color, filters and selection are the same in Python and on its page.

Imported only where anywidget is installed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from vecindex.core.picture import NO_COLOR, Coloring, MapPicture
from vecindex.errors import ConfigError
from vecindex.frames import Frames
from vecindex.messages import counted
from vecindex.reports.page import asset
from vecindex.verbs.picture.fields import days_of

if TYPE_CHECKING:
    import pyarrow as pa

_NAMED = 3
"""Names of what is not there that a message lists."""


class MapView(anywidget.AnyWidget, Frames):
    """A live map. `observe` of any of its traits is called when it changes, here or on the page.

    Attributes
    ----------
    selection : ids of the selected articles, in the order of `picture.ids`; may be set.
    color : key of the coloring; may be set, also to the name of a field.
    filters : by the key of a coloring, or the name of a field, the values that are shown: a list of categories, None
        for articles without one; of numbers and dates (in ISO 8601, or `datetime.date`) the lowest and the highest.
    height : in pixels.
    """

    _esm = "\n" + asset("widget.js")
    _page = traitlets.Bytes().tag(sync=True)
    _name = traitlets.Unicode().tag(sync=True)
    # From the page it comes as a view of the message.
    _selected = traitlets.Bytes().tag(sync=True, from_json=lambda value, _: bytes(value))
    color = traitlets.Unicode().tag(sync=True)
    filters = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(640).tag(sync=True)
    selection = traitlets.Tuple()

    def __init__(self, picture: MapPicture, page: str, name: str) -> None:
        """Take a map, its page and what a screen reader calls it."""
        self.picture = picture
        self._rows: dict[str, int] | None = None
        none = np.packbits(np.zeros(len(picture), dtype=np.bool_)).tobytes()
        super().__init__(_page=page.encode(), _name=name, color=picture.colorings[0].key, _selected=none)

    def to_arrow(self) -> pa.Table:
        """Return the selected articles: id, title, x, y, and each coloring by categories as a column of texts."""
        import pyarrow as pa

        rows, shown = self._selected_rows(), self.picture
        columns: dict[str, Any] = {
            "id": pa.array([shown.ids[row] for row in rows], pa.string()),
            "title": pa.array([shown.titles[row] for row in rows], pa.string()),
            "x": pa.array(shown.xy[rows, 0]),
            "y": pa.array(shown.xy[rows, 1]),
        }
        for one in shown.colorings:
            if one.kind == "category" and one.label not in columns:
                names = [None if code == NO_COLOR else one.names[code] for code in one.codes[rows].tolist()]
                columns[one.label] = pa.array(names, pa.string())
        return pa.table(columns)

    def _selected_rows(self) -> list[int]:
        bits = np.frombuffer(self._selected, dtype=np.uint8)
        return [int(row) for row in np.flatnonzero(np.unpackbits(bits, bitorder="little", count=len(self.picture)))]

    def _coloring(self, name: Any) -> Coloring:
        """Return a coloring by its key, or by the name of a field; ConfigError where there is none."""
        found = self.picture.coloring(str(name)) or self.picture.coloring(f"field:{name}")
        if found is None:
            there = ", ".join(one.key for one in self.picture.colorings)
            raise ConfigError(f"The map has no color {name!r} (there is: {there}).")
        return found

    @traitlets.validate("color")
    def _check_color(self, proposal: Any) -> str:
        # Labels that were given on the page are known there alone.
        if str(proposal.value).startswith("labels:"):
            return str(proposal.value)
        return self._coloring(proposal.value).key

    @traitlets.validate("filters")
    def _check_filters(self, proposal: Any) -> dict[str, list[Any]]:
        checked: dict[str, list[Any]] = {}
        for name, values in dict(proposal.value).items():
            if str(name).startswith("labels:"):
                checked[name] = list(values)
                continue
            coloring = self._coloring(name)
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise ConfigError(f"The filter by {name!r} is a list of values, found {values!r}.")
            checked[coloring.key] = (
                _range(coloring, values) if coloring.kind == "number" else _names(coloring, values)
            )
        return checked

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> tuple[str, ...]:
        wanted = dict.fromkeys(proposal.value)
        if self._rows is None:
            self._rows = {id: row for row, id in enumerate(self.picture.ids)}
        missing = [id for id in wanted if id not in self._rows]
        if missing:
            some = ", ".join(repr(id) for id in missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
            raise ConfigError(
                f"{counted(len(missing), 'id is', 'ids are')} not on the map: {some}.",
                "`picture.ids` are those that are.",
            )
        return tuple(self.picture.ids[row] for row in sorted(self._rows[id] for id in wanted))

    @traitlets.observe("selection")
    def _send_selection(self, change: Any) -> None:
        mask = np.zeros(len(self.picture), dtype=np.bool_)
        if change.new:
            assert self._rows is not None
            mask[[self._rows[id] for id in change.new]] = True
        self._selected = np.packbits(mask, bitorder="little").tobytes()

    @traitlets.validate("_selected")
    def _check_selected(self, proposal: Any) -> bytes:
        bits = bytes(proposal.value)
        if len(bits) != -(-len(self.picture) // 8):
            raise ConfigError(f"A selection has a bit for each of {counted(len(self.picture), 'article')}.")
        return bits

    @traitlets.observe("_selected")
    def _take_selection(self, _change: Any) -> None:
        ids = self.picture.ids
        self.selection = tuple(ids[row] for row in self._selected_rows())


def _names(coloring: Coloring, values: Sequence[Any]) -> list[str | None]:
    wrong = [value for value in values if value is not None and value not in coloring.names]
    if wrong:
        some = ", ".join(repr(value) for value in wrong[:_NAMED])
        raise ConfigError(
            f"{coloring.label} has no value {some} on this map (there is: {', '.join(coloring.names[:20])})."
        )
    return list(values)


def _range(coloring: Coloring, values: Sequence[Any]) -> list[float]:
    try:
        low, high = (_number(coloring, value) for value in values)
        if not low <= high:
            raise ValueError("the first is the lowest")
    except (TypeError, ValueError) as error:
        what = "dates" if coloring.unit == "date" else "numbers"
        raise ConfigError(
            f"The filter by {coloring.label!r} is the lowest and the highest of two {what}, found {list(values)!r}."
        ) from error
    return [low, high]


def _number(coloring: Coloring, value: Any) -> float:
    if coloring.unit == "date" and isinstance(value, dt.date | str):
        return days_of(value if isinstance(value, str) else value.isoformat())
    return float(value)


def in_kernel() -> bool:
    """Return whether this runs in a kernel, to which a notebook listens."""
    import sys

    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def bundle_of(view: MapView, otherwise: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what a notebook shows: the live map, `otherwise` (HTML) where it has no widgets."""
    found: Any = view._repr_mimebundle_()
    data, about = found if isinstance(found, tuple) else (found or {}, {})
    return {**data, "text/html": otherwise}, about
