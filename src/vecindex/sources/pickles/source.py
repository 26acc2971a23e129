"""The old program's pickles, imported without embedding anything again.

Location: "wikipedia_embeddings.pkl item 7", counted from 0.

Three files, in one folder or its `embeddings` folder; each is read by `unpickle`, which runs no code of it.

`wikipedia_embeddings.pkl` (or any one pickle named by itself) holds one of
  (a) a dict with an (n, d) array under embeddings or vectors, and n ids under ids, article_ids or
      processed_ids, or n dicts or ids under articles; titles and texts may hold n values more,
  (b) a dict of id -> vector, or of id -> dict with an embedding,
  (c) a list of dicts with id, title, text and embedding (or vector),
  (d) a bare (n, d) array, whose ids are the registry's, in its order.
`article_registry.pkl` gives titles and texts that the first file lacks: a dict of id -> dict, id -> title or
id -> position, or a list of ids or of dicts. Its ids without a vector are not rows.
`current_checkpoint.pkl` is (a), (b) or (c), and its rows that the first file lacks are added; or it is a progress
mark, a dict in which nothing is a vector (more than one number, of one length where there are several) or holds
one, and adds nothing, which a notice says.

Fields: id, title and text where known, the dicts' other values, and `vector`. Pickles are the one format that
is not streamed: a pickle can only be read whole, so a file over 4 GiB is refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from vecindex.errors import SourceError
from vecindex.sources.base import Notice, Record
from vecindex.sources.files import InputFile
from vecindex.sources.formats import Files, FolderReader, ReadOptions, SourceFormat
from vecindex.sources.pickles.shapes import Row, array_rows, is_progress_mark, registry_rows, table_rows
from vecindex.sources.pickles.unpickle import MAX_PICKLE_BYTES, as_array, check_opcodes, load_pickle
from vecindex.types import Rejected

EMBEDDINGS_NAME = "wikipedia_embeddings.pkl"
REGISTRY_NAME = "article_registry.pkl"
CHECKPOINT_NAME = "current_checkpoint.pkl"


@dataclass(frozen=True, slots=True)
class PicklesSource:
    """Old pickles. Of the three, `embeddings` or `checkpoint` must be there."""

    name: str
    embeddings: InputFile | None = None
    registry: InputFile | None = None
    checkpoint: InputFile | None = None
    notice: Notice = lambda _: None

    @property
    def files(self) -> list[InputFile]:
        """The files that it reads."""
        return [file for file in (self.embeddings, self.registry, self.checkpoint) if file is not None]

    def count_hint(self) -> int | None:
        # It would have to be loaded, whole.
        return None

    def read(self) -> Iterator[Record | Rejected]:
        """Yield one Record per vector.

        Raises SourceError when a file asks for code, is in none of the shapes above, or the numbers of ids
        and vectors disagree.
        """
        known = registry_rows(_load(self.registry), self.registry.name) if self.registry else {}
        seen: set[str] = set()
        for file in (self.embeddings, self.checkpoint):
            if file is None:
                continue
            for i, row in enumerate(self._rows(file, known)):
                key = str(row["id"])
                if file is self.checkpoint and key in seen:
                    continue
                seen.add(key)
                # An id keeps the type it has with its vector; both become the same text in the end.
                given = {field: value for field, value in row.items() if value is not None}
                yield Record(f"{file.name} item {i}", {**known.get(key, {}), **given})

    def _rows(self, file: InputFile, known: dict[str, Row]) -> list[Row]:
        value = _load(file)
        if as_array(value) is not None:
            if self.registry is None:
                raise SourceError(
                    f"{file.name}: found vectors without ids, expected {REGISTRY_NAME} next to them",
                    "Name the folder that holds both files.",
                )
            ids = [row["id"] for row in known.values()]
            return array_rows(value, ids, f"{file.name} and {self.registry.name}")
        if file is self.checkpoint and is_progress_mark(value):
            self.notice(f"{file.name}: holds no vectors; nothing is taken from it")
            return []
        return table_rows(value, file.name)


def _open_file(file: InputFile, options: ReadOptions) -> PicklesSource:
    return PicklesSource(file.name, embeddings=file, notice=options.notice)


def _open_folder(name: str, files: Files, _: int, options: ReadOptions) -> tuple[PicklesSource, list[str]]:
    found = dict(files())

    def find(base_name: str) -> InputFile | None:
        return found.get(base_name) or found.get(f"embeddings/{base_name}")

    embeddings, checkpoint = find(EMBEDDINGS_NAME), find(CHECKPOINT_NAME)
    if embeddings is None and checkpoint is None:
        raise SourceError(
            f"{name}: found pickles, but neither {EMBEDDINGS_NAME} nor {CHECKPOINT_NAME}",
            "Name the pickle that holds the vectors itself.",
        )
    source = PicklesSource(name, embeddings, find(REGISTRY_NAME), checkpoint, notice=options.notice)
    return source, [inside for inside, file in found.items() if file not in source.files]


FORMAT = SourceFormat(
    (".pkl", ".pickle"), _open_file, is_table=False, folder=FolderReader("old pickles", _open_folder)
)


def _load(file: InputFile) -> Any:
    size = file.size_bytes()
    if size is not None and size > MAX_PICKLE_BYTES:
        raise _too_long(file.name, f"{size:,}")
    # Read twice: what is asked for is looked at before anything is made of it.
    with file.open() if file.stream is None else file.open_seekable() as stream:
        check_opcodes(io.BufferedReader(_Bounded(stream, file.name)), file.name)
        if file.stream is not None:
            stream.seek(0)
            return load_pickle(io.BufferedReader(_Bounded(stream, file.name)), file.name)
    with file.open() as stream:
        return load_pickle(io.BufferedReader(_Bounded(stream, file.name)), file.name)


class _Bounded(io.RawIOBase):
    """A stream of unpacked bytes that ends with an error where a pickle is too long."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name, self._left = stream, name, MAX_PICKLE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        self._left -= len(piece)
        if self._left < 0:
            raise _too_long(self._name, f"more than {MAX_PICKLE_BYTES:,}")
        return len(piece)


def _too_long(name: str, found: str) -> SourceError:
    return SourceError(
        f"{name}: found a pickle of {found} bytes, expected at most {MAX_PICKLE_BYTES:,}",
        "Write its rows as JSON lines or Parquet, which are streamed.",
    )
