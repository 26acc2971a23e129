"""Which encoding a text is in, and when that is decided."""

from __future__ import annotations

import io

import pytest

from vecindex.errors import ConfigError
from vecindex.sources.encodings import as_utf8, decoded, known_encoding

TEXTS = {
    "cp1252": "Die Mühle steht am Fluss – sie gehört dem “Müller”.",
    "cp1250": "Žluťoučký kůň úpěl; řekl muž, že je pozdě.",
    "cp1251": "Мельница стоит у реки, она принадлежит мельнику.",
    "cp1253": "Ο μύλος στέκεται δίπλα στο ποτάμι και ανήκει στον μυλωνά.",
    "cp1254": "Değirmen ırmağın yanında duruyor, ağaçların gölgesi üstünde.",
    "koi8_r": "Мельница стоит у реки, она принадлежит мельнику.",
    "cp932": "水車小屋は川のそばにあります。粉屋のものです。",
    "gb18030": "磨坊在河边。它属于磨坊主。",
    "utf-8": "Die Mühle – 磨坊 – мельница",
}


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("times", [1, 40])
def test_an_encoding_is_guessed_from_one_line_or_many(encoding: str, times: int) -> None:
    text = "id,text\n" + f"1,{TEXTS[encoding]}\n" * times
    assert decoded(text.encode(encoding)) == (text, encoding)


def test_utf16_is_known_by_its_mark_or_its_zeros() -> None:
    assert decoded("Mühle".encode("utf-16")) == ("Mühle", "utf-16")
    assert decoded("The mill.".encode("utf-16-le")) == ("The mill.", "utf-16-le")


@pytest.mark.parametrize("raw", [b"a,\xff,b", b"\xff", "Mühle am Fluß".encode() + b" \xe4\n"])
def test_a_stray_byte_makes_no_other_encoding(raw: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decoded(raw)


def test_the_decision_waits_for_the_first_byte_beyond_ascii() -> None:
    told: list[str] = []
    raw = b"x" * 600_000 + "\nMühle\n".encode("cp1252")
    stream = as_utf8(io.BytesIO(raw), "f", None, lambda message: told.append(str(message)))
    assert stream.read(500_000) == b"x" * 500_000
    assert told == []
    assert stream.read().endswith("\nMühle\n".encode())
    assert told == ["f: is not UTF-8 and read as cp1252; another: encoding="]


def test_a_byte_that_the_encoding_lacks_stays_invalid() -> None:
    stream = as_utf8(io.BytesIO(b"a\x81\xe4"), "f", "cp1252", lambda _: None)
    assert stream.read() == b"a\x81" + "ä".encode()


def test_a_fault_in_utf16_spoils_its_line_alone() -> None:
    half_a_pair = "one\nt".encode("utf-16-le") + b"\x41\xd8" + "wo\nthree\n".encode("utf-16-le")
    for raw, lines in {
        b"\xff\xfe" + half_a_pair: [b"one", b"tA\xd8wo", b"three"],
        "one\ntwo\n".encode("utf-16")[:-1]: [b"one", b"two\xff"],
    }.items():
        found = as_utf8(io.BytesIO(raw), "f", None, lambda _: None).read().splitlines()
        assert found == lines
        for line in found[1:2]:
            with pytest.raises(UnicodeDecodeError):
                line.decode("utf-8")


class Pipe(io.RawIOBase):
    """Gives bytes as they come."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def read1(self, _: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def test_lines_that_end_in_cr_alone() -> None:
    text = "id,text\r1,Mühle am Fluß\r2,süß über alles\r"
    wanted = ["id,text", "1,Mühle am Fluß", "2,süß über alles"]
    for raw in (text.encode(), text.encode("cp1252"), text.encode("utf-16")):
        assert as_utf8(io.BytesIO(raw), "f", None, lambda _: None).read().decode().split("\n") == [*wanted, ""]
    pieces: list[list[bytes]] = [[b"a", b"b\r", b"c\r"], [b"ab\r", b"\nc\n"], [b"ab", b"c\r"]]
    read = [as_utf8(Pipe(some), "f", None, lambda _: None).read() for some in pieces]  # type: ignore[arg-type]
    assert read == [b"ab\nc\n", b"ab\r\nc\n", b"abc\r"]


def test_an_unknown_encoding_is_refused() -> None:
    assert known_encoding("latin-1") == "iso8859-1"
    for name in ("cp1525", "base64", "a b"):
        with pytest.raises(ConfigError, match=f"There is no encoding '{name}'"):
            known_encoding(name)


def read_all(raw: bytes) -> list[str]:
    """The lines of a stream whose encoding is guessed."""
    return as_utf8(io.BytesIO(raw), "f", None, lambda _: None).read().decode("utf-8").splitlines()


def test_a_line_of_utf8_in_a_western_file_stays_one() -> None:
    lines = ["Größe über alles\n".encode("cp1252"), "Größe über alles\n".encode(), "süß\n".encode("cp1252")]
    assert read_all(b"".join(lines)) == ["Größe über alles", "Größe über alles", "süß"]
    # Whatever the size of the pieces in which it comes.
    many = [lines[i % 2] for i in range(40_000)]
    assert set(read_all(lines[2] + b"".join(many))) == {"Größe über alles", "süß"}


def test_a_long_line_of_utf8_in_a_western_file_is_divided_between_letters() -> None:
    # A piece ends between two letters of two bytes, or in the middle of one.
    for before in ("", "x"):
        line = before + "ü" * 750_000
        found = read_all("süß\n".encode("cp1252") * 20_000 + line.encode())
        assert (set(found[:-1]), found[-1] == line) == ({"süß"}, True)
