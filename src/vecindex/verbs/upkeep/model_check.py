"""A sample of texts embedded again: are the stored vectors those of the model?"""

from __future__ import annotations

import numpy as np

from vecindex.core.conditions import isin
from vecindex.core.vectors import F32, row_cosines
from vecindex.embed.encoders import LoadOptions, find_here, load, load_light
from vecindex.errors import ModelError
from vecindex.messages import Placeholder, command, counted, text
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.verbs.upkeep.examine import Rehash
from vecindex.verbs.upkeep.findings import Examination

CHECK = "vectors of the model"
MIN_COSINE = 0.99
"""Lowest cosine of a stored vector with the one made now; reduced precision keeps 0.999."""


def check_model(found: Examination, table: ArticleTable, read: Rehash) -> None:
    """Embed a sample of the texts with the table's model, if that is on this machine, and compare the vectors.

    A hash shows that a vector is the one that was stored; this shows that it is the one of its text.
    """
    sample = read.sample
    if read.skipped is not None or not sample:
        found.skip(CHECK, read.skipped or "no row's vector was made by the model here")
        return
    stored = table.fingerprint
    model = find_here(stored.model, stored.revision, stored.weights)
    if model is None:
        found.skip(CHECK, f"{stored.model} with the table's weights is not on this machine")
        return
    try:
        options = LoadOptions(max_tokens=stored.max_tokens, prompt=stored.prompt, dimensions=stored.dimensions)
        encoder = load_light(model, options) or load(model, options)
    except ModelError as error:
        found.skip(CHECK, str(error.message))
        return
    if encoder.dimension != stored.dimension:
        found.skip(CHECK, f"{stored.model} makes vectors of {encoder.dimension} values here")
        return
    ids, vectors = _stored_vectors(table, list(sample))
    if not ids:
        found.skip(CHECK, "no row of the sample has a vector")
        return
    cosines = row_cosines(encoder.embed_texts([sample[row_id] for row_id in ids], encoder.prompt), vectors)
    found.settle(
        CHECK,
        [
            f"{row_id}: cosine {cosine:.3f}"
            for row_id, cosine in zip(ids, cosines, strict=True)
            if cosine < MIN_COSINE
        ],
        f"Stored vectors are not those that {stored.model} makes of their texts (cosine below {MIN_COSINE}).",
        text(
            "Remove each: ",
            command("delete", Placeholder("ID")),
            "; then: ",
            command("ingest", Placeholder("SOURCE")),
        ),
        f"{counted(len(ids), 'text')} embedded again",
    )


def _stored_vectors(table: ArticleTable, ids: list[str]) -> tuple[list[str], F32]:
    """Return those of some ids that have a vector, and these vectors (n, d)."""
    batches = list(table.scan(["id", "vector"], f"{isin('id', ids)} AND vector IS NOT NULL"))
    found = [row_id for batch in batches for row_id in batch.column("id").to_pylist()]
    if not found:
        return [], np.empty((0, 0), dtype=np.float32)
    dimension = table.fingerprint.dimension
    return found, np.concatenate([as_matrix(batch.column("vector"), dimension) for batch in batches])
