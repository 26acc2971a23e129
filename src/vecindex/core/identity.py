"""What makes a row the same row, and a vector the same vector. Decided here and nowhere else."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from json.encoder import encode_basestring_ascii
from typing import Any

import numpy as np

from vecindex.core.vectors import F32
from vecindex.types import Fingerprint

_SEPARATOR = ":"
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_PLAIN = {written: plain for plain, written in _ESCAPES.items()}
_ESCAPED = re.compile(r"\\(?:[\\'tnr]|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
# Made once: `json.dumps` with options of its own makes an encoder at every call, a third of a hash's time.
_JSON = json.JSONEncoder(sort_keys=True, default=str, ensure_ascii=True)


def content_hash(embed_text: str, title: str | None, text: str, extra: Mapping[str, Any], vector: bytes = b"") -> str:
    """Return the hash of all that a row stores, as "<16 hex digits>:<16 hex digits>".

    The first half covers what makes the vector: the text that the model reads, or the bytes of a precomputed vector.
    The second covers the stored title, text and the user's fields, in any order. So a row whose first half is
    unchanged keeps its vector. Each half is a 64-bit BLAKE2b digest.

    >>> a = content_hash("t", None, "t", {"year": 1})
    >>> a == content_hash("t", None, "t", {"year": 1}), a == content_hash("t", None, "t", {"year": 2})
    (True, False)
    >>> a.split(":")[0] == content_hash("t", None, "t", {"year": 2}).split(":")[0]
    True
    """
    read = hashlib.blake2b(embed_text.encode() + b"\0" + vector, digest_size=8).hexdigest()
    # JSON escapes separate the parts, so that no two different rows give the same string.
    quoted = "null" if title is None else encode_basestring_ascii(title)
    kept = f"[{quoted}, {encode_basestring_ascii(text)}, {_JSON.encode(extra) if extra else '{}'}]"
    return read + _SEPARATOR + hashlib.blake2b(kept.encode(), digest_size=8).hexdigest()


def content_digests(
    embed_texts: Iterable[str],
    titles: Iterable[str | None],
    texts: Iterable[str],
    extra: Mapping[str, Sequence[Any]],
    vectors: F32 | None = None,
) -> bytes:
    """Return the hashes of rows given as columns, as `content_hash` has them: 16 bytes a row, one after another.

    `extra` are columns of values that JSON has, or dates; `vectors` (n, d).

    >>> found = content_digests(["t"], [None], ["t"], {"year": [1]}).hex()
    >>> f"{found[:16]}:{found[16:]}" == content_hash("t", None, "t", {"year": 1})
    True
    """
    read: Iterable[bytes] = (text.encode() + b"\0" for text in embed_texts)
    if vectors is not None:
        together, size = vectors.tobytes(), vectors.shape[1] * vectors.itemsize
        read = (one + together[at : at + size] for one, at in zip(read, count(0, size)))
    # The keys in the order of `_JSON`, each with what stands around its value.
    names = sorted(extra)
    form = "[{}, {}, {{" + ", ".join(
        encode_basestring_ascii(n).replace("{", "{{").replace("}", "}}") + ": {}" for n in names
    )
    kept = map(
        (form + "}}]").format,
        _quoted(titles),
        map(encode_basestring_ascii, texts),
        *(_quoted(extra[n]) for n in names),
    )
    digest = partial(hashlib.blake2b, digest_size=8)
    return b"".join(
        part
        for one, other in zip(read, kept, strict=True)
        for part in (digest(one).digest(), digest(other.encode()).digest())
    )


def _quoted(values: Iterable[Any]) -> Iterator[str]:
    """Yield values as JSON."""
    for value in values:
        if type(value) is str:
            yield encode_basestring_ascii(value)
        else:
            yield "null" if value is None else _JSON.encode(value)


def content_id(fields: Mapping[str, Any]) -> str:
    """Return an id made of what a row holds, in any order: 24 hex digits.

    Numbers count as they are written and missing values as empty ones, so that a CSV file and a Parquet file of the
    same rows give the same ids.

    >>> content_id({"a": 1, "b": None}) == content_id({"b": "", "a": "1"})
    True
    """
    # Fields without a value are those of other rows: a CSV file has them, JSON lines may not.
    written = {name: value if isinstance(value, list | dict) else str(value) for name, value in fields.items()}
    kept = {name: value for name, value in written.items() if fields[name] is not None and value != ""}
    return hashlib.blake2b(_JSON.encode(kept).encode(), digest_size=12).hexdigest()


def question_hash(text: str, stored: Fingerprint, prompt: str | None) -> str:
    """Return the hash of all that makes a question's vector, 32 hex digits: the text, the prompt and the model.

    Of the fingerprint counts what reads a question: how articles are split and put together does not. `prompt` is
    the text itself, None where it is not known. Equal weights make the model's name and revision irrelevant.
    """
    model = stored.weights if stored.weights != "unknown" else f"{stored.model}@{stored.revision}"
    parts = [model, stored.dimension, stored.pooling, stored.max_tokens, stored.normalized, prompt, text]
    return hashlib.blake2b(json.dumps(parts, ensure_ascii=True).encode(), digest_size=16).hexdigest()


def vector_hashes(vectors: F32) -> list[str]:
    """Return the hash of each vector (n, d) float32, 16 hex digits: BLAKE2b of its little-endian bytes.

    One flipped bit gives another hash.

    >>> vector_hashes(np.array([[1, 0], [0, 1]], dtype=np.float32))
    ['df4e805ee0cb245f', '96d78f629c4c98cf']
    """
    whole = np.ascontiguousarray(vectors, dtype="<f4")
    return [hashlib.blake2b(row, digest_size=8).hexdigest() for row in whole]


def same_text(left: str, right: str) -> bool:
    """Return whether two content hashes stand for the same text as read by the model."""
    return left.split(_SEPARATOR)[0] == right.split(_SEPARATOR)[0]


def id_digest(row_id: str) -> bytes:
    """Return the 16-byte BLAKE2b digest of an id.

    At 10 million ids the chance that any two share a digest is about 1e-25.
    """
    # A name of a file that is no UTF-8 is an id that no table holds, but it is counted and compared as any other.
    return hashlib.blake2b(row_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _escaped(character: str) -> str:
    code = ord(character)
    # A byte of its own is one of UTF-8 from 0x80 on.
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def written_id(row_id: str) -> str:
    r"""Return an id on one line, as a shell reads it back.

    One with characters that cannot be seen (controls, outer blanks, several blanks in a row) is written as bash and
    zsh do, $'...'; all others stay as they are.

    >>> written_id("wiki 12"), written_id(" a"), written_id("a\tb\'c")
    ('wiki 12', "$' a'", "$'a\\tb\\'c'")
    """
    if row_id.isprintable() and " ".join(row_id.split()) == row_id and row_id and not row_id.startswith("$'"):
        return row_id
    return "$'" + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escaped(c)) for c in row_id) + "'"


def id_as_written(written: str) -> str | None:
    r"""Return the id that `written_id` wrote as $'...'; None for a text that it did not write.

    >>> id_as_written("$'a\\tb'"), id_as_written("a")
    ('a\tb', None)
    """
    if not (written.startswith("$'") and written.endswith("'") and len(written) > 2):
        return None
    found = _ESCAPED.sub(lambda one: _PLAIN.get(one[0]) or chr(int(one[1] or one[2] or one[3], 16)), written[2:-1])
    return found if written_id(found) == written else None
