"""Precomputed embeddings that a source brings: which model made them, and whether that is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from vecindex.core.vectors import row_cosines
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
    given = [(row.article.embed_text, row.article.vector) for row in rows if row.article.vector is not None]
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
    checkable = [(read, vector) for read, vector in given if read.strip() and len(vector) == dimension]
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
            pooling="unknown",
            prompt=run.choice.prompt or "",
            max_tokens=run.choice.max_tokens or 0,
            text_template=run.choice.text_template,
            chunking=None,
        )
        run.observer.notice(f"vectors are taken as those of {run.choice.name}, unverified")
        return
    texts, vectors = zip(*checkable[:: max(1, len(checkable) // SAMPLE)][:SAMPLE], strict=True)
    encoder = run.load_encoder()
    if dimension != encoder.dimension:
        raise ModelError(
            f"The vectors have {dimension} values, those of {run.choice.name} have {encoder.dimension}.",
            text("Name the model that made them: ", option("model", NAME)),
        )
    median = float(np.median(row_cosines(encoder.embed_texts(texts, encoder.prompt), np.stack(vectors))))
    if median < MIN_COSINE:
        raise ModelError(
            f"The vectors are not those of {run.choice.name} for these texts: median cosine {median:.3f} over "
            f"{len(texts)} rows, at least {MIN_COSINE} expected.",
            text(
                *("Name the right ", option("model"), ", ", option("max_tokens"), ", ", option("prompt"), " or "),
                *(option("text_template"), "; or keep them as they are, in a table of their own: ", _ON_TRUST),
            ),
        )
    run.observer.notice(
        f"vectors verified as those of {run.choice.name}: median cosine {median:.4f} over {len(texts)} rows"
    )


def _why_unchecked(run: Run, have_texts: bool) -> Message | None:
    """Return why vectors are not checked against their model, None where they are."""
    if run.options["unverified"]:
        return text(option("unverified"), " was given")
    if run.choice.files is None:
        return f"the model {run.choice.name} is not on this machine"
    return None if have_texts else "none of the first rows has a text"
