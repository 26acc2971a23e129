"""`vecindex ingest --engine`: what is typed wrong, and what reaches the terminal."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tables import Notices
from vecindex.cluster.engine import Engine, engine_of
from vecindex.errors import ConfigError
from vecindex.store.database import Database
from vecindex.verbs.ingest.cluster import flight

VECTORS = ("--vector-field", "v", "--model", "test/none", "--unverified")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    made = [{"id": f"a{i}", "text": f"text {i}", "v": [1.0, float(i)]} for i in range(20)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, made)))
    return path


def run(rows: Path, *more: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vecindex.cli.app", "ingest", rows, "--db", rows.parent / "db", *VECTORS, *more]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=200, check=False, env=env)


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_what_names_an_engine() -> None:
    assert engine_of(None) is None
    assert engine_of("ray") == Engine(None)
    assert engine_of("ray:auto") == Engine("auto")
    assert engine_of("ray:head.example.org:6379") == Engine("head.example.org:6379")


@pytest.mark.parametrize("value", ["", "spark", "ray:", "ray:head", "ray:head:", "ray:head:port", "ray://head:10001"])
def test_what_names_none(value: str) -> None:
    with pytest.raises(ConfigError, match=r"engine|HOST:PORT"):
        engine_of(value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--wave-rows", "10"), "--wave-rows has no effect without --engine.\n  Add --engine ray."),
        (("--worker-cores", "2"), "--worker-cores has no effect without --engine.\n  Add --engine ray."),
        (("--engine", "ray", "--dry-run"), "A dry run embeds on this machine, and --engine has no effect on it."),
        (("--engine", "spark"), "There is no engine 'spark'."),
        (("--engine", "ray://h:1"), "--engine ray://h:1 is an address of Ray's client, which does not work here."),
    ],
)
def test_wrong_options_are_refused_in_words(rows: Path, options: tuple[str, ...], said: str) -> None:
    done = run(rows, *options)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (rows.parent / "db").exists()


def test_an_address_that_nobody_answers_is_refused_at_once(rows: Path) -> None:
    port = unused_port()
    done = run(rows, "--engine", f"ray:127.0.0.1:{port}")
    assert done.returncode == 2, done.stderr
    assert f"No Ray cluster answers at 127.0.0.1:{port} (" in done.stderr
    assert "--engine ray:10.0.0.1:6379" in done.stderr
    assert not (rows.parent / "db").exists()


def test_without_ray_the_message_has_the_command_that_installs_it(rows: Path) -> None:
    hidden = rows.parent / "hidden"
    hidden.mkdir()
    # As in an environment without it: nothing is found under its name.
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'ray' else find(name, package)\n"
    )
    done = run(rows, "--engine", "ray", PYTHONPATH=os.pathsep.join([str(hidden), *sys.path]))
    assert done.returncode == 7, done.stderr
    assert "--engine ray needs the package ray, which is not installed." in done.stderr
    assert "pip install 'vecindex[ray]'" in done.stderr


def test_a_process_that_had_a_cluster_of_its_own_says_why_it_joins_no_other(rows: Path) -> None:
    """Ray reads a token once for a process; another cluster does not know that of the first."""
    script = rows.parent / "twice.py"
    script.write_text(
        "import json, socket, vecindex\n"
        "from vecindex.errors import ConfigError\n"
        f"rows = [json.loads(line) for line in open({str(rows)!r})]\n"
        "how = {'vector_field': 'v', 'model': 'test/none', 'unverified': True, 'worker_cores': 1}\n"
        f"first = vecindex.open({str(rows.parent / 'one')!r}).ingest(rows, engine='ray', **how)\n"
        "with socket.create_server(('127.0.0.1', 0)) as other:\n"
        "    address = f'127.0.0.1:{other.getsockname()[1]}'\n"
        "    try:\n"
        f"        vecindex.open({str(rows.parent / 'two')!r}).ingest(rows, engine=f'ray:{{address}}', **how)\n"
        "    except ConfigError as error:\n"
        "        print(json.dumps([first.added, address, str(error)]))\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=200, check=False, env=env)
    assert done.returncode == 0, done.stderr
    added, address, said = json.loads(done.stdout.splitlines()[-1])
    assert added == 20
    assert f"a token of its own, and cannot join the one at {address}." in said
    assert "Start a new process. Or set RAY_AUTH_MODE" in said


def test_ray_leaves_nothing_on_the_terminal_and_no_file(rows: Path) -> None:
    home, temporary = rows.parent / "home", rows.parent / "t"
    home.mkdir()
    temporary.mkdir()
    done = run(rows, "--engine", "ray", "--json", HOME=str(home), TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["added"], report["rows_in_table"], report["transactions"]) == (20, 20, 1)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    own, others = (
        [line for line in lines if ("starting Ray on this machine" in line) == is_own] for is_own in (True, False)
    )
    assert len(own) == 1, lines
    assert not [line for line in others if re.search(r"\b(ray|raylet|gcs|metrics)\b", line, re.IGNORECASE)], lines
    assert not list(home.rglob("auth_token"))
    assert list(temporary.iterdir()) == []
    assert Database(rows.parent / "db").articles("articles").count() == 20


@pytest.mark.parametrize(
    ("engine", "n", "said"),
    [
        ("ray", 20, "starting Ray on this machine ... (below some 100,000 texts on a CPU one process is quicker)"),
        ("ray", 100_000, "starting Ray on this machine ..."),
        ("ray", None, "starting Ray on this machine ..."),
        ("ray:auto", 100_000, "connecting to the Ray cluster ..."),
    ],
)
def test_the_start_of_ray_is_said_before_it(
    monkeypatch: pytest.MonkeyPatch, engine: str, n: int | None, said: str
) -> None:
    class Started(Exception):
        pass

    def connected(_: Engine) -> None:
        raise Started

    monkeypatch.setattr(flight, "connected", connected)
    observer, found = Notices(), engine_of(engine)
    run: Any = SimpleNamespace(observer=observer, rows_total=n)
    assert found is not None
    with pytest.raises(Started):
        flight.Workers(run, found).pool()
    assert observer.lines == [said]
