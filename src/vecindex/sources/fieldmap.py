"""Names the fields that matter, once per source.

With no option given, the first of the names below that the input's first rows have is taken, in any letter case and
however its parts are divided ("Abstract Text", "abstractText").
A vector is used only when its field is named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from vecindex.errors import ConfigError, SourceError
from vecindex.messages import Placeholder, Text, option, text

# A row's own id before that of what it is a part of: of a passage, pid before docid.
ID_NAMES = (
    *("id", "_id"),
    *("pid", "passage_id", "psg_id", "paragraph_id", "chunk_id"),
    *("doc_id", "docid", "docno", "document_id", "article_id", "page_id", "pageid"),
    *("cord_uid", "pmid", "pmcid", "paper_id", "corpusid", "corpus_id", "wikipedia_id", "record_id"),
    *("uuid", "guid", "key", "doi", "url"),
)
TEXT_NAMES = (
    *("text", "content", "contents", "body", "abstract", "passage", "paragraph", "article", "document"),
    *("full_text", "passage_text", "context", "description", "page_content", "abstract_text", "article_text"),
    *("document_text", "body_text", "about_me"),
)
TITLE_NAMES = ("title", "name", "headline", "subject", "wikipedia_title", "article_title", "display_name")

_KNOWN = frozenset(ID_NAMES + TEXT_NAMES + TITLE_NAMES)
_TEXT_LIKE = frozenset(name.replace("_", "") for name in _KNOWN)
_LATER = frozenset(
    [
        "page_content",
        "abstract_text",
        "article_text",
        "document_text",
        "body_text",
        "about_me",
        "article_title",
        "display_name",
    ]
)

_DIVIDERS = str.maketrans("_-.", "   ")


def is_text_name(name: str) -> bool:
    """Return whether a column of this name holds an id, a text or a title, whatever its values look like."""
    return _plain(name) in _TEXT_LIKE


def is_later_name(name: str) -> bool:
    """Return whether a name was not always known: tables of earlier versions have such a field as another one.

    >>> is_later_name("display_name"), is_later_name("Full Text"), is_later_name("Title"), is_later_name("year")
    (True, True, False, False)
    """
    small = name.strip().lower()
    return is_text_name(name) and (small in _LATER or small not in _KNOWN)


@dataclass(frozen=True)
class FieldMap:
    """Which of the input's fields is the id, the text, the title and the vector, and which others are kept.

    Attributes
    ----------
    id : None where ids are made of the rows' contents.
    text : None only where the template or a vector stands in for it.
    parts : the template taken apart, (literal, field or None) in order.
    chosen : the other fields that are kept; None for all.
    skipped : fields that are not kept.
    allow_empty : whether a row without a text is one if it has a vector.
    """

    id: str | None
    text: str | None
    title: str | None = None
    vector: str | None = None
    parts: tuple[tuple[str, str | None], ...] = ()
    chosen: frozenset[str] | None = None
    skipped: frozenset[str] = frozenset()
    allow_empty: bool = False

    @cached_property
    def special(self) -> frozenset[str | None]:
        """The fields that do not belong to `extra`."""
        return frozenset((self.id, self.text, self.title, self.vector)) - {None}

    def keeps(self, name: str) -> bool:
        """Return whether a field belongs to `extra`."""
        return name not in self.special and name not in self.skipped and (self.chosen is None or name in self.chosen)


def resolve_fields(
    names: Iterable[str],
    *,
    id_field: str | None = None,
    text_field: str | None = None,
    title_field: str | None = None,
    text_template: str | None = None,
    vector_field: str | None = None,
    candidates: Sequence[Collection[str]] | None = None,
    make_ids: bool = False,
    repeated: Collection[str] = (),
    allow_empty: bool = False,
) -> FieldMap:
    """Return the field map for an input with these field names.

    `text_template`, e.g. "{title}: {text}", is the text to embed; {id}, {text} and {title} also mean the fields
    recognized as such. What is not named is looked for among the first of `candidates`, then among the next; by
    default among all names. An id is looked for among the fields that are not `repeated` first. With `make_ids` no
    field is the id; neither is one where a text is all that there is.

    Raises SourceError when a named field is absent, or no id or text is recognized; ConfigError when the
    template is not made of plain field names.
    """
    found = list(dict.fromkeys(names))
    if vector_field is not None:
        _require(vector_field, found, "vector")
    rest = [name for name in found if name != vector_field]
    among = [[name for name in rest if candidates is None or name in some] for some in candidates or [()]]
    unique = [[name for name in some if name not in repeated] for some in among]
    id_name = None if make_ids else _choose(id_field, rest, [*unique, *among], ID_NAMES, "id")
    text = _choose(text_field, rest, among, TEXT_NAMES, "text")
    title = _choose(title_field, rest, among, TITLE_NAMES, "title")
    if id_name is None and not make_ids and (text is None or len(among[-1] if candidates else rest) > 1):
        if text is None and text_template is None and vector_field is None:
            raise _no_id_and_no_text(found)
        raise _no_field("is recognized as", "id", found)
    parts: tuple[tuple[str, str | None], ...] = ()
    if text_template is not None:
        roles: dict[str, str | None] = {"id": id_name, "text": text, "title": title}
        parts = _bind(parse_template(text_template), rest, roles)
    elif text is None and vector_field is None:
        raise _no_field("is recognized as", "text", found)
    elif text is None and title is None and not allow_empty:
        raise _vectors_alone(found)
    return FieldMap(id_name, text, title, vector_field, parts, allow_empty=allow_empty)


def find_id(names: Iterable[str]) -> str | None:
    """Return the field that is recognized as the id, None where none is.

    >>> find_id(["x", "y", "Doc_ID"])
    'Doc_ID'
    """
    return _known_among(list(names), ID_NAMES)


def parse_template(template: str) -> tuple[tuple[str, str | None], ...]:
    """Return the template's (literal, field) parts. Raises ConfigError as `resolve_fields` does."""
    example = option("text_template", Placeholder(r"'{title}\n{text}'"))
    hint = text("Name fields plainly, e.g. ", example, "; write {{ for a brace.")
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(f"text template {template!r}: {error}", hint) from error
    parts: list[tuple[str, str | None]] = []
    for literal, name, spec, conversion in parsed:
        if name is not None and (not name or spec or conversion or "." in name or "[" in name):
            raise ConfigError(f"text template {template!r}: found {{{name}}} with more than a field name", hint)
        parts.append((literal, name))
    if not any(name for _, name in parts):
        raise ConfigError(f"text template {template!r}: it names no field", hint)
    return tuple(parts)


def _bind(
    parts: tuple[tuple[str, str | None], ...], found: list[str], roles: dict[str, str | None]
) -> tuple[tuple[str, str | None], ...]:
    bound = []
    for literal, name in parts:
        actual = name if name is None or name in found else roles.get(name)
        if name is not None and actual is None:
            raise SourceError(
                f"the text template names the field {name!r}; fields found: {_listed(found)}",
                text("Change ", option("text_template"), " to fields that the input has."),
            )
        bound.append((literal, actual))
    return tuple(bound)


def _choose(
    named: str | None, found: list[str], among: list[list[str]], known: tuple[str, ...], role: str
) -> str | None:
    if named is not None:
        _require(named, found, role)
        return named
    return next((name for some in among if (name := _known_among(some, known))), None)


def _known_among(found: list[str], known: tuple[str, ...]) -> str | None:
    # Of "ID" and "id" side by side, the one spelled as usual; else the first.
    spelled = {name.lower(): name for name in reversed(found)} | {name: name for name in found}
    # "AbstractText" and "Abstract text" come after all that are spelled as they are known.
    plain = {_plain(name): name for name in reversed(found)}
    ways = [*(spelled.get(name) for name in known), *(plain.get(_plain(name)) for name in known)]
    return next((one for one in ways if one is not None), None)


def _plain(name: str) -> str:
    """Return a name without what its parts are divided by, in small letters."""
    return "".join(name.lower().translate(_DIVIDERS).split())


def _require(named: str, found: list[str], role: str) -> None:
    if named not in found:
        raise _no_field(f"{named!r} for", role, found)


def _no_field(which: str, role: str, found: list[str]) -> SourceError:
    ways: list[Text | str] = [text("Name one of them with ", option(f"{role}_field"))]
    if role == "id":
        ways.append(text("make ids of the rows' contents: ", option("id", "auto")))
    if role == "text":
        ways.append(text("put several together with ", option("text_template")))
    return SourceError(
        f"no field {which} the {role}; fields found: {_listed(found)}",
        text(*_or(ways), "."),
    )


def _vectors_alone(found: list[str]) -> SourceError:
    return SourceError(
        f"no field is recognized as the text, or as a title in its stead; fields found: {_listed(found)}",
        text(
            "Name one of them with ",
            option("text_field"),
            ", or take vectors without a text: ",
            option("allow_empty", True),
            ".",
        ),
    )


def _no_id_and_no_text(found: list[str]) -> SourceError:
    # At once, so that nobody runs the command once more to learn of the second.
    return SourceError(
        f"no field is recognized as the id, and none as the text; fields found: {_listed(found)}",
        text(
            "Name them with ",
            option("id_field"),
            " and ",
            option("text_field"),
            ", and what stands for a title with ",
            option("title_field"),
            ".",
        ),
    )


def _or(ways: Sequence[Text | str]) -> list[Text | str]:
    return [part for i, way in enumerate(ways) for part in ((", or ", way) if i else (way,))]


def _listed(found: list[str]) -> str:
    shown = [name if name.strip() == name and name else repr(name) for name in found[:50]]
    return ", ".join(shown) + (", ..." if len(found) > 50 else "") if found else "none"
