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
from vecindex.verbs.picture.widget.labels import Labels, checked_labels, key_of, packed_labels, unpacked_labels

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
    labels : those given on the page: by column, of each id its label; may be set, which replaces all of them.
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
    labels = traitlets.Dict()
    # In the form of the page's file. Sent before what it may be colored and filtered by.
    _labels = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(self, picture: MapPicture, page: str, name: str) -> None:
        """Take a map, its page and what a screen reader calls it."""
        self.picture = picture
        self._by_id: dict[str, int] | None = None
        none = np.packbits(np.zeros(len(picture), dtype=np.bool_)).tobytes()
        super().__init__(_page=page.encode(), _name=name, color=picture.colorings[0].key, _selected=none)

    def to_arrow(self) -> pa.Table:
        """Return the selected articles: id, title, x, y, and each coloring by categories as a column of texts.

        Labels of the page are columns too; one named like another column is called "NAME (in this page)".
        """
        return self._table(self._selected_rows())

    @property
    def labeled(self) -> Labeled:
        """The articles that have a label of the page, with the columns of `to_arrow`: `labeled.to_pandas()`."""
        return Labeled(self)

    def _table(self, rows: list[int]) -> pa.Table:
        import pyarrow as pa

        shown = self.picture
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
        ids = [shown.ids[row] for row in rows]
        for column, of_column in self.labels.items():
            name = f"{column} (in this page)" if column in columns else column
            columns[name] = pa.array([of_column.get(id) for id in ids], pa.string())
        return pa.table(columns)

    def _labeled_rows(self) -> list[int]:
        return sorted({self._row_of[id] for of_column in self.labels.values() for id in of_column})

    @property
    def _row_of(self) -> dict[str, int]:
        if self._by_id is None:
            self._by_id = {id: row for row, id in enumerate(self.picture.ids)}
        return self._by_id

    def _selected_rows(self) -> list[int]:
        bits = np.frombuffer(self._selected, dtype=np.uint8)
        return [int(row) for row in np.flatnonzero(np.unpackbits(bits, bitorder="little", count=len(self.picture)))]

    def _coloring(self, name: Any) -> Coloring:
        """Return a coloring by its key, or by the name of a field; ConfigError where there is none."""
        found = self.picture.coloring(str(name)) or self.picture.coloring(f"field:{name}")
        if found is None:
            there = ", ".join([*(one.key for one in self.picture.colorings), *map(key_of, self.labels)])
            raise ConfigError(f"The map has no color {name!r} (there is: {there}).")
        return found

    @traitlets.validate("color")
    def _check_color(self, proposal: Any) -> str:
        return self._labels_key(proposal.value) or self._coloring(proposal.value).key

    def _labels_key(self, name: Any) -> str | None:
        """Return the key of a column of labels of the page, by it or by its name; None for what is none."""
        if str(name).startswith("labels:"):
            # The page may color by labels that it is about to send.
            return str(name)
        own = self.picture.coloring(str(name)) or self.picture.coloring(f"field:{name}")
        return key_of(str(name)) if own is None and name in self.labels else None

    @traitlets.validate("filters")
    def _check_filters(self, proposal: Any) -> dict[str, list[Any]]:
        checked: dict[str, list[Any]] = {}
        for name, values in dict(proposal.value).items():
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise ConfigError(f"The filter by {name!r} is a list of values, found {values!r}.")
            key = self._labels_key(name)
            if key is not None:
                checked[key] = list(values)
                continue
            coloring = self._coloring(name)
            checked[coloring.key] = (
                _range(coloring, values) if coloring.kind == "number" else _names(coloring, values)
            )
        return checked

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> tuple[str, ...]:
        wanted = dict.fromkeys(proposal.value)
        missing = [id for id in wanted if id not in self._row_of]
        if missing:
            some = ", ".join(repr(id) for id in missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
            raise ConfigError(
                f"{counted(len(missing), 'id is', 'ids are')} not on the map: {some}.",
                "`picture.ids` are those that are.",
            )
        return tuple(self.picture.ids[row] for row in sorted(self._row_of[id] for id in wanted))

    @traitlets.observe("selection")
    def _send_selection(self, change: Any) -> None:
        mask = np.zeros(len(self.picture), dtype=np.bool_)
        mask[[self._row_of[id] for id in change.new]] = True
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

    @traitlets.validate("labels")
    def _check_labels(self, proposal: Any) -> Labels:
        return checked_labels(proposal.value, self._row_of)

    @traitlets.observe("labels")
    def _send_labels(self, change: Any) -> None:
        # What the page has sent stays as it is: packed again it might differ.
        if unpacked_labels(self._labels, self.picture.ids) != change.new:
            self._labels = packed_labels(change.new, self._row_of)

    @traitlets.validate("_labels")
    def _check_packed(self, proposal: Any) -> dict[str, Any] | None:
        checked_labels(unpacked_labels(proposal.value, self.picture.ids), self._row_of)
        packed: dict[str, Any] | None = proposal.value
        return packed

    @traitlets.observe("_labels")
    def _take_labels(self, change: Any) -> None:
        self.labels = unpacked_labels(change.new, self.picture.ids)


class Labeled(Frames):
    """The articles of a live map that have a label of its page, as a table and as frames."""

    def __init__(self, view: MapView) -> None:
        """Take the map."""
        self._view = view

    def to_arrow(self) -> pa.Table:
        """Return them: id, title, x, y, each coloring by categories and each column of labels as texts."""
        return self._view._table(self._view._labeled_rows())


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
