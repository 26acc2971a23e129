"""A result of `overlap` as plain values, made by hand, and a reader of the pages made of it."""

from __future__ import annotations

import copy
import json
import random
from html.parser import HTMLParser
from typing import Any

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "\"quotes\" & 'more' <b>bold</b>",
    "line\u2028separator\u2029end",
    "lone \ud800 surrogate",
    "\u202eright to left\u202c, \u2067\u05d0\u2069",
    "nul \x00 and bell \x07",
    "<!-- <script> -->",
    "]]> &lt;b&gt; \\u003c ${x} `y`",
]


def interval(mean: float | None, width: float = 0.05) -> dict[str, Any]:
    low, high = (None, None) if mean is None else (max(0.0, mean - width), mean + width)
    return {"mean": mean, "low": low, "high": high, "level": 0.95, "by": "question"}


def placement(rule: str, overlap: float | None, k: int) -> dict[str, Any]:
    return {
        "rule": rule,
        "overlap": interval(overlap),
        "rank_weighted": interval(overlap),
        "enough": interval(0.25),
        "none": 0.125,
        "adjusted": overlap,
        "by_k": {"1": 0.1, str(k): overlap, "50": 0.7},
        "soft": {"10": 0.6, "50": 0.8, "100": 0.9},
        "reciprocal": {"10": 0.5, "50": 0.75, "100": 0.95},
        "merged": overlap,
        "distinct_lists": 1.0,
        "compactness": 0.4,
        "box": None,
        "articles_inside": 12,
        "articles_expected": 10.25,
        "hull_share": 0.3,
        "answers": None,
    }


def cause(name: str = "projection capacity") -> dict[str, Any]:
    return {
        "cause": name,
        "summary": "The map does not keep them.",
        "because": {"self_recall": 0.31, "overlap": 0.4},
        "confidence": "medium",
        "experiment": "Make another map.",
        "remedy": "Another method.",
    }


def make_result(
    questions: int = 4, maps: tuple[str, ...] = ("flat",), k: int = 5, titles: list[str] | None = None
) -> dict[str, Any]:
    """Return a result of which each question i keeps i of k (modulo) on the first map, and one less on the others."""
    random_ = random.Random(0)
    titles = titles or [f"Title {i}" for i in range(40 * questions)]

    def near(count: int, start: int, kept: int, first: int) -> list[dict[str, Any]]:
        rows = [(first + i) if i < kept else (start + i) for i in range(count)]
        return [
            {"rank": i + 1, "id": f"a{row}", "title": titles[row % len(titles)], "dist": 0.1 * (i + 1) + 1e-5 * row}
            for i, row in enumerate(rows)
        ]

    rows = []
    for i in range(questions):
        on_maps = {}
        for m, name in enumerate(maps):
            rules = {}
            for r, rule in enumerate(("search", "median")):
                kept = max(0, i % (k + 1) - m - r)
                rules[rule] = {
                    "x": random_.random(),
                    "y": random_.random(),
                    "overlap": kept / k,
                    "rank_weighted": kept / k,
                    "soft": {"10": 0.6, "50": 0.8},
                    "reciprocal": {"10": 0.6, "50": 0.8},
                    "neighbors": near(k, 20 * i + 10, kept, 20 * i),
                }
            on_maps[name] = rules
        rows.append(
            {
                "id": f"q{i}",
                "text": f"question number {i}?",
                "topic": None,
                "nearest_dist": 0.3 + 0.01 * i,
                "nearest_percentile": (10.0 * i) % 100,
                "answers_recall": None,
                "answers_reciprocal_rank": None,
                "neighbors": near(k, 20 * i, k, 20 * i),
                "maps": on_maps,
            }
        )
    measured = [
        {
            "name": name,
            "about": {"method": "planted", "seed": m},
            "articles": 400,
            "outside": 0,
            "targets_outside": 0.0,
            "self_recall": interval(0.31),
            "agreement": 0.9,
            "evenness": None,
            "search": placement("search", 0.4 - 0.1 * m, k),
            "median": placement("median", 0.2, k),
            "causes": [cause()],
        }
        for m, name in enumerate(maps)
    ]
    space = {
        "nearest_dist": 0.3125,
        "articles_nearest_dist": 0.4375,
        "nearest_percentile": 15.0,
        "far_share": 0.0,
        "distinct_ratio": 1.0,
        "collapse_ceiling": 0.25,
        "mixing": 0.2,
        "mixing_chance": 0.1,
        "compactness": 0.9,
        "hubness_skew": 1.5,
        "hub_share": 0.0,
        "cohesion": 0.5,
        "articles_cohesion": 0.4,
        "duplicated_targets": 0.0,
        "duplicated_articles": 0.0,
        "truncated": 0.02,
        "answers": None,
        "answers_absent": None,
        "sample": 400,
    }
    return {
        "table": "articles",
        "questions_name": "questions.jsonl",
        "questions": questions,
        "topics": 0,
        "articles": 400,
        "k": k,
        "model": "planted",
        "chance": k / 400,
        "snap_floor": 1 / k,
        "padding": 0.5,
        "seed": 1,
        "embedded": 0,
        "space": space,
        "maps": measured,
        "rows": rows,
        "causes": [cause()],
        "verdict": "40 % of the nearest articles stay nearest" if maps else "no map to measure overlap on",
        "next": ["Make a map: say how."],
        "answer": {
            "figure": "2.0 of 5 are kept. The goal is missed.",
            "map": '"flat" (the only one)',
            "cause": "two dimensions are too few",
            "done": '"flat" made',
            "others": "if they are like these, 35 % to 45 %",
            "next": "Make another map.",
            "command": "vecindex project other --db 'a db'",
            "look": "vecindex overlap --question q0",
        },
        "rejected": [],
        "duplicates": [],
        "seconds": {"neighbors": 0.1},
    }


def with_corpus(found: dict[str, Any]) -> dict[str, Any]:
    """Return a result to which nested samples and experiments were added."""
    found = copy.deepcopy(found)
    points = [
        {
            "share": share,
            "articles": int(400 * share),
            "nearest_dist": interval(0.5 - 0.1 * i, 0.02),
            "overlap": {one["name"]: interval(0.8 - 0.1 * i) for one in found["maps"]},
            "answers_recall": None if i == 0 else interval(0.3 + 0.1 * i),
            "mrr": None,
            "topic_precision": interval(0.55),
        }
        for i, share in enumerate((0.1, 0.25, 1.0))
    ]
    trends = [
        {"figure": "nearest_dist", "map": None, "per_doubling": interval(-0.0625), "verdict": "falls"},
        {"figure": "overlap", "map": "flat", "per_doubling": interval(0.034), "verdict": "no clear change"},
    ]
    found["what_if"] = {
        "points": points,
        "trends": trends,
        "summary": "More articles bring nearer ones.",
        "note": "Only of these.",
    }
    found["experiments"] = [
        {
            "name": "hub_reduction",
            "question": "Are they hubs?",
            "expected": "The ratio rises.",
            "figures": {"distinct_ratio": 0.42},
            "outcome": "refutes",
            "cause": "hubs",
        }
    ]
    return found


class Page(HTMLParser):
    """What stands in a page: its tags in order, its tables as rows of text, and the data embedded in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self._scripts: dict[str, str] = {}
        self._script: str | None = None
        self._cell: list[str] | None = None
        self.feed(text)
        self.close()

    @property
    def data(self) -> Any:
        return json.loads(self._scripts["neighbors"])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if tag == "script":
            self._script = values.get("id") or f"code {len(self._scripts)}"
            self._scripts[self._script] = ""
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None
        elif tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell).strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._scripts[self._script] += data
            return
        self.texts.append(data)
        if self._cell is not None:
            self._cell.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def row(self, *begin: str) -> list[str]:
        """Return the first row of any table that begins with these cells."""
        for table in self.tables:
            for row in table:
                if row[: len(begin)] == list(begin):
                    return row
        raise AssertionError(f"no row begins with {begin}: {self.tables}")
