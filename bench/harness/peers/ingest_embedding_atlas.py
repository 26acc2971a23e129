"""embedding-atlas: `compute_projection`, as its command line calls it. It makes a map too, and keeps no vectors."""

import rows


def run(store, path):
    """Embed and lay out; write the frame."""
    import pandas as pd
    from embedding_atlas.projection import compute_projection

    frame = pd.DataFrame(rows.read(path))
    made = compute_projection(
        frame, inputs="text", modality="text", model=rows.MODEL, cache_root=str(store / "cache")
    )
    made[["id", "text", "projection_x", "projection_y"]].to_parquet(store / "out.parquet")


def vector(store, key):
    """Return None: vectors are not kept."""


rows.answer(run, rows.parquet_count, vector)
