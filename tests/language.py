"""Finds house words: words that only this project used where the field has a standard term.

    python tests/language.py                      all checked files; prints file:line: word -> better: context
    python tests/language.py src/vecindex/maps    only these files and folders
    python tests/language.py --count              hits for each word and for each file

Exit code 1 if there are hits. `tests/unit/test_language.py` holds the count at 0.

How a file is read: identifiers are split into their words (`place_of_kth`, `placeOfKth` and `PLACE_OF_KTH` are
"place of kth"), letter case is dropped, and line ends, quotes and comment marks between two words count as one space.
So a phrase is found in prose, in names, and across the lines of a docstring or of adjacent strings.

What is allowed:
- a name with an underscore that `schemas/` has as key, column or value, anywhere (`snap_floor`): released names stay;
- a key or value of one word in `schemas/`, in quotes only (`"place"`);
- what `ALLOWED` lists, each with its reason.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

# `place` as a verb is plain English ("place the questions", `place_by_search`); as a noun it is a position (on a map)
# or a location (of an input row). A verb has one of these words behind it and none of the others before it.
_OBJECTS = "the|them|it|a|an|all|each|every|any|new|these|those|this|both|questions?|articles?|rows?|points?|by|at"
_DETERMINERS = (
    "a|an|the|its|their|his|her|your|our|no|one|this|that|each|every|which|same|other|another|own|old|new|best|of"
    "|right|wrong|first|second|last|true|whose|some|many"
)

# What stands here is matched against words in small letters with single spaces between them.
HOUSE_WORDS: dict[str, tuple[str, str]] = {
    "tell": (r"tells?|told|telling", "report, show, print, say; told apart: distinguished"),
    "place": (
        rf"(?<!\bin )places?(?! (?:{_OBJECTS})\b)|(?<=\b)(?:{_DETERMINERS}) places?(?! holder)",
        "position, coordinates (map, list); location (input row)",
    ),
    "signs": (
        r"signs|(?:last|first|next|one|each|every|other|typed|control|typographic|a|single) sign(?! of)"
        r"|for sign in|sign (?:==|!=|in)",
        "characters",
    ),
    "beside": (r"beside", "alongside, next to, compared with"),
    "anew": (r"anew|afresh", "again"),
    "pull": (r"pull(?:s|ed|ing)?(?! request)", "attraction, attract"),
    "finish": (
        r"(?:a|the|this|its|that|own|no|without) finish(?! (?:line|the|their|its)\b)"
        r"|finish (?:weights?|neighbors|iterations|exaggeration)|finish(?:es)? of",
        "refinement (of a layout)",
    ),
    "laid over": (r"(?:laid|lays?|laying|lies?|lying) over", "aligned (Procrustes)"),
    "held against": (r"(?:held|holds?|holding)(?: [\w-]+){0,4} against", "compared with, checked against"),
    "few shapes": (r"few shapes", "few distinct batch shapes"),
    "ready-made": (r"ready[- ]made", "precomputed"),
    "neutral": (r"neutral (?:placement|place|position|rule)", "median baseline"),
    "candidate search": (r"candidate[- ]search", "best position (search over candidates)"),
    "words as well": (
        r"words as well|index(?:es)? of (?:the )?words|words? index(?:ed)?",
        "hybrid search (BM25 + vectors); full-text index",
    ),
    "at hand": (r"at hand", "available, loaded"),
    "targets": (r"targets|target (?:ranks?|rows?|lists?)", "true neighbors"),
    "keep enough": (r"(?:keep|keeps|keeping|kept) enough", "keep at least 3 of 5"),
    "plausible": (r"plausibl[ey]", "map neighbors that are close in embedding space"),
    "snap floor": (r"snap floor", "floor: question placed on its nearest article"),
    "edition": (r"editions?", "snapshot"),
    "lit": (r"lit", "highlighted"),
    "reader has gone": (r"reader (?:of [\w ]{1,20} )?(?:has |is )?gone", "output closed (broken pipe)"),
    "map map": (r"map map (?:of|is)|on map map|map map keeps", 'on the map "map"; with one map: on the map'),
    "refutes": (r"refute[sd]?", "ruled out"),
    "cut off": (
        r"(?:cut|cuts|cutting) off|(?:is|are|was|were|been|be|get|gets) cut(?! (?:into|in|at|out)\b)",
        "truncated",
    ),
    "look through": (r"look(?:s|ed|ing)? through", "scan"),
}
_PATTERNS = {word: re.compile(rf"\b(?:{pattern})\b") for word, (pattern, _) in HOUSE_WORDS.items()}

# (which files, what is allowed there, why). The files are a pattern of their path below the root.
ALLOWED: tuple[tuple[str, str, str], ...] = (
    (r"", r"finish_(?:neighbors|iterations|exaggeration)", "settings that are stored with a map"),
    (r"", r"\b(?:REFUTES|SUPPORTS)\b", "the names of the released values `refutes` and `supports`"),
    (r"serve", r"[\"`]edition[\"`]|\.edition\b|\bedition\b(?=\??\s*[:=,])", "a key of the server's JSON"),
    (r"", r"\bstored\.tell\(\)", "a method of files"),
    (r"", r"a\s+sign-flip", "the name of a statistical test"),
    (r"", r"target_rows_per_fragment", "an argument of Lance"),
    (r"\.js$", r"\bevent\.(?:current)?[tT]argets?\b", "DOM"),
)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Between two words of one phrase: line ends, quotes, marks of comments and of Markdown.
_JOINT = re.compile(r"[\s_\"'`#*/\\|>]*")


@dataclass(frozen=True)
class Hit:
    """A house word in a file."""

    path: str
    line: int  # from 1
    word: str
    context: str

    def __str__(self) -> str:
        """Return the hit as an editor or a terminal can open it."""
        return f"{self.path}:{self.line}: {self.word} -> {HOUSE_WORDS[self.word][1]}: {self.context}"


def words_of(text: str) -> tuple[str, list[int], list[int]]:
    """Return a text as words in small letters, and for each of its characters where it comes from.

    Two lists of offsets into `text`: where each character begins, and where it ends.
    """
    parts: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    last = 0
    for found in _WORD.finditer(text):
        gap = text[last : found.start()]
        between = " " if _JOINT.fullmatch(gap) else gap if gap == "-" else f" {gap.strip()} "
        parts += [between, found[0].lower()]
        begins += [last] * len(between) + list(range(*found.span()))
        ends += [found.start()] * len(between) + list(range(found.start() + 1, found.end() + 1))
        last = found.end()
    return "".join(parts), begins, ends


def _strings(value: Any) -> Iterator[str]:
    """Return all keys and texts of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key not in {"description", "title", "$comment"}:
                yield from _strings(item)


@cache
def released() -> re.Pattern[str]:
    """Return what matches the names of `schemas/`: of several words anywhere, of one word in quotes."""
    names = {
        name
        for path in sorted((ROOT / "schemas").glob("*.json"))
        for name in _strings(json.loads(path.read_text(encoding="utf-8")))
        if re.fullmatch(r"[A-Za-z_]\w*", name)
    }
    several = "|".join(re.escape(name) for name in sorted(names) if "_" in name)
    single = "|".join(re.escape(name) for name in sorted(names) if "_" not in name)
    return re.compile(rf"\b(?:{several})\b|([\"'`])(?:{single})\1")


def hits_in(text: str, path: str = "") -> list[Hit]:
    """Return the house words in a text, in order; `path` decides which exceptions apply."""
    spans = [found.span() for found in released().finditer(text)]
    for files, allowed, _ in ALLOWED:
        if re.search(files, path):
            spans += [found.span() for found in re.finditer(allowed, text)]
    words, begins, ends = words_of(text)
    lines = text.splitlines()
    found = []
    for word, pattern in _PATTERNS.items():
        for match in pattern.finditer(words):
            begin, end = begins[match.start()], ends[match.end() - 1]
            if not any(low <= begin and end <= high for low, high in spans):
                line = text.count("\n", 0, begin) + 1
                found.append(Hit(path, line, word, lines[line - 1].strip()[:100]))
    return sorted(found, key=lambda hit: hit.line)


def unreleased(changelog: str) -> str:
    """Return the part of the changelog that is not released yet, with empty lines for what stands above it."""
    above, heading, rest = changelog.partition("## [Unreleased]")
    return "\n" * above.count("\n") + heading + re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def hits_in_file(path: Path) -> list[Hit]:
    """Return the house words in a file below the root."""
    text = path.read_text(encoding="utf-8")
    if path.name == "CHANGELOG.md":
        text = unreleased(text)
    return hits_in(text, path.relative_to(ROOT).as_posix())


def documents() -> list[Path]:
    """Return the pages of the project."""
    readmes = [ROOT / folder / "README.md" for folder in ("bench", "db", "examples")]
    return [*sorted(ROOT.glob("*.md")), *readmes, *sorted((ROOT / "docs").rglob("*.md"))]


def sources() -> list[Path]:
    """Return the source files that people read or that make what they read; not what is bundled from them."""
    kinds = {".py", ".js", ".mjs", ".html", ".css"}
    found = (path for path in (ROOT / "src").rglob("*") if path.suffix in kinds)
    return sorted(path for path in found if "bundles" not in path.parts)


def _below(names: Iterable[str]) -> list[Path]:
    """Return the checked files that are named, or lie below a folder that is named."""
    known = [*documents(), *sources()]
    wanted = [Path(name).resolve() for name in names]
    return [path for path in known if not wanted or any(path == at or at in path.parents for at in wanted)]


_UNCOUNTED = re.compile(r":,\} (rows|articles|questions)\b")


def uncounted(text: str) -> list[str]:
    """Return the lines that print a number in front of a plural without looking whether it is 1.

    `messages.counted` does: "1 row", "2 rows".

    >>> uncounted('f"{n:,} rows are new"'), uncounted("f\"{counted(n, 'row')} more\"")
    (['f"{n:,} rows are new"'], [])
    """
    return [line.strip() for line in text.splitlines() if _UNCOUNTED.search(line)]


def main(arguments: list[str]) -> int:
    """Print the hits and return the exit code."""
    counting = "--count" in arguments
    hits = [hit for path in _below(a for a in arguments if a != "--count") for hit in hits_in_file(path)]
    if counting:
        for counts in (Counter(hit.word for hit in hits), Counter(hit.path for hit in hits)):
            print(*(f"{count:6} {name}" for name, count in counts.most_common()), sep="\n", end="\n\n")
    else:
        print(*hits, sep="\n")
    print(f"{len(hits)} house words", file=sys.stderr)
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
