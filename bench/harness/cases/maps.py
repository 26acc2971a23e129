"""A map of the same vectors by each tool: what it costs from the start of the process, and what it keeps.

vecindex reads the vectors from its table, makes its neighbor graph, lays out, polishes, scores the map and writes it.
The others are fitted on vectors in memory and do nothing else. All maps are scored by the same code afterwards.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from harness.cases.searches import WAYS as STORES
from harness.environments import environment
from harness.runs import OURS, PEERS, ROOT, Session, run, turns

NAME = "peers_maps"
PEER_WAYS = ("umap-learn", "openTSNE", "openTSNE, uniform", "PaCMAP")
POSITIONS = """
import sys, numpy as np
from pathlib import Path
from vecindex.store.database import Database
from vecindex.store.maps import columns_and_positions
table = Database(Path(sys.argv[1])).articles("articles")
(ids,), positions = columns_and_positions(table, ["id"], ["map"])
order = {id_: row for row, id_ in enumerate(ids.to_pylist())}
import json
rows = [json.loads(line)["id"] for line in Path(sys.argv[2]).read_text().splitlines()]
np.save(sys.argv[3], positions["map"][[order[row] for row in rows]])
"""


def stored(session: Session, rows: int) -> Path:
    """Return a database of the rows with their vectors."""
    folder, _ = session.data(rows)
    store = session.scratch / "mapped" / str(rows)
    if not store.exists():
        store.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(PEERS / STORES["vecindex"].script), "build", str(store), str(folder)]
        subprocess.run(command, env=session.env, check=True, capture_output=True)
    return store


def run_all(session: Session, only: list[str] | None = None) -> None:
    """Make and score maps: of 3,000 rows, in full of 25,000."""
    rows = 25_000 if session.full else 3_000
    folder, about = session.data(rows)
    env = environment("maps")
    ways = [name for name in ("vecindex", *PEER_WAYS) if only is None or name in only]
    if env.reason:
        for name in (name for name in ways if name in PEER_WAYS and session.is_due(NAME, name, part="reason")):
            session.put(NAME, name, part="reason", reason=env.reason)
        ways = [name for name in ways if name not in PEER_WAYS]
    for number, name in turns(ways, session.rounds if session.full else 1):
        if not session.is_due(NAME, name, part="map", rows=rows, round=number):
            continue
        out = session.scratch / "map.npy"
        seed = session.seed + number
        if name == "vecindex":
            store = stored(session, rows)
            warm = [*OURS, "project", "map", "--db", str(stored(session, 300)), "--json"]
            if not (session.scratch / "compiled").exists():
                run(warm, session.env)
                (session.scratch / "compiled").touch()
            # The neighbor graph is made each time, as the others make theirs.
            shutil.rmtree(store / "_graph.articles.lance", ignore_errors=True)
            used = run(
                [*OURS, "project", "map", "--fresh", "--seed", str(seed), "--db", str(store), "--json"], session.env
            )
            if not used.rc:
                command = [sys.executable, "-c", POSITIONS, str(store), str(folder / "articles.jsonl"), str(out)]
                subprocess.run(command, env=session.env, check=True)
        else:
            script = [str(env.python), str(PEERS / "map_peer.py"), name, str(folder / "vectors.npy")]
            used = run([*script, str(seed), str(out)], session.peer_env)
        if used.rc:
            session.put(NAME, name, part="map", rows=rows, data=about, round=number, rc=used.rc, said=used.err[-300:])
            continue
        fit = {} if name == "vecindex" else {key: round(value, 3) for key, value in used.last().items()}
        command = [sys.executable, "-m", "harness.scoring", str(folder / "vectors.npy"), str(out)]
        done = subprocess.run(
            command, env=session.env, cwd=ROOT / "bench", check=True, capture_output=True, text=True
        )
        scores = json.loads(done.stdout.splitlines()[-1])
        session.put(
            NAME,
            name,
            part="map",
            rows=rows,
            data=about,
            round=number,
            **used.values(),
            **fit,
            **scores,
            peer=None if name == "vecindex" else env.versions,
        )
