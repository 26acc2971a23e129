"""llm with llm-sentence-transformers: `llm embed-multi`, which embeds 100 rows and stores them, and so on."""

import os
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import rows


def run(store, path):
    """Embed and store."""
    # Its list of models is in its folder; the default is the one that all tools use here.
    env = {**os.environ, "LLM_USER_PATH": str(store)}
    model = "sentence-transformers/all-MiniLM-L6-v2"
    command = [Path(sys.executable).parent / "llm", "embed-multi", "articles", path, "-m", model]
    subprocess.run([*command, "--store", "--format", "nl", "-d", str(store / "embeddings.db")], check=True, env=env)


def asked(store, sql, *values):
    """Return what a query gives; nothing where the file or the table is missing."""
    path = store / "embeddings.db"
    if not path.exists():
        return []
    with sqlite3.connect(path) as db:
        try:
            return db.execute(sql, values).fetchall()
        except sqlite3.OperationalError:
            return []


def count(store):
    """Return the vectors."""
    found = asked(store, "select count(*) from embeddings")
    return found[0][0] if found else 0


def vector(store, key):
    """Return one vector."""
    found = asked(store, "select embedding from embeddings where id = ?", key)
    return list(struct.unpack(f"<{len(found[0][0]) // 4}f", found[0][0])) if found else None


rows.answer(run, count, vector)
