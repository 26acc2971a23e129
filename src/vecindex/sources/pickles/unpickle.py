"""Reads a pickle that may be hostile: containers, numbers, text, dates and numpy arrays, and nothing else.

A pickle is a program that may name any function. Here every name is looked up in one table, and one that is
not in it ends the reading before anything was called. numpy's own functions are not called either: stand-ins
of this module build the arrays from their bytes, so that a forged dtype or shape meets numpy's checked
`frombuffer`. Arrays of Python objects are refused.

What remains is memory: a pickle can ask for much more than its size. So this is for a file of one's own that
might have been swapped, within `MAX_PICKLE_BYTES`, not for a service that reads strangers' uploads.
"""

from __future__ import annotations

import collections
import datetime
import io
import math
import pickle
import pickletools
import re
import struct
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from vecindex.errors import SourceError

MAX_PICKLE_BYTES = 4 << 30

_REMEMBERING = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_MEMO_SLACK = 1 << 20

_DTYPE = re.compile(r"[<>|=]?(?:[fiu][1248]|b1|\?|[SU][0-9]{1,6})")


class Refused(Exception):
    """The pickle asks for something that is not admitted."""


class StoredArray:
    """A pickled array; `array` once its state was read."""

    array: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, is_fortran, data = state
        if not isinstance(data, bytes | bytearray):
            raise Refused("an array of Python objects")
        self.array = _array(data, dtype, shape, "F" if is_fortran else "C")


class _StoredDtype:
    def __init__(self, name: Any, align: Any = False, copy: Any = False) -> None:
        if not isinstance(name, str) or not _DTYPE.fullmatch(name):
            raise Refused(f"an array of dtype {name!r}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: Any) -> None:
        # (version, byte order, subdtype, names, fields, size, alignment, flags); size matters for text only.
        order, parts, size = state[1], state[2:5], state[5]
        if any(part is not None for part in parts) or order not in ("<", ">", "|", "="):
            raise Refused("an array of structured dtype")
        if self.dtype.kind in "SU" and size >= 0 and size != self.dtype.itemsize:
            raise Refused(f"a text dtype of {size} bytes")
        self.dtype = self.dtype.newbyteorder(order)


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
    if not isinstance(dtype, _StoredDtype) or not isinstance(data, bytes | bytearray | memoryview):
        raise Refused("an array that is not made of plain bytes")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not all(isinstance(size, int) and size >= 0 for size in shape) or order not in ("C", "F", "A"):
        raise Refused(f"an array of shape {shape}")
    if math.prod(shape) * dtype.dtype.itemsize != len(data):
        raise Refused(f"an array of shape {shape} in {len(data):,} bytes")
    return np.frombuffer(data, dtype.dtype).reshape(shape, order="F" if order == "F" else "C")


def _reconstruct(*_: Any) -> StoredArray:
    return StoredArray()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> StoredArray:
    stored = StoredArray()
    stored.array = _array(data, dtype, shape, order)
    return stored


def _scalar(dtype: Any, data: Any) -> Any:
    return _array(data, dtype, (), "C").item()


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Stand in for _codecs.encode, with which pickles below protocol 3 write bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused(f"_codecs.encode with {encoding!r}")
    return text.encode("latin-1")


def _bytes(*arguments: Any) -> bytes:
    # bytes(10**12) would fill the memory.
    if not arguments:
        return b""
    if isinstance(arguments[0], str):
        return _encode(*arguments)
    if not isinstance(arguments[0], bytes | bytearray | list | tuple):
        raise Refused("bytes of a given length")
    return bytes(arguments[0])


def _bytearray(*arguments: Any) -> bytearray:
    return bytearray(_bytes(*arguments))


class _Fixed:
    """A callable that the pickle may call and cannot alter, as its BUILD opcode alters anything else."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise Refused("a change to one of the reader's own functions")


_NDARRAY = object()
"""Stands for numpy.ndarray, which is only ever named, as an argument of `_reconstruct`."""

_BUILTINS: dict[str, Any] = {kind.__name__: kind for kind in (dict, list, tuple, set, frozenset)}
_BUILTINS |= {kind.__name__: kind for kind in (str, int, float, bool)}
_BUILTINS |= {"bytes": _Fixed(_bytes), "bytearray": _Fixed(_bytearray), "unicode": str, "long": int}

_ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): collections.defaultdict,
    ("_codecs", "encode"): _Fixed(_encode),
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Fixed(_StoredDtype),
}
for _module in ("builtins", "__builtin__"):
    _ADMITTED |= {(_module, name): kind for name, kind in _BUILTINS.items()}
for _name in ("datetime", "date", "time", "timedelta", "timezone"):
    _ADMITTED["datetime", _name] = getattr(datetime, _name)
for _core in ("numpy.core", "numpy._core"):
    _ADMITTED[f"{_core}.multiarray", "_reconstruct"] = _Fixed(_reconstruct)
    _ADMITTED[f"{_core}.multiarray", "scalar"] = _Fixed(_scalar)
    _ADMITTED[f"{_core}.numeric", "_frombuffer"] = _Fixed(_from_buffer)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ADMITTED:
            return _ADMITTED[module, name]
        if module == "numpy.dtypes" and name.endswith("DType"):
            # Newer numpy may name a dtype's class: numpy.dtypes.Float32DType() is numpy.dtype("float32").
            return _Fixed(lambda *_: _dtype_of_class(name))
        raise Refused(f"the global {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise Refused("an object outside the file")


def _dtype_of_class(name: str) -> _StoredDtype:
    kind = getattr(np, name.removesuffix("DType").lower().replace("bool", "bool_"), None)
    if not (isinstance(kind, type) and issubclass(kind, np.number | np.bool_)):
        raise Refused(f"the global numpy.dtypes.{name}")
    return _StoredDtype(np.dtype(kind).str)


class _Forward:
    """A stream that is only read on: `genops` asks every other one where it stands."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self.read, self.readline = stream.read, stream.readline


def check_opcodes(stream: io.BufferedReader, name: str) -> None:
    """Look at what a pickle asks for, and make nothing of it.

    Raises SourceError for one that remembers a value under a number far beyond those before it: a list of that
    length would be made, 34 GB for 9 bytes. Other faults are found by `load_pickle`.
    """
    remembered = 0
    try:
        for opcode, argument, _ in pickletools.genops(cast("Any", _Forward(stream))):
            if opcode.name in _REMEMBERING:
                remembered += 1
                if isinstance(argument, int) and argument > _MEMO_SLACK + 2 * remembered:
                    raise SourceError(
                        f"{name}: refused: the pickle asks for memory for {argument:,} values, and holds few; no "
                        "code of it was run",
                        "Write the rows as JSON lines or Parquet in the program that wrote it.",
                    )
    except (ValueError, TypeError, OverflowError, MemoryError, struct.error):
        return


def load_pickle(stream: io.BufferedReader, name: str) -> Any:
    """Return the pickled value, arrays as `StoredArray`; use `as_array` on them.

    Raises SourceError when the file is no pickle, is truncated, or asks for anything that is not admitted.
    """
    try:
        return _Unpickler(stream).load()
    except Refused as error:
        raise SourceError(
            f"{name}: refused: the pickle holds {error}; no code of it was run",
            "Only containers, numbers, text, dates and numpy arrays of numbers are read. In the program that "
            "wrote it, write the rows as JSON lines or Parquet.",
        ) from error
    except (
        pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
        OverflowError, MemoryError, RecursionError, struct.error,
    ) as error:  # fmt: skip
        raise SourceError(
            f"{name}: cannot be read as a pickle: {type(error).__name__}: {error}",
            "Check that the file is whole, and that it is a pickle.",
        ) from error


def as_array(value: Any) -> np.ndarray[Any, Any] | None:
    """Return the array that a value of `load_pickle` is, or None."""
    return value.array if isinstance(value, StoredArray) else None
