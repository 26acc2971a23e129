"""One question, from a cold start: the whole process, and whether all ways find the same."""

from __future__ import annotations

import json
from typing import Any

from harness.cases.searches import chosen, env_of, python_of, store_of
from harness.corpus import questions
from harness.runs import OURS, PEERS, Session, run, turns

NAME = "peers_search_cold"


def run_all(session: Session, only: list[str] | None = None) -> None:
    """Ask each way one question a round, in turns; the first round is not counted."""
    ways = chosen(NAME, session, only)
    rounds = (max(session.rounds, 5) if session.full else 3) + 1
    asked = questions(session.corpus, rounds)
    for number, name in turns(ways, rounds):
        if not session.is_due(NAME, name, part="ask", round=number):
            continue
        way, env = ways[name]
        store, about = store_of(session, name, way, env)
        question = asked[number]
        if env is None:
            command = [*OURS, "search", question, "--db", str(store), "--json"]
        else:
            command = [python_of(env), str(PEERS / way.script), "ask", str(store), question]
        used = run(command, env_of(session, env))
        values: dict[str, Any] = {"rows": about["rows"], "data": about, "round": number, "counted": number > 0}
        if used.rc:
            session.put(NAME, name, part="ask", **values, rc=used.rc, said=used.err[-300:])
            continue
        ids = [hit["id"] for hit in json.loads(used.out)["answers"][0]["hits"]] if env is None else used.last()["ids"]
        session.put(NAME, name, part="ask", **values, **used.values(), ids=ids, peer=env.versions if env else None)
