"""MediaWiki dumps: which pages are rows, what text is left, and hostile or broken XML."""

from __future__ import annotations

import bz2
import itertools
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from vecindex.errors import MissingExtraError, SourceError
from vecindex.sources.base import LeftOut, Record
from vecindex.sources.formats import FileSource
from vecindex.sources.open import open_sources
from vecindex.sources.xml import safe
from vecindex.sources.xml.wikitext import PlainText, WikitextError, is_redirect
from vecindex.types import Rejected

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de">
  <siteinfo><namespaces><namespace key="0" /><namespace key="1">Diskussion</namespace>
  <namespace key="6">Datei</namespace><namespace key="14">Kategorie</namespace></namespaces></siteinfo>
"""
ARTICLE = """{{Infobox|name=Möwe|image=[[Datei:x.jpg]]}}
Die '''Möwe''' (''Larus''; {{lang|fr|mouette}})<ref name="a">Buch, S. 5</ref> ist ein [[Vogel|Wasservogel]].
[[Datei:Möwe.jpg|mini|Eine [[Möwe]] am Meer]]
== Vorkommen ==
* am [[Meer]] &amp; an Seen<!-- prüfen -->
* in [https://example.org Häfen]
{| class="wikitable"
| Zelle
|}
Formel <math>x^2</math> Ende.__NOTOC__
[[Kategorie:Vogel]] [[:Kategorie:Meer]]
"""
PLAIN = """Die Möwe (Larus; mouette) ist ein Wasservogel.

Vorkommen

am Meer & an Seen
in Häfen

Formel Ende.
Kategorie:Meer"""


def page(number: int, title: str, text: str, ns: int = 0, extra: str = "", model: str = "wikitext") -> str:
    return f"""<page><title>{escape(title)}</title><ns>{ns}</ns><id>{number}</id>{extra}
    <revision><id>{number + 1000}</id><timestamp>2026-01-02T03:04:05Z</timestamp>
    <contributor><username>X</username><id>5</id></contributor><model>{model}</model>
    <text bytes="9" xml:space="preserve">{escape(text)}</text></revision></page>
"""


def dump(tmp_path: Path, *pages: str, end: str = "</mediawiki>") -> FileSource:
    path = tmp_path / "dump.xml.bz2"
    path.write_bytes(bz2.compress((HEAD + "".join(pages) + end).encode()))
    (source,) = open_sources([str(path)])
    assert isinstance(source, FileSource)
    return source


def test_reads_articles_and_tells_what_it_skips(tmp_path: Path) -> None:
    source = dump(
        tmp_path,
        page(1, "Möwen", "#WEITERLEITUNG [[Möwe]]", extra='<redirect title="Möwe" />'),
        page(2, "Diskussion:Möwe", "Hallo", ns=1),
        page(3, "Möwe", ARTICLE),
        page(4, "Old", " #redirect [[Möwe]]"),
        page(5, "Leer", ""),
    )
    redirect, talk, first, old, empty = source.read()
    assert redirect == LeftOut(f"{source.name} page 1 (Möwen)", "redirect")
    assert talk == LeftOut(f"{source.name} page 2 (Diskussion:Möwe)", "page outside the main namespace")
    assert old == LeftOut(f"{source.name} page 4 (Old)", "redirect")
    assert first == Record(
        f"{source.name} page 3 (Möwe)",
        {
            "id": "3",
            "title": "Möwe",
            "text": PLAIN,
            "revision_id": "1003",
            "timestamp": "2026-01-02T03:04:05Z",
        },
    )
    assert isinstance(empty, Record)
    assert empty.fields["text"] == ""


def test_last_revision_counts(tmp_path: Path) -> None:
    revisions = "".join(f"<revision><id>{i}</id><text>version {i}</text></revision>" for i in (7, 8))
    source = dump(tmp_path, f"<page><title>T</title><ns>0</ns><id>1</id>{revisions}</page>")
    (item,) = source.read()
    assert isinstance(item, Record)
    assert (item.fields["text"], item.fields["revision_id"]) == ("version 8", "8")


def test_bad_pages_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: PlainText, wikitext: str) -> str:
        if "boom" in wikitext:
            raise WikitextError("ParserError: stack")
        return wikitext

    monkeypatch.setattr(PlainText, "__call__", fail)
    source = dump(
        tmp_path,
        page(1, "A", "boom"),
        page(2, "B", "{}", model="json"),
        "<page><title>C</title><ns>0</ns><revision><id>1</id><text>c</text></revision></page>",
        "<page><title>D</title><ns>0</ns><id>4</id></page>",
        page(5, "E", "fine"),
    )
    items = list(source.read())
    assert items[0] == Rejected(
        f"{source.name} page 1 (A)", "the wikitext cannot be parsed: ParserError: stack", "1", "boom"
    )
    assert items[1] == Rejected(
        f"{source.name} page 2 (B)", "found content model 'json', expected 'wikitext'", "2", "{}"
    )
    assert [item.reason for item in items[2:4] if isinstance(item, Rejected)] == [
        "page without an id",
        "page without a revision",
    ]
    assert isinstance(items[4], Record)


def test_cut_xml_gives_its_good_pages_then_an_error(tmp_path: Path) -> None:
    source = dump(tmp_path, page(1, "A", "one"), page(2, "B", "two")[:100], end="")
    stream = source.read()
    assert next(stream).location == f"{source.name} page 1 (A)"
    with pytest.raises(SourceError, match=r"dump\.xml\.bz2: broken XML at line \d+, column \d+, after page 2"):
        list(stream)


def test_pages_come_before_the_end_is_read(tmp_path: Path) -> None:
    """The rest of the file is missing, yet the first page is there."""
    path = tmp_path / "dump.xml.bz2"
    begin = (HEAD + page(1, "A", "one") + "<!-- " + "x" * 200_000).encode()
    path.write_bytes(bz2.compress(begin) + bz2.compress(b"rest")[:-5])
    (source,) = open_sources([str(path)])
    assert next(source.read()).location.endswith("page 1 (A)")


def test_memory_does_not_grow_with_the_pages(tmp_path: Path) -> None:
    """Each page's elements are let go: the root has no children left but the page at hand."""
    import tracemalloc

    source = dump(tmp_path, *(page(i, f"T{i}", "word " * 2000) for i in range(300)))
    stream = source.read()
    next(stream)
    tracemalloc.start()
    assert sum(1 for _ in stream) == 299
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 1_500_000  # the pages hold 3 MB of text


def test_other_xml(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_text("<rss><channel/></rss>")
    (source,) = open_sources([str(tmp_path / "feed.xml")])
    with pytest.raises(SourceError, match=r"feed\.xml: found XML of <rss>, expected a MediaWiki export"):
        list(source.read())


def test_entities_neither_unfold_nor_reach_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    for doctype, entity in (
        (f'<!ENTITY l0 "lol">{laughs}', "&l9;"),
        (f'<!ENTITY x SYSTEM "{secret}">', "&x;"),
    ):
        path = tmp_path / "evil.xml"
        path.write_text(
            f"<!DOCTYPE mediawiki [{doctype}]>\n<mediawiki><page><title>{entity}</title></page></mediawiki>"
        )
        (source,) = open_sources([str(path)])
        with pytest.raises(SourceError, match=r"evil\.xml: broken XML at line 2"):
            list(source.read())


def test_missing_parser_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mwparserfromhell", None)
    (tmp_path / "dump.xml").write_text(HEAD + "</mediawiki>")
    with pytest.raises(MissingExtraError, match=r"pip install mwparserfromhell"):
        open_sources([str(tmp_path / "dump.xml")])


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("a {{cite|x}} b", "a b"),
        ("'''''bold''''' isn't", "bold isn't"),
        ("[[a]] [[b|c]] [[:File:d.png|e]] [[File:x.png|thumb]]", "a c e"),
        ("<ref>gone</ref>kept<ref name=x/> <s>struck</s>", "kept struck"),
        ("{{convert|5|km|mi}} far", "5 km far"),
        ("x<br />y\n\n\n\n\nz", "x\ny\n\nz"),
        ("&eacute;&nbsp;&#8211;", "é –"),
        ("Ort ({{IPA|x}}) ist", "Ort ist"),
        ("{{unclosed [[also", "{{unclosed [[also"),
        ("<gallery>\nA.jpg|b\n</gallery>after", "after"),
        ("", ""),
        ("about {{formatnum:20}} or {{formatnum:2,500|R}} Da", "about 20 or 2,500 Da"),
        ("{{val|20|ul=nm}} and {{Val|1.5|0.2|e=6|u=m|up=s}}", "20 nm and 1.5±0.2×10^6 m/s"),
        ("{{convert|5|to|10|km|mi}}, {{cvt|3|-|4|m}}", "5 to 10 km, 3–4 m"),
        ("{{frac|3|1|2}} {{sfrac|2|3}} {{chem2|C6H12O6}} {{chem|H|2|O}}", "3 1/2 2/3 C6H12O6 H2O"),
        (
            "{{unité|20|km}}, {{circa|1500}}, {{US$|20}} {{lang-de|Haus}}{{snd}}{{as of|2010}}",
            "20 km, c. 1500, US$20 Haus – 2010",
        ),
        ("a{{nbsp}}b {{abbr|c.|circa}} {{nowrap|d [[e|f]]}}", "a b c. d f"),
        ("; Site: where it is\n; Term\n: meaning\n:indented", "Site\nwhere it is\nTerm\nmeaning\nindented"),
        ("* one: two", "one: two"),
        ("Text.\n[[de:Mühle]]\n[[fr:Moulin]]\n[[zh-min-nan:X]]\n[[simple:Mill]]", "Text."),
        (
            "[[:de:Mühle]] [[Star Trek: Voyager]] [[wikt:mill|mill]] [[s:Mill]]",
            "de:Mühle Star Trek: Voyager mill s:Mill",
        ),
        ("-{zh-hans:计算机;zh-hant:電腦}-和-{A|zh-cn:网络;zh-tw:網路}-", "计算机和网络"),
        ("-{T|zh-hans:x;zh-hant:y}-a -{b}- {{x|-{{y}}}}", "a b"),
    ],
)
def test_plain_text(wikitext: str, expected: str) -> None:
    assert PlainText()(wikitext) == expected


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ("#REDIRECT [[Mill]]", True),
        (" #redirect: [[Mill]]", True),
        ("#WEITERLEITUNG [[Mühle]]", True),
        ("#PATRZ [[Młyn]]\n[[Kategoria:Młyny]]", True),
        ("#перенаправление [[Мельница]] {{x}}", True),
        ("#重定向 [[磨坊]]", True),
        ("#تغییر_مسیر [[آسیاب]]", True),
        ("# [[Mill]]", False),
        ("#Mills [[grind]] corn.", False),
        ("The mill. #PATRZ [[x]]", False),
    ],
)
def test_redirects_in_any_language(text: str, leads: bool) -> None:
    assert is_redirect(text) is leads


@pytest.mark.parametrize(("version", "safe"), [((2, 4, 0), False), ((2, 4, 1), True), ((2, 5, 0), True)])
def test_an_expat_that_is_not_safe_reads_no_dump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], safe: bool
) -> None:
    import pyexpat

    (tmp_path / "w.xml").write_text("<mediawiki></mediawiki>")
    (source,) = open_sources([str(tmp_path / "w.xml")])
    monkeypatch.setattr(pyexpat, "version_info", version)
    if safe:
        assert list(source.read()) == []
    else:
        with pytest.raises(SourceError, match=r"expected 2\.4\.1 or newer"):
            list(source.read())


@pytest.mark.parametrize(
    ("wikitext", "text"), [("a {{{1|of ''b''}}}", "a of b"), ("a {{{1}}}", "a"), ("a {{{1|}}}", "a")]
)
def test_an_argument_shows_its_default(wikitext: str, text: str) -> None:
    assert PlainText()(wikitext).strip() == text


def test_a_page_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(safe, "MAX_ROW_BYTES", 100_000)
    page = "<page><title>A</title><id>{}</id><revision><id>9</id><text>{}</text></revision></page>"
    good = "".join(page.format(n, "word " * 2_000) for n in range(30))
    path = tmp_path / "dump.xml"
    path.write_text(f"<mediawiki>{good}{page.format(30, 'word ' * 40_000)}</mediawiki>")
    (source,) = open_sources([str(path)])
    rows = source.read()
    assert sum(1 for _ in itertools.islice(rows, 30)) == 30
    with pytest.raises(SourceError, match="found a page or a header longer than"):
        list(rows)
