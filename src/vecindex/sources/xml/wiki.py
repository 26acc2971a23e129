"""A MediaWiki XML export (pages-articles.xml.bz2), streamed. Location: "dump.xml.bz2 page 12 (Title)".

Pages are counted from 1. Left out are redirects and pages outside namespace 0.
Fields: id (page id), title, text (plain), revision_id, timestamp (as in the dump). Of several revisions the
last one is taken. Any version of the export format is read.

The XML is hostile until proven otherwise: Python's expat loads no external entity and, from 2.4.1 on, stops
entities that unfold beyond 100 times the input ("billion laughs"); an older one is refused. A page is held
in memory whole, one at a time; a revision longer than 64 MiB ends the reading.

Of wikitext stay the words that a reader sees in the running text: paragraphs, headings (a paragraph of their own),
list items, link labels, the words of {{lang}}, {{nowrap}} and {{convert}}. Left out: other templates, tables,
references, comments, formulas, galleries, files, categories, and switches such as __NOTOC__.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from vecindex.errors import SourceError
from vecindex.sources.base import Item, LeftOut, Record, excerpt
from vecindex.sources.formats import FileSource, SourceFormat
from vecindex.sources.xml.safe import Pieces, broken, check_expat
from vecindex.types import Rejected

_FILE_AND_CATEGORY_KEYS = frozenset({"-2", "6", "14"})
# Canonical names, understood by every wiki; a dump's header adds the local ones.
HIDDEN_NAMESPACES = frozenset({"file", "image", "media", "category"})

_DROPPED_TAGS = frozenset(
    re.findall(
        r"\w+",
        "ref references table gallery math chem ce score timeline graph hiero imagemap mapframe maplink "
        "templatestyles templatedata style script categorytree inputbox section indicator",
    )
)
_KEPT_ARGUMENTS = {"lang": ("2",), "nowrap": ("1",), "convert": ("1", "2"), "cvt": ("1", "2")}
_QUOTES = re.compile(r"'{2,5}")
_SWITCH = re.compile(r"__[A-Z]+__")
_BLANKS = re.compile(r"[ \t\u00a0]+")
_LINE_EDGES = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")
_EMPTY_BRACKETS = re.compile(r" ?\([\s,;:]*\)")


@dataclass(slots=True)
class _Page:
    """What is known of the page being read."""

    number: int
    title: str = ""
    namespace: str = "0"
    id: str = ""
    is_redirect: bool = False
    revision: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.revision.get("text", "")


def read_dump(stream: BinaryIO, name: str) -> Iterator[Item]:
    """Yield one item per page.

    Rejected: a page without an id or a revision, in another content model than wikitext, or whose wikitext cannot be
    parsed. Raises SourceError where the XML is broken, or when it is no MediaWiki export.
    """
    plain = PlainText()
    for page in _pages(stream, name, plain):
        location = f"{name} page {page.number} ({page.title})"
        if page.namespace != "0":
            yield LeftOut(location, "page outside the main namespace")
        # Dumps from before 2011 mark redirects in the text alone.
        elif page.is_redirect or page.text.lstrip()[:9].lower() == "#redirect":
            yield LeftOut(location, "redirect")
        else:
            yield _item(page, plain, location)


def _item(page: _Page, plain: PlainText, location: str) -> Record | Rejected:
    model = page.revision.get("model") or "wikitext"
    if not page.id:
        reason = "page without an id"
    elif "id" not in page.revision:
        reason = "page without a revision"
    elif model != "wikitext":
        reason = f"found content model {model!r}, expected 'wikitext'"
    else:
        try:
            fields = {"id": page.id, "title": page.title, "text": plain(page.text)}
        except WikitextError as error:
            reason = f"the wikitext cannot be parsed: {error}"
        else:
            fields |= {"revision_id": page.revision["id"], "timestamp": page.revision.get("timestamp", "")}
            return Record(location, fields)
    return Rejected(location, reason, page.id or None, excerpt(page.text))


FORMAT = SourceFormat(
    (".xml",),
    # The oldest articles come first and are many times as long as most: a guess by them would be far too low.
    lambda file, _: FileSource(file, read_dump),
    is_table=False,
    requires="mwparserfromhell",
    install="pip install mwparserfromhell",
)


def _pages(stream: BinaryIO, name: str, plain: PlainText) -> Iterator[_Page]:
    """Yield each page as it ends. Raises SourceError for XML that is broken or not a MediaWiki export."""
    check_expat(name)
    page = _Page(0)
    root: ET.Element | None = None
    pieces: Any = Pieces(stream, name)
    try:
        for event, element in ET.iterparse(pieces, events=("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if root is None:
                root = element
                _check_root(tag, name)
            elif event == "start":
                if tag == "page":
                    page = _Page(page.number + 1)
            elif tag == "page":
                _fill_page(page, element)
                pieces.taken_bytes = 0
                yield page
                # Also from the root, which would otherwise keep an empty element of each page.
                root.clear()
            elif tag == "revision":
                page.revision = {part.tag.rpartition("}")[2]: part.text or "" for part in element}
                pieces.taken_bytes = 0
                element.clear()
            elif tag == "namespace" and element.get("key") in _FILE_AND_CATEGORY_KEYS:
                plain.hide_namespace(element.text or "")
    except ET.ParseError as error:
        raise broken(name, error, f"page {page.number}") from error


def _check_root(tag: str, name: str) -> None:
    if tag != "mediawiki":
        raise SourceError(
            f"{name}: found XML of <{tag}>, expected a MediaWiki export, <mediawiki>",
            "Name a dump such as enwiki-latest-pages-articles.xml.bz2, or convert the file to JSON lines.",
        )


def _fill_page(page: _Page, element: ET.Element) -> None:
    for part in element:
        tag = part.tag.rpartition("}")[2]
        if tag == "title":
            page.title = part.text or ""
        elif tag == "ns":
            page.namespace = (part.text or "0").strip()
        elif tag == "id":
            page.id = (part.text or "").strip()
        elif tag == "redirect":
            page.is_redirect = True


class WikitextError(Exception):
    """The parser gave up on a page."""


class PlainText:
    """Turns wikitext into plain text, by mwparserfromhell."""

    def __init__(self) -> None:
        import mwparserfromhell

        nodes = mwparserfromhell.nodes
        self._parser = mwparserfromhell
        self._hidden = set(HIDDEN_NAMESPACES)
        self._handlers: dict[type, Callable[[Any], str]] = {
            nodes.Text: lambda node: str(node.value),
            nodes.HTMLEntity: lambda node: str(node.normalize()),
            nodes.Heading: lambda node: f"\n\n{self._render(node.title).strip()}\n\n",
            nodes.Wikilink: self._link,
            nodes.ExternalLink: lambda node: self._render(node.title) if node.title else "",
            nodes.Tag: self._tag,
            nodes.Template: self._template,
            nodes.Argument: lambda node: self._render(node.default) if node.default else "",
        }

    def hide_namespace(self, name: str) -> None:
        """Leave out links into this namespace: a wiki's own name for files or categories."""
        self._hidden.add(name.strip().lower())

    def __call__(self, wikitext: str) -> str:
        """Return the plain text. Raises WikitextError when the wikitext cannot be parsed."""
        try:
            # Bold and italics are taken off afterwards: often unbalanced, and what costs most to parse.
            code = self._parser.parse(wikitext, skip_style_tags=True)
            text = self._render(code)
        except (
            self._parser.parser.ParserError,
            RecursionError,
            ValueError,
            IndexError,
            SystemError,
        ) as error:
            raise WikitextError(f"{type(error).__name__}: {error}") from error
        return _tidy(text)

    def _render(self, code: Any) -> str:
        handlers = self._handlers
        return "".join([handlers[type(node)](node) for node in code.nodes if type(node) in handlers])

    def _link(self, node: Any) -> str:
        target = str(node.title).strip()
        prefix, colon, _ = target.partition(":")
        if colon and prefix.strip().lower() in self._hidden:
            return ""
        # [[:Category:Birds]] is a link to the category and is shown.
        return self._render(node.text) if node.text is not None else target.removeprefix(":")

    def _tag(self, node: Any) -> str:
        name = str(node.tag).strip().lower()
        if name == "br":
            return "\n"
        if name in _DROPPED_TAGS or node.contents is None:
            return ""
        return self._render(node.contents)

    def _template(self, node: Any) -> str:
        kept = _KEPT_ARGUMENTS.get(str(node.name).strip().lower(), ())
        return " ".join(self._render(node.get(key).value).strip() for key in kept if node.has(key))


def _tidy(text: str) -> str:
    text = _SWITCH.sub("", _QUOTES.sub("", text))
    # What a dropped pronunciation or birth date leaves behind.
    text = _EMPTY_BRACKETS.sub("", text)
    text = _LINE_EDGES.sub("\n", _BLANKS.sub(" ", text))
    return _EMPTY_LINES.sub("\n\n", text).strip()
