"""What a reader sees of templates that stand in a sentence: words, numbers and units. Of all others nothing.

Names are those of the largest wikis. An argument is known by its name or its number, as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Given = Mapping[str, str]

_NUMBER = re.compile(r"[-+−]?\d")
_JOINS = {"to": " to ", "-": "–", "–": "–", "to(-)": "–", "and": " and ", "and(-)": " and ", "by": " by ", "x": " × "}
_JOINS |= {"×": " × ", "or": " or ", "+/-": " ± ", "±": " ± ", "*": " × "}


def _argument(*names: str) -> Callable[[Given], str]:
    """Return what shows the first of these arguments that is there."""
    return lambda given: next((given[name] for name in names if given.get(name)), "")


def _joined(separator: str, most: int = 9) -> Callable[[Given], str]:
    """Return what shows the arguments without names, with a separator between them."""
    return lambda given: separator.join(_positional(given)[:most])


def _positional(given: Given) -> list[str]:
    found: list[str] = []
    while (value := given.get(str(len(found) + 1))) is not None:
        found.append(value)
    return found


def _measure(given: Given) -> str:
    """Show a number, or a range, with its unit, as {{convert}} does before it converts."""
    found = _positional(given)
    text = found[0] if found else ""
    rest = found[1:]
    while len(rest) > 1 and rest[0] in _JOINS and _NUMBER.match(rest[1]):
        text += _JOINS[rest[0]] + rest[1]
        rest = rest[2:]
    return " ".join([text, *rest[:1]]).strip()


def _value(given: Given) -> str:
    """Show {{val}}: a number, its uncertainty, its exponent and its unit."""
    found = _positional(given)
    text = given.get("p", "") + (found[0] if found else "") + given.get("s", "")
    if len(found) > 1:
        text += f"±{found[1]}" if len(found) == 2 else f" +{found[1].lstrip('+')} −{found[2].lstrip('-−')}"
    if given.get("e"):
        text += f"×10^{given['e']}"
    unit = given.get("u") or given.get("ul") or ""
    per = given.get("up") or given.get("upl") or ""
    return " ".join(part for part in [text, f"{unit}/{per}" if per else unit] if part)


def _fraction(given: Given) -> str:
    found = _positional(given)
    if len(found) == 1:
        return f"1/{found[0]}"
    return f"{found[0]} {found[1]}/{found[2]}" if len(found) == 3 else "/".join(found)


def _formula(given: Given) -> str:
    return re.sub(r"[{}_^]", "", "".join(_positional(given)))


def _prefixed(prefix: str) -> Callable[[Given], str]:
    return lambda given: f"{prefix}{given.get('1', '')}".strip()


_PLAIN = (
    *("nowrap", "nobr", "nobreak", "small", "smaller", "big", "larger", "abbr", "tooltip", "mvar", "var", "math"),
    *("em", "strong", "sic", "as written", "not a typo", "notatypo", "proper name", "italic", "bold"),
    *("sup", "sub", "formatnum", "nts", "number", "nombre", "num", "lc", "uc", "lcfirst", "ucfirst"),
)
"""Templates that show their first argument."""

_SHOWN: dict[str, Callable[[Given], str]] = {
    "lang": _argument("2"),
    "langx": _argument("2"),
    "transl": _argument("3", "2"),
    "transliteration": _argument("3", "2"),
    **dict.fromkeys(_PLAIN, _argument("1")),
    **dict.fromkeys(("convert", "cvt", "convertir", "unit", "unité", "unidad", "nb", "nombre+unité"), _measure),
    **dict.fromkeys(("val", "value"), _value),
    **dict.fromkeys(("frac", "sfrac", "fraction", "fract", "bruch"), _fraction),
    **dict.fromkeys(("chem", "chem2", "chemie", "hchem"), _formula),
    **dict.fromkeys(("circa", "c.", "ca."), _prefixed("c. ")),
    "as of": _joined(" "),
    "color": _argument("2"),
    "gaps": _joined(""),
    "us$": _prefixed("US$"),
    "usd": _prefixed("US$"),
    **dict.fromkeys(("€", "eur", "euro"), _prefixed("€")),
    **dict.fromkeys(("£", "gbp"), _prefixed("£")),
    **dict.fromkeys(("¥", "jpy"), _prefixed("¥")),
    **dict.fromkeys(("₹", "inr"), _prefixed("₹")),
    **dict.fromkeys(("nbsp", "space", "spaces", "nbs"), lambda _: " "),
    **dict.fromkeys(("ndash", "en dash", "–", "endash"), lambda _: "–"),
    **dict.fromkeys(("snd", "spnd", "spaced ndash", "spaced en dash"), lambda _: " – "),
    **dict.fromkeys(("mdash", "em dash", "—"), lambda _: "—"),
    **dict.fromkeys(("·", "dot", "middot", "•"), lambda _: " · "),
    **dict.fromkeys(("pi", "π"), lambda _: "π"),
    "!": lambda _: "|",
    "=": lambda _: "=",
}


_FUNCTIONS = ("formatnum", "lc", "uc", "lcfirst", "ucfirst")


def what_shows(name: str) -> Callable[[Given], str] | None:
    """Return what makes of a template's arguments what a reader sees of it; None for a template that is not known.

    `name` may be that of a function with its first argument, as in {{formatnum:20}}.

    >>> what_shows("formatnum:20")({}), what_shows("Val")({"1": "20", "ul": "nm"})
    ('20', '20 nm')
    >>> what_shows("convert")({"1": "5", "2": "to", "3": "10", "4": "km", "5": "mi"})
    '5 to 10 km'
    >>> what_shows("frac")({"1": "3", "2": "1", "3": "2"}), what_shows("lang-de")({"1": "A"}), what_shows("cite")
    ('3 1/2', 'A', None)
    """
    # Names begin with a letter of either case, and blanks may be lines under them.
    plain = name.replace("_", " ").strip().lower()
    if plain.partition(":")[0] in _FUNCTIONS and ":" in plain:
        # The argument as it was written, not in small letters.
        argument = name.partition(":")[2].strip()
        return lambda _: argument
    return _argument("1") if plain.startswith("lang-") else _SHOWN.get(plain)
