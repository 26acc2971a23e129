"""latent-scope: `ls-ingest` and `ls-embed`, the latter with `--rerun` where an embedding has been begun."""

import os
import subprocess
import sys
from pathlib import Path

import rows

NAME = "articles"


def run(store, path):
    """Ingest the file, then embed it or go on."""
    bin_ = Path(sys.executable).parent
    env = {**os.environ, "LATENT_SCOPE_DATA": str(store)}
    # It resumes by position and does not look at the texts; so a changed file keeps its old vectors.
    subprocess.run([bin_ / "ls-ingest", NAME, "--path", path, "--text_column", "text"], check=True, env=env)
    model = "huggingface-" + rows.MODEL.replace("/", "___")
    again = ["--rerun", "embedding-001"] if begun(store) else []
    subprocess.run([bin_ / "ls-embed", NAME, "text", model, *again], check=True, env=env)


def begun(store):
    """Return whether vectors of an embedding are stored."""
    return any(store.rglob("emb-embedding-001.lance"))


def table_of(store):
    """Return the table of vectors."""
    import lancedb

    folder = next(store.rglob("emb-embedding-001.lance"))
    return lancedb.connect(str(folder.parent)).open_table(folder.stem)


def count(store):
    """Return the vectors that are stored."""
    return rows.lance_count(table_of(store)) if begun(store) else 0


def vector(store, key):
    """Return one vector; rows have numbers, in the order of the file."""
    import pandas as pd

    frame = pd.read_parquet(store / NAME / "input.parquet")
    at = int(frame.index[frame["id"] == key][0])
    found = table_of(store).search().where(f"ls_index = {at}").limit(2).to_arrow()
    return found.column("vector")[0].as_py() if len(found) == 1 else None


rows.answer(run, count, vector)
