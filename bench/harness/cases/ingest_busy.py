"""Embedding 1,000 passages on one thread and on all, alone and next to processes that compute: net wall seconds."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

from harness.cases.ingest import WAYS, net, run_cost, versions, warm
from harness.environments import environment
from harness.runs import Session, busy, turns

NAME = "peers_ingest_busy"
MEASURED = ("vecindex", "encode", "encode, tuned")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def run_all(session: Session, only: list[str] | None = None) -> None:
    """Measure the ways in turns in each of the four conditions; quick, 100 passages on all threads in one round."""
    cores = len(os.sched_getaffinity(0))
    names = [name for name in MEASURED if only is None or name in only]
    rows, rounds = (1_000, session.rounds) if session.full else (100, 1)
    folder, about = session.data(rows)
    for number in range(rounds):
        for threads in (cores, 1) if session.full else (cores,):
            one = replace(session, threads=threads, env=session.env | dict.fromkeys(_THREADS, str(threads)))
            for part, others in (("quiet", 0), ("busy", cores)):
                for name in [name for turn, name in turns(names, rounds) if turn == number]:
                    if not one.is_due(NAME, name, part=part, rows=rows, round=number, threads=threads):
                        continue
                    way = WAYS[name]
                    env = environment(way.env) if way.env else None
                    store = one.scratch / "stores" / name
                    warm(one, name, way, env)
                    shutil.rmtree(store, ignore_errors=True)
                    with busy(others):
                        used = run_cost(one, way, env, store, folder / "articles.jsonl")
                    values = {"rows": rows, "data": about, "round": number, **used.values()}
                    more = net(one, used, env is None) if not used.rc else {"said": used.err[-300:]}
                    one.put(NAME, name, part=part, **values, **more, peer=versions(env))
