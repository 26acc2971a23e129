"""txtai with its contents in SQLite: `index` with a checkpoint the first time, `upsert` later."""

import rows


def loaded(store):
    """Return the saved embeddings, or None."""
    from txtai import Embeddings

    if not (store / "index" / "config").exists() and not (store / "index" / "config.json").exists():
        return None
    found = Embeddings()
    found.load(str(store / "index"))
    return found


def run(store, path):
    """Index or upsert all rows, and save."""
    from txtai import Embeddings

    read = [(row["id"], row["text"], None) for row in rows.read(path)]
    found = loaded(store)
    if found is None:
        found = Embeddings(path=rows.MODEL, content=True, gpu=False)
        found.index(read, checkpoint=str(store / "checkpoint"))
    else:
        found.upsert(read)
    found.save(str(store / "index"))


def count(store):
    """Return the vectors of the index, or those of whole batches in the checkpoint."""
    found = loaded(store)
    if found is not None:
        return found.count()
    import numpy as np

    total = 0
    for path in (store / "checkpoint").glob("*"):
        with path.open("rb") as stream:
            while True:
                try:
                    total += len(np.load(stream))
                except (EOFError, ValueError):
                    break
    return total


def vector(store, key):
    """Return one vector, of the index."""
    found = loaded(store)
    row = found.search("select indexid from txtai where id = :id", parameters={"id": key})[0]["indexid"]
    return found.ann.backend.reconstruct(int(row)).tolist()


rows.answer(run, count, vector)
