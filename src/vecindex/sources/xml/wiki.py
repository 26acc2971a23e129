"""A MediaWiki XML export (pages-articles.xml.bz2), streamed. Location: "dump.xml.bz2 page 12 (Title)".

Pages are counted from 1. Left out are redirects and pages outside namespace 0.
Fields: id (page id), title, text (plain), revision_id, timestamp (as in the dump). Of several revisions the
last one is taken. Any version of the export format is read.

The XML is hostile until proven otherwise: Python's expat loads no external entity and, from 2.4.1 on, stops
entities that unfold beyond 100 times the input ("billion laughs"); an older one is refused. A page is held
in memory whole, one at a time; a revision longer than 64 MiB ends the reading.

What stays of wikitext: see `wikitext`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from vecindex.errors import SourceError
from vecindex.sources.base import Item, LeftOut, Record, excerpt
from vecindex.sources.formats import FileSource, SourceFormat
from vecindex.sources.sampling import RowStarts
from vecindex.sources.xml.safe import Pieces, broken, check_expat
from vecindex.sources.xml.wikitext import PlainText, WikitextError, is_redirect
from vecindex.types import Rejected

_FILE_AND_CATEGORY_KEYS = frozenset({"-2", "6", "14"})

_PAGE = re.compile(rb"<page>")


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
        # Dumps from before 2011 mark redirects in the text alone, in the words of the wiki's language.
        elif page.is_redirect or is_redirect(page.text):
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


def page_starts(_head: bytes) -> RowStarts:
    """Return how pages are found: inside them `<` is escaped."""
    return RowStarts(lambda data: (match.start() for match in _PAGE.finditer(data)), b"</mediawiki>")


FORMAT = SourceFormat(
    (".xml",),
    # The oldest articles come first and are many times as long as most: a guess by them would be far too low.
    lambda file, _: FileSource(file, read_dump, starts=page_starts),
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
