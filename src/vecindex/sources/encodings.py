"""Text in other encodings than UTF-8, handed on as UTF-8.

An encoding is settled as late as possible: bytes are passed on as they come until one is no ASCII. What it is then is
judged by the piece of the file that it stands in:

1. a byte order mark, or every other byte being zero: UTF-16, or UTF-32 by its mark;
2. more valid sequences of UTF-8 than bytes that are none: UTF-8, in which each faulty row is a fault of its own;
3. only characters that Western European languages write, the letters next to ones of ASCII: cp1252;
4. what charset-normalizer is confident of, among the encodings that were in wide use;
5. else UTF-8.

Lines that are valid UTF-8 have no say in that, and stay UTF-8 in a file of one byte a letter: two bytes in place of
one make no words. Lines that end in CR alone, as on old Macs, end in LF afterwards.

A byte that an encoding lacks stays as it is, which is no valid UTF-8: its row is rejected.
"""

from __future__ import annotations

import codecs
import io
from typing import Any, BinaryIO, Protocol

from vecindex.errors import ConfigError
from vecindex.messages import Message, is_it, option, text
from vecindex.sources.base import Notice

_PIECE_BYTES = 1 << 18
_JUDGED_BYTES = 1 << 16
_LONGEST_LINE_BYTES = 1 << 20
# The mark of UTF-32 begins as that of UTF-16 does.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Letters and punctuation that texts in Western European languages have in cp1252. The others (þ, ý, ¹, ...) are what
# Turkish, Czech or Polish, in encodings of their own, look like in it.
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœŸ€‚„…‘’“”•–—™«»°§·¿¡©®±²½×\u00a0ºª£")
_MIN_WESTERN = 0.95
_PUNCTUATION = frozenset("‘’“”–—…•€")
_MIN_TOUCHING = 0.6
"""Letters beyond ASCII that stand next to one of ASCII: in German and French most do, in Cyrillic none."""
_ONE_BYTE_A_LETTER = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r", "tis_620")
_KNOWN = (
    *_ONE_BYTE_A_LETTER,
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
_MAX_CHAOS = 0.15
_MIN_JUDGED = 8
"""Bytes beyond ASCII that a guess of charset-normalizer needs."""
_MANY_ZEROS = 0.3
_BEFORE_BYTES = 32
_CONTINUATIONS = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that go on with a character."""
_KEPT = "vecindex.kept"


def known_encoding(name: str) -> str:
    """Return an encoding's name as Python writes it. Raises ConfigError for one that Python does not know.

    >>> known_encoding("Latin-1"), known_encoding("UTF8")
    ('iso8859-1', 'utf-8')
    """
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        info = None
    if info is None or not info._is_text_encoding:
        raise ConfigError(
            f"There is no encoding {name!r}.",
            f"{is_it(name, _KNOWN)}Name one as Python does: utf-8, utf-16, cp1252, latin-1, shift_jis, gb18030, ...",
        )
    return info.name


def as_utf8(stream: BinaryIO, name: str, encoding: str | None, notice: Notice) -> io.BufferedReader:
    """Return a stream of text as one in UTF-8; one that was guessed to be otherwise is reported to `notice`."""
    return io.BufferedReader(_Recoded(stream, name, encoding, notice), _PIECE_BYTES)


def decoded(raw: bytes, encoding: str | None = None) -> tuple[str, str]:
    """Return a whole text and the encoding that it is in. Raises UnicodeDecodeError.

    >>> decoded("Bär".encode("cp1252"))
    ('Bär', 'cp1252')
    """
    found = encoding or _by_its_beginning(raw) or "utf-8"
    if found == "utf-8" and encoding is None and (start := _first_beyond_ascii(raw)) is not None:
        found = guess(raw[max(0, start - _BEFORE_BYTES) :])
    return raw.decode(found).removeprefix("\ufeff"), found


def guess(piece: bytes) -> str:
    """Return the encoding of a piece of text that has bytes beyond ASCII.

    >>> guess("Größe".encode("cp1252")), guess("Größe".encode()), guess("Рибосома строит белки".encode("cp1251"))
    ('cp1252', 'utf-8', 'cp1251')
    >>> guess(bytes([0xFF]))
    'utf-8'
    """
    if len(piece) > _JUDGED_BYTES:
        # Whole lines, so that no character is divided.
        piece = piece[: piece.rfind(b"\n", 0, _JUDGED_BYTES) + 1] or piece[:_JUDGED_BYTES]
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(piece)
    faults = sum("\udc80" <= c <= "\udcff" for c in text)
    if not faults or sum(c > "\x7f" for c in text) - faults > faults:
        return "utf-8"
    piece = b"".join(line for line in piece.splitlines(keepends=True) if not _is_utf8(line))
    if _is_western(piece):
        return "cp1252"
    return _by_library(piece) or "utf-8"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not line.isascii()


def _is_western(piece: bytes) -> bool:
    text = piece.decode("cp1252", "replace")
    high = [i for i, c in enumerate(text) if c > "\x7f"]
    letters = [i for i in high if text[i].isalpha()]
    if sum(text[i] in _WESTERN for i in high) < _MIN_WESTERN * len(high):
        return False
    if not letters:
        return any(text[i] in _PUNCTUATION for i in high)
    return sum(_touches_a_letter(text, i) for i in letters) >= _MIN_TOUCHING * len(letters)


def _touches_a_letter(text: str, i: int) -> bool:
    return any(c.isascii() and c.isalpha() for c in (text[max(0, i - 1) : i] + text[i + 1 : i + 2]))


def _by_library(piece: bytes) -> str | None:
    if sum(byte > 0x7F for byte in piece) < _MIN_JUDGED:
        return None
    from charset_normalizer import from_bytes

    best = from_bytes(piece, cp_isolation=list(_KNOWN)).best()
    return best.encoding if best is not None and best.chaos < _MAX_CHAOS else None


def _by_its_beginning(piece: bytes) -> str | None:
    for mark, encoding in _BOMS:
        if piece.startswith(mark):
            return encoding
    pairs = len(piece) // 2
    if pairs >= 4 and b"\0" in piece[:64]:
        zeros = [piece[i : 2 * pairs : 2].count(0) / pairs for i in (0, 1)]
        if max(zeros) > _MANY_ZEROS and min(zeros) == 0:
            return "utf-16-be" if zeros[0] else "utf-16-le"
    return None


def _first_beyond_ascii(piece: bytes) -> int | None:
    if piece.isascii():
        return None
    return len(piece) - len(piece.lstrip(bytes(range(128))))


class _Decoder(Protocol):
    """Makes text of bytes that come in pieces."""

    def decode(self, piece: bytes, final: bool = False, /) -> str:
        """Return the text as far as it is known, all of it once the last piece is there."""
        ...


def _keep(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for bytes that an encoding lacks, of which no valid UTF-8 is made, and where to go on."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    # Python's own handler refuses ASCII bytes, such as those of half a pair in UTF-16.
    raw = error.object[error.start : error.end]
    return "\udcff" if raw.isascii() else raw.decode("ascii", "surrogateescape"), error.end


codecs.register_error(_KEPT, _keep)


class _ByLines:
    """Decodes each line as UTF-8 if it is valid, else as another encoding."""

    def __init__(self, encoding: str) -> None:
        self._encoding, self._rest = encoding, b""

    def decode(self, piece: bytes, final: bool = False, /) -> str:
        piece = self._rest + piece
        end = len(piece) if final else piece.rfind(b"\n") + 1
        if not final and len(piece) - end > _LONGEST_LINE_BYTES:
            # A line whose end is not worth waiting for is divided, but not in the middle of a character.
            end = len(piece.rstrip(_CONTINUATIONS))
            end = end - (piece[end - 1 : end] >= b"\xc0") or len(piece)
        self._rest = piece[end:]
        return "".join(map(self._line, piece[:end].splitlines(keepends=True)))

    def _line(self, line: bytes) -> str:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            return line.decode(self._encoding, _KEPT)


class _Recoded(io.RawIOBase):
    """A raw stream of UTF-8 over one of another encoding, which may be settled while it is read."""

    def __init__(self, stream: BinaryIO, name: str, encoding: str | None, notice: Notice) -> None:
        self._stream, self._name, self._notice = stream, name, notice
        self._read: Any = getattr(stream, "read1", stream.read)
        self._ready = b""
        self._begun = False
        self._held = b""
        self._ends_in_returns: bool | None = None
        self._decoder: _Decoder | None = None
        self._settled = encoding is not None
        self._guesses = encoding is None
        if encoding is not None:
            self._use(encoding)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            piece = self._read(_PIECE_BYTES)
            self._ready = self._recoded(piece)
            if not piece:
                break
        n = min(len(buffer), len(self._ready))
        buffer[:n] = self._ready[:n]
        self._ready = self._ready[n:]
        return n

    def _use(self, encoding: str) -> None:
        self._settled = True
        if encoding not in ("utf-8", "utf-8-sig"):
            by_lines = encoding in _ONE_BYTE_A_LETTER and self._guesses
            self._decoder = _ByLines(encoding) if by_lines else codecs.getincrementaldecoder(encoding)(_KEPT)

    def _recoded(self, piece: bytes) -> bytes:
        begins, self._begun = not self._begun, True
        made = self._decoded(piece, begins)
        if self._ends_in_returns is None:
            made, self._held = self._held + made, b""
            ends_in_returns = b"\n" not in made and b"\r" in made.rstrip(b"\r")
            if piece and not ends_in_returns and b"\n" not in made and len(made) < _JUDGED_BYTES:
                # The first line goes on.
                self._held = made
                return b""
            # As those of old Macintoshes do, and some programs' exports still.
            self._ends_in_returns = ends_in_returns
        return made.replace(b"\r", b"\n") if self._ends_in_returns else made

    def _decoded(self, piece: bytes, begins: bool) -> bytes:
        if not self._settled:
            if begins and (found := _by_its_beginning(piece)) is not None:
                self._use(found)
                # A mark is no guess.
                if found in ("utf-16-le", "utf-16-be"):
                    self._notice(self._guessed(found))
            if not self._settled and (start := _first_beyond_ascii(piece)) is not None:
                self._use(found := guess(piece[max(0, start - _BEFORE_BYTES) :]))
                if found != "utf-8":
                    self._notice(self._guessed(found))
        if self._decoder is None:
            return piece
        return self._decoder.decode(piece, not piece).encode("utf-8", "surrogateescape")

    def _guessed(self, encoding: str) -> Message:
        return read_as(self._name, encoding)


def read_as(name: str, encoding: str) -> Message:
    """Return the notice that a file is taken to be in an encoding."""
    return text(f"{name}: is not UTF-8 and read as {encoding}; another: ", option("encoding"))
