"""HTML pages, one article a file (.html, .htm), by selectolax. Location: the file's name.

id = the path inside the folder; title = that of the page, else the file's name; text = what the page shows, a line
for each block. Left out of it: scripts, styles, navigation, forms, pictures. Rejected: as with texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vecindex.sources.base import Record
from vecindex.sources.files import InputFile
from vecindex.sources.formats import Files, FolderReader, ReadOptions, SourceFormat
from vecindex.sources.texts.files import TextSource
from vecindex.types import Rejected

PACKAGE, INSTALL = "selectolax", "pip install selectolax"

_HIDDEN = "script,style,noscript,template,nav,aside,footer,form,button,svg,iframe,object"
_BLOCKS = (
    "p,div,section,article,main,header,h1,h2,h3,h4,h5,h6,ul,ol,li,dl,dt,dd,table,tr,blockquote,pre,figure,"
    "figcaption,address,hr,details,summary"
)
_CELLS = "td,th"
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset=["']?([-\w]+)""", re.IGNORECASE)
_HEAD_BYTES = 4096


def plain_text(markup: str) -> tuple[str, str]:
    r"""Return the title of a page, or of a piece of one, and the text that it shows.

    >>> plain_text("<title>Tides</title><p>The <b>moon</b>.</p><script>x</script><ul><li>a<li>b</ul>")
    ('Tides', 'The moon.\na\nb')
    """
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(markup)
    found = page.css_first("title")
    title = _tidy(found.text()) if found is not None else ""
    body = page.body
    if body is None:
        return title, ""
    for node in body.css(_HIDDEN):
        node.decompose()
    for node in body.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    for node in body.css("br"):
        node.replace_with("\n")
    for node in body.css(_CELLS):
        node.insert_after(" ")
    return title, _tidy(body.text())


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def named_charset(raw: bytes) -> str | None:
    """Return the encoding that a page names itself, None where it names none."""
    found = _CHARSET.search(raw[:_HEAD_BYTES])
    return found[1].decode("ascii") if found else None


class HtmlSource(TextSource):
    """HTML pages."""

    __slots__ = ()

    def read(self) -> Iterator[Record | Rejected]:
        """Yield one item per file. Raises SourceError when the folder cannot be listed."""
        for row in TextSource.read(self):
            if isinstance(row, Rejected):
                yield row
                continue
            title, text = plain_text(row.fields["text"])
            yield Record(row.location, {**row.fields, "title": title or row.fields["title"], "text": text})


def _open_file(file: InputFile, options: ReadOptions) -> HtmlSource:
    files = [(file.base_name or file.name, file)]
    return HtmlSource(file.name, lambda: files, None, options, file.stream is not None, named_charset)


def _open_all(name: str, files: Files, count: int, options: ReadOptions) -> tuple[HtmlSource, list[str]]:
    return HtmlSource(name, files, count, options, False, named_charset), []


FORMAT = SourceFormat(
    (".html", ".htm", ".xhtml"),
    _open_file,
    is_table=False,
    folder=FolderReader("pages", _open_all, one_row_each=True),
    requires=PACKAGE,
    install=INSTALL,
)
