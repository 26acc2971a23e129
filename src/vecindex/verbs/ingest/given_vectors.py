"""Precomputed embeddings that a source brings: which model made them, and whether that is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from vecindex.core.vectors import F32, row_cosines
from vecindex.errors import ModelError, SourceError
from vecindex.messages import Message, Placeholder, command, option, text
from vecindex.types import Fingerprint
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
    rows = [row for row in rows if row.article.vector is not None]
    if not rows:
        raise SourceError(
            "None of the first rows has a vector.",
            text("Check ", option("vector_field"), " or ", option("vectors"), "."),
        )
    stored = run.fingerprint
    if stored is not None and stored.weights == "unknown":
        return
    dimension = _usual_dimension(rows)
    texts = [row for row in rows if row.article.embed_text.strip() and len(_given(row)) == dimension]
    reason = _why_unchecked(run, texts)
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
        run.fingerprint = _on_trust(run, dimension)
        run.observer.notice(f"vectors are taken as those of {run.choice.name}, unverified")
        return
    sample = texts[:: max(1, len(texts) // SAMPLE)][:SAMPLE]
    median = _median_cosine(run, sample)
    if median < MIN_COSINE:
        raise ModelError(
            f"The vectors are not those of {run.choice.name} for these texts: median cosine {median:.3f} over "
            f"{len(sample)} rows, at least {MIN_COSINE} expected.",
            text(
                *("Name the right ", option("model"), ", ", option("max_tokens"), ", ", option("prompt"), " or "),
                *(option("text_template"), "; or keep them as they are, in a table of their own: ", _ON_TRUST),
            ),
        )
    run.observer.notice(
        f"vectors verified as those of {run.choice.name}: median cosine {median:.4f} over {len(sample)} rows"
    )


def _why_unchecked(run: Run, texts: Sequence[Planned]) -> Message | None:
    """Return why vectors are not checked against their model, None where they are."""
    if run.options["unverified"]:
        return text(option("unverified"), " was given")
    if run.choice.files is None:
        return f"the model {run.choice.name} is not on this machine"
    return None if texts else "none of the first rows has a text"


def _usual_dimension(rows: Sequence[Planned]) -> int:
    """Return the number of values that most vectors have, so that a stray one does not decide for all."""
    return Counter(len(_given(row)) for row in rows).most_common(1)[0][0]


def _given(row: Planned) -> F32:
    assert row.article.vector is not None, "only rows with vectors are sampled"
    return row.article.vector


def _median_cosine(run: Run, sample: Sequence[Planned]) -> float:
    texts = [row.article.embed_text for row in sample]
    run.load_encoder()
    encoder = run.loaded_encoder
    given = np.stack([_given(row) for row in sample])
    if given.shape[1] != encoder.dimension:
        raise ModelError(
            f"The vectors have {given.shape[1]} values, those of {run.choice.name} have {encoder.dimension}.",
            text("Name the model that made them: ", option("model", NAME)),
        )
    ours = encoder.embed_texts(texts, encoder.prompt)
    return float(np.median(row_cosines(ours, given)))


def _on_trust(run: Run, dimension: int) -> Fingerprint:
    return Fingerprint(
        model=run.choice.name,
        weights="unknown",
        revision=run.options["revision"],
        dimension=dimension,
        pooling="unknown",
        prompt=run.choice.prompt or "",
        max_tokens=run.choice.max_tokens or 0,
        text_template=run.choice.text_template,
        chunking=None,
    )
