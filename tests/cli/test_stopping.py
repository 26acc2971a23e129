"""SIGTERM and Ctrl-C during a long transaction: how long it takes is shown, it goes on, a second one ends at once."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vecindex.store.database import Database

# A model that reads 8 texts at a time and prints when it has. After 16 it waits for a line, or the end of standard
# input. Time cuts no transaction.
SLOW = """
import math, os, time
import numpy as np
from vecindex.cli import app, progress
from vecindex.embed import encoders
from vecindex.embed.batching import TokenBudget
from vecindex.embed.encoder import Encoded, Encoder, Tokens
from vecindex.verbs.ingest import ingest, rate

ingest.COMMIT_EVERY_S = math.inf
rate.PROBE_TEXTS, rate._MOST_OF_FIRST = 8, 0
progress._STOPPING_LINE_EVERY_S = 0.0

class Slow(Encoder):
    dimension, max_tokens, pooling = 4, 64, "none"

    def __init__(self):
        self.budget = TokenBudget(64)

    def tokenize(self, texts, prompt=None):
        return Tokens([[1]] * len(texts), np.ones(len(texts), np.int32), np.zeros(len(texts), bool))

    def embed(self, tokens, done=None):
        for at in range(0, len(tokens.ids) if done else 0, 8):
            time.sleep(0.2)
            done(8)
            print("read", at + 8, flush=True)
            if at == 8:
                os.read(0, 1)
        return Encoded(np.tile(np.float32([1, 0, 0, 0]), (len(tokens.ids), 1)))

KIND = encoders.EncoderKind(lambda name, *_: encoders.FoundModel(name, "0" * 64), lambda *_: Slow())
encoders.ENCODERS._built_in["slow"] = "__main__:KIND"
app.main()
"""


def at_work(folder: Path, transaction_rows: int) -> subprocess.Popen[str]:
    """Return an ingest of 72 texts. The model has read 8 for the estimate, and 16 more of the first transaction."""
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"id": str(i), "text": f"text {i}"}) + "\n" for i in range(72)))
    options = ["--db", str(folder / "db"), "--model", "slow:x", "--transaction-rows", str(transaction_rows)]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, "ingest", str(rows), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = "read 8\n"
    assert process.stdout.readline() == first  # for the estimate
    while (line := process.stdout.readline()) != first:
        assert line.startswith("read "), line
    assert process.stdout.readline() == "read 16\n"
    return process


def stopping(process: subprocess.Popen[str]) -> str:
    """Return the line that says that it stops, once it has taken a signal."""
    assert process.stderr is not None
    while not (line := process.stderr.readline()).startswith("stopping after"):
        assert line, "it ended"
    return line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_time_that_the_transaction_takes_is_shown_and_it_goes_on(tmp_path: Path, number: int) -> None:
    process = at_work(tmp_path, 40)
    process.send_signal(number)
    first = stopping(process)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out.split()[:4] == ["read", "24", "read", "32"]
    assert re.fullmatch(
        r"stopping after the transaction in flight, in about [\d.]+ s \(16 texts left\); "
        r"once more to stop at once \(nothing committed is lost\)\n",
        first,
    )
    then = [line for line in err.splitlines() if line.startswith("stopping")]
    assert re.fullmatch(r"stopping: about [\d.]+ s \(8 texts left\)", then[0])
    assert then[1] == "stopping: storing the transaction"
    assert Database(tmp_path / "db").articles("articles").count() == 40


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    process = at_work(tmp_path, 72)
    process.send_signal(signal.SIGTERM)
    stopping(process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert "read 64" not in out
    assert err.splitlines()[-2:] == ["error: Stopped at once.", "  Run the same command again to go on."]
    assert Database(tmp_path / "db").articles("articles").count() == 0
