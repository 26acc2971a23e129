"""`vecindex serve` as a process: what it prints, how it ends, and what it refuses."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tables import filled

URL = re.compile(r"http://127\.0\.0\.1:(\d+)/\n")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve") / "db"
    filled(folder, 20)
    return folder


def command(database: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "vecindex.cli.app", "serve", "--db", str(database), *options]


@contextmanager
def started(database: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command until it has printed its address; give the process and the address."""
    done = subprocess.Popen(
        command(database, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert done.stdout is not None
        yield done, done.stdout.readline()
    finally:
        if done.poll() is None:
            done.kill()
        done.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_on_a_signal(database: Path, number: signal.Signals) -> None:
    with started(database) as (process, line):
        assert URL.fullmatch(line), line
        with urllib.request.urlopen(line.strip() + "api/version", timeout=200) as answer:
            assert b'"rows":20' in answer.read()
        process.send_signal(number)
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0
    assert out == "", "the address is the only line on standard output"
    assert "Traceback" not in err
    assert re.sub(r"[0-9.]+ GB", "4.0 GB", err).splitlines() == [
        f"serving {database}/articles, with up to 4.0 GB of vectors in memory; Ctrl-C ends it",
        "stopping; Ctrl-C once more stops at once",
    ]


def test_ctrl_c_ends_it_while_a_page_is_connected(database: Path) -> None:
    with started(database) as (process, line):
        port = int(URL.fullmatch(line)[1])  # type: ignore[index]
        with socket.create_connection(("127.0.0.1", port), timeout=200) as half:
            half.sendall(b"POST /api/search HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 9\r\n" % port)
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=200)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "Exception" not in err


def test_open_opens_the_page_in_the_browser(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, opened = tmp_path / "browser", tmp_path / "opened"
    script.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    with started(database, "--open") as (process, line):
        while not opened.exists():
            assert process.poll() is None
            time.sleep(0.1)
        assert opened.read_text() == line


def refused(database: Path, *options: str) -> tuple[int, str]:
    done = subprocess.run(command(database, *options), capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_a_port_in_use_is_told(database: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = refused(database, "--port", str(port))
    assert code == 2
    assert err.startswith(f"error: Port {port} of 127.0.0.1 cannot be used: Address already in use.\n")
    assert "--port" in err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.0.0.1.example.org"])
def test_only_loopback_is_served(database: Path, host: str) -> None:
    code, err = refused(database, "--host", host)
    assert code == 2
    assert err.startswith(f"error: --host {host} is not a loopback address: the server has no password")


def test_what_is_not_there_is_told_at_the_start(database: Path, tmp_path: Path) -> None:
    code, err = refused(tmp_path / "none")
    assert (code, f"error: No table 'articles' in {tmp_path / 'none'} (tables there: none)." in err) == (5, True)
    code, err = refused(database, "--map", "nope")
    assert (code, "has no map 'nope' (maps there: none)." in err) == (2, True)
    code, err = refused(database, "--questions", str(tmp_path / "none.jsonl"))
    assert (code, "none.jsonl" in err) == (3, True)
    code, err = refused(database, "--port", "70000")
    assert code == 2
