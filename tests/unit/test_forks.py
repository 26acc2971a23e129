"""A model that was used before a fork is refused after it; torch would wait for threads that are not there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vecindex.embed import forks
from vecindex.embed.transformer import TransformerEncoder

CHILD = """
import os, sys
from vecindex.embed.forks import refuse_after_fork
from vecindex.errors import ModelError

def forked(use):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        use()
        os._exit(0)
    except ModelError as error:
        print(error, flush=True)
        os._exit(error.exit_code)

assert forked(refuse_after_fork) == 0, "the parent has not used it"
refuse_after_fork()
refuse_after_fork()
sys.exit(forked(refuse_after_fork))
"""


def test_a_forked_process_is_refused_what_its_parent_used() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 4, done.stderr
    message, hint = done.stdout.splitlines()
    assert "was forked from one that had used a model" in message
    assert "'spawn' or 'forkserver'" in hint


@pytest.mark.parametrize("use", ["load", "embed", "tokenize"])
def test_every_use_of_the_model_asks(monkeypatch: pytest.MonkeyPatch, use: str) -> None:
    monkeypatch.setattr(forks, "_users", [os.getpid() + 1])
    encoder = object.__new__(TransformerEncoder)
    arguments = {"load": (None, None), "embed": (None,), "tokenize": (["a"],)}[use]
    with pytest.raises(forks.ModelError, match="was forked from one"):
        getattr(encoder, use)(*arguments)
