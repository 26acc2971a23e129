"""Precomputed embeddings that a source brings: which model made them, and whether that is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from vecindex.core.vectors import F32, row_cosines
from vecindex.errors import ModelError, SourceError
from vecindex.messages import Message, Placeholder, command, counted, option, text
from vecindex.sources.articles import Article
from vecindex.types import FIRST_VALUES, Fingerprint
from vecindex.verbs.ingest.given.recipes import closest_recipe
from vecindex.verbs.ingest.model import NAME
from vecindex.verbs.ingest.plan import Planned
from vecindex.verbs.ingest.run import Run

SAMPLE = 16
_ON_TRUST = command("ingest", Placeholder("SOURCE"), unverified=True, table=NAME)
MIN_COSINE = 0.99
"""Lowest median cosine at which vectors count as those of a model; stored int8 vectors keep 0.9999."""


def settle_fingerprint(run: Run, rows: Sequence[Planned]) -> None:
    """Settle what made the vectors of the first rows, and compare it with the table.

    A sample of the texts is embedded with the model that is said to have made them. Only when the user asks for it
    (`unverified`) are they taken on trust; then the table's weights are "unknown", and it never takes vectors that
    vecindex makes.

    Raises
    ------
    ModelError
        They are not the model's vectors, or cannot be checked: there is no model or no text to check with, or
        `unverified` forbids it and the table is of a known model.
    SourceError
        None of the rows has a vector.
    """
    given = [(row.article, row.article.vector) for row in rows if row.article.vector is not None]
    if not given:
        raise SourceError(
            "None of the first rows has a vector.",
            text("Check ", option("vector_field"), " or ", option("vectors"), "."),
        )
    stored = run.fingerprint
    if stored is not None and stored.weights == "unknown":
        return
    # The number of values that most vectors have, so that a stray one does not decide for all.
    dimension = Counter(len(vector) for _, vector in given).most_common(1)[0][0]
    checkable = [one for one in given if one[0].embed_text.strip() and len(one[1]) == dimension]
    reason = _why_unchecked(run, bool(checkable))
    if reason is not None:
        if stored is not None:
            raise ModelError(
                text(f"{run.where} holds vectors of {stored.model}; these are not checked against it: ", reason, "."),
                text("Put them into a table of their own: ", _ON_TRUST),
            )
        if not run.options["unverified"]:
            raise ModelError(
                text("The vectors are not checked: ", reason, "."),
                text(
                    "Name the model that made them (",
                    option("model", NAME),
                    ", or its folder); or keep them as they are, in a table that takes precomputed embeddings only: ",
                    option("unverified", True),
                ),
            )
        run.fingerprint = Fingerprint(
            model=run.choice.name,
            weights="unknown",
            revision=run.options["revision"],
            dimension=dimension,
            pooling="unknown" + (FIRST_VALUES.format(dimension) if run.choice.dimensions else ""),
            prompt=run.choice.prompt or "",
            max_tokens=run.choice.max_tokens or 0,
            text_template=run.choice.text_template,
            chunking=None,
        )
        run.observer.notice(f"vectors are taken as those of {run.choice.name}, unverified")
        return
    articles, parts = zip(*checkable[:: max(1, len(checkable) // SAMPLE)][:SAMPLE], strict=True)
    encoder, vectors = run.load_encoder(), np.stack(parts)
    if dimension != encoder.dimension:
        raise ModelError(
            f"The vectors have {counted(dimension, 'value')}, those of {run.choice.name} have {encoder.dimension}.",
            text("Name the model that made them: ", option("model", NAME)),
        )
    made = encoder.embed_texts([article.embed_text for article in articles], encoder.prompt)
    median = float(np.median(row_cosines(made, vectors)))
    if median < MIN_COSINE:
        raise _not_the_model_s(run, median, articles, vectors)
    run.observer.notice(
        f"vectors verified as those of {run.choice.name}: median cosine {median:.4f} over "
        f"{counted(len(articles), 'row')}"
    )


def _not_the_model_s(run: Run, median: float, articles: Sequence[Article], vectors: F32) -> ModelError:
    """Return the error for vectors that are not made as the options say, with the recipe that comes closest."""
    name = run.choice.name
    said = (
        f"The vectors are not those of {name} for these texts: median cosine {median:.3f} over "
        f"{counted(len(articles), 'row')}, at least {MIN_COSINE} expected."
    )
    run.observer.notice("looking for the length and the template that they were made with")
    encoder = run.full_length_encoder()
    prompts = [run.load_encoder().prompt, ""]
    found = closest_recipe(encoder, articles, vectors, prompts, run.choice.text_template)
    on_trust = text("keep them as they are, in a table of their own: ", _ON_TRUST)
    if found.cosine >= MIN_COSINE and run.table is None:
        way = text("Ingest them with ", found.options(), "; or ", on_trust)
    elif found.cosine >= MIN_COSINE:
        way = text("Put them into a table of their own, with ", found.options(), " and ", option("table", NAME))
    else:
        options = (option("model"), ", ", option("max_tokens"), ", ", option("prompt"), " or ")
        way = text("Name the right ", *options, option("text_template"), "; or ", on_trust)
    return ModelError(f"{said} The closest recipe is {found}.", way)


def _why_unchecked(run: Run, have_texts: bool) -> Message | None:
    """Return why vectors are not checked against their model, None where they are."""
    if run.options["unverified"]:
        return text(option("unverified"), " was given")
    if run.choice.files is None:
        return f"the model {run.choice.name} is not on this machine"
    return None if have_texts else "none of the first rows has a text"
