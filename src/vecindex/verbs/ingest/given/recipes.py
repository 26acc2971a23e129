"""By which recipe vectors were made: a small grid over what stands around a text and how much of it was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vecindex.core.vectors import F32, row_cosines
from vecindex.embed.encoder import ANY_LENGTH, Encoder, Tokens
from vecindex.messages import Text, option, text
from vecindex.sources.articles import Article

_LENGTHS = (512, 384, 256, 192, 128, 96, 64, 32)
_TEMPLATES = ("{text}", "{title}\n{text}", "{title}: {text}", "{title}. {text}", "{title} {text}", "{title}")
_WITH_FIELD = ("{title}: {field}\n{text}", "{title}\n{field}\n{text}", "{field}\n{text}")
_MOST_FIELDS = 2
_LONGEST_FIELD = 200
_FEW = 4
"""Texts that every recipe is tried on; the best one is tried on all."""
_COARSE = 96


@dataclass(frozen=True, slots=True)
class Recipe:
    """How texts may have been embedded, and the median cosine of the vectors made so to those that were given."""

    template: str
    max_tokens: int
    prompt: str
    cosine: float

    def __str__(self) -> str:
        """Return it in words."""
        parts = self.template.replace("{", "").replace("}", "").replace("\n", " + ").replace(": ", " + ")
        behind = f" behind the prompt {self.prompt!r}" if self.prompt else ""
        read = " + ".join(parts.replace(". ", " + ").replace(" + ", " ").split())
        length = "" if self.max_tokens >= ANY_LENGTH else f" at {self.max_tokens:,} tokens"
        return f"{read}{behind}{length}: {self.cosine:.3f}"

    def options(self) -> Text:
        """Return the options of an ingest that makes vectors so."""
        template = self.template.replace("\n", "\\n")
        shown = text() if template == "{text}" else text(" ", option("text_template", template))
        prompt = text(" ", option("prompt", self.prompt)) if self.prompt else text()
        return text(option("max_tokens", self.max_tokens), shown, prompt)


def closest_recipe(
    encoder: Encoder, articles: Sequence[Article], vectors: F32, prompts: Sequence[str], template: str | None
) -> Recipe:
    """Return the recipe whose vectors (n, d) are closest to the given ones, by the median cosine over all articles.

    `encoder` reads as much as the model can; it is left as it was. `template` is the one that was asked for, by which
    the articles' `embed_text` is made.
    """
    longest, given = encoder.max_tokens, np.asarray(vectors)
    lengths = [longest, *(length for length in _LENGTHS if length < longest)]
    asked = {} if template is None else {template: [article.embed_text for article in articles]}
    texts = asked | {one: [_filled(one, article) for article in articles] for one in _templates(articles)}
    grid = [(one, prompt) for one in texts for prompt in dict.fromkeys(prompts)]

    def tried(pairs: Iterable[tuple[str, str]], some: int, at: Sequence[int]) -> list[Recipe]:
        found = [
            Recipe(one, length, prompt, cosine)
            for one, prompt in pairs
            for length, cosine in _cosines(encoder, texts[one][:some], given[:some], prompt, at)
        ]
        return sorted(found, key=lambda recipe: -recipe.cosine)

    try:
        # In turns: the template shows at any length, if less, and the length with any template that is nearly right.
        best = tried(grid, _FEW, [length for length in lengths if length in (longest, _COARSE)])[0]
        best = tried([(best.template, best.prompt)], _FEW, lengths)[0]
        best = tried(grid, _FEW, [best.max_tokens])[0]
        return tried([(best.template, best.prompt)], len(articles), [best.max_tokens])[0]
    finally:
        encoder.max_tokens = longest


def _cosines(
    encoder: Encoder, texts: Sequence[str], given: F32, prompt: str, lengths: Sequence[int]
) -> Iterator[tuple[int, float]]:
    """Yield each length with the median cosine; texts that read the same at several lengths are embedded once."""
    read: list[list[int]] = []
    of_length: list[list[int]] = []
    numbers: dict[tuple[int, ...], int] = {}
    left_out = 0
    for length in lengths:
        encoder.max_tokens = length
        tokens = encoder.tokenize(texts, prompt)
        left_out = tokens.left_out
        of_length.append([numbers.setdefault(tuple(ids), len(numbers)) for ids in tokens.ids])
        read += [list(ids) for ids in list(numbers)[len(read) :]]
    counts = np.array([len(ids) for ids in read], dtype=np.int32)
    made = encoder.embed(Tokens(read, counts, np.zeros(len(read), dtype=np.bool_), left_out)).vectors
    for length, which in zip(lengths, of_length, strict=True):
        yield length, float(np.median(np.nan_to_num(row_cosines(made[which], given), nan=-1.0)))


def _templates(articles: Sequence[Article]) -> list[str]:
    """Return the templates to try: with a title where there is one, and with short fields that all articles have."""
    has_title = any(article.title for article in articles)
    plain = [template for template in _TEMPLATES if has_title or "{title}" not in template]
    names = [name for name, value in articles[0].extra.items() if isinstance(value, str)]
    short = [
        name
        for name in names
        if name.isidentifier()
        and all(isinstance(a.extra.get(name), str) and len(a.extra[name]) <= _LONGEST_FIELD for a in articles)
    ]
    more = [template for template in _WITH_FIELD if has_title or "{title}" not in template]
    return plain + [one.replace("{field}", f"{{{name}}}") for name in short[:_MOST_FIELDS] for one in more]


def _filled(template: str, article: Article) -> str:
    own = {name: value for name, value in article.extra.items() if isinstance(value, str)}
    return template.format_map({**own, "title": article.title or "", "text": article.text})
