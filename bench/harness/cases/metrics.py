"""The same metrics of the same map by each library: equal values, and what they cost."""

from __future__ import annotations

import subprocess
import sys

from harness.environments import environment
from harness.runs import PEERS, Session, run, turns

NAME = "peers_metrics"
K = 5
# A picture by the first two principal components: it keeps some neighbors and loses others.
PICTURE = """
import sys, numpy as np
vectors = np.load(sys.argv[1]).astype(np.float64)
vectors -= vectors.mean(axis=0)
_, axes = np.linalg.eigh(vectors.T @ vectors)
np.save(sys.argv[2], vectors @ axes[:, :-3:-1])
"""


def run_all(session: Session, only: list[str] | None = None) -> None:
    """Measure a map of 1,000 rows, in full of 5,000."""
    rows = 5_000 if session.full else 1_000
    folder, about = session.data(rows)
    xy = folder / "xy.npy"
    if not xy.exists():
        command = [sys.executable, "-c", PICTURE, str(folder / "vectors.npy"), str(xy)]
        subprocess.run(command, check=True, env=session.env)
    env = environment("metrics")
    ways = [name for name in ("vecindex", "scikit-learn", "ZADU") if only is None or name in only]
    if env.reason:
        for name in (name for name in ways if name != "vecindex" and session.is_due(NAME, name, part="reason")):
            session.put(NAME, name, part="reason", reason=env.reason)
        ways = [name for name in ways if name == "vecindex"]
    for number, name in turns(ways, session.rounds if session.full else 1):
        if not session.is_due(NAME, name, part="metrics", round=number):
            continue
        ours = name == "vecindex"
        python = sys.executable if ours else str(env.python)
        script = [python, str(PEERS / "metric_peer.py"), name, str(folder / "vectors.npy"), str(xy), str(K)]
        used = run(script, session.env if ours else session.peer_env)
        values = {"rows": rows, "k": K, "data": about, "round": number}
        if used.rc:
            session.put(NAME, name, part="metrics", **values, rc=used.rc, said=used.err[-300:])
            continue
        peer = None if ours else env.versions
        session.put(NAME, name, part="metrics", **values, **used.values(), **used.last(), peer=peer)
