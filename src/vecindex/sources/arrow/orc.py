"""ORC. Location: "part-3.orc row 7"; memory holds one stripe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from vecindex.sources.arrow.files import _ArrowFile
from vecindex.sources.formats import SourceFormat


class OrcSource(_ArrowFile):
    """An ORC file."""

    def _batches(self, stack: ExitStack) -> Iterator[Any]:
        from pyarrow import orc

        file = orc.ORCFile(stack.enter_context(self.file.open_seekable()))
        for stripe in range(file.nstripes):
            yield file.read_stripe(stripe)

    def count_hint(self) -> int | None:
        return None

    def _format(self) -> str:
        return "ORC"


FORMAT = SourceFormat((".orc",), lambda file, options: OrcSource(file, options.vector_field))
