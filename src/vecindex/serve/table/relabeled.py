"""A picture of a map after labels were given: all of it stays but the color of these labels."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import NO_ROW
from vecindex.core.picture import Extent
from vecindex.serve.table.kept_maps import Drawn
from vecindex.verbs.overlap.live import LoadedTable
from vecindex.verbs.picture.fields import field_readers


def relabeled(
    header: dict[str, Any],
    sections: dict[str, bytes],
    extent: Extent,
    on_map: npt.NDArray[np.int64],
    loaded: LoadedTable,
    column: str,
) -> Drawn:
    """Return a picture with the labels of `column` as the table has them now.

    Parameters
    ----------
    header, sections, extent : of the picture of the version before.
    on_map : (rows,) row in the sections of each row of the table, NO_ROW off the map.
    loaded : the version with the labels.
    """
    key = f"field:{column}"
    coloring = None
    if column in loaded.table.schema.names:
        (reader,) = field_readers(loaded.table, [column], int((on_map != NO_ROW).sum())).values()
        for rows, batch in loaded.reader.batches(["id", column]):
            reader.add(on_map[rows], batch.column(column))
        coloring = reader.result()
    there = list(header["colorings"])
    at = next((i for i, one in enumerate(there) if one["key"] == key), len(there))
    sizes, packed = dict(header["sections"]), dict(sections)
    name = f"color:{key}"
    if coloring is None:
        there[at : at + 1] = []
        sizes.pop(name, None)
        packed.pop(name, None)
    else:
        codes = coloring.codes.astype(np.uint8).tobytes()
        there[at : at + 1] = [coloring.to_dict()]
        sizes[name], packed[name] = {"bytes": len(codes)}, gzip.compress(codes, 2, mtime=0)
    return Drawn({**header, "version": loaded.table.version, "colorings": there, "sections": sizes}, packed, extent)
