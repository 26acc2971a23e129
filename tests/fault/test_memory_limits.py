"""Memory that really runs out: the batch is halved, the vectors are the same, the safe size is remembered."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tables import filled

# Address space is bounded after the model is loaded, so that a batch of all the texts cannot be allocated.
BOUNDED = """
import json, resource, sys
from pathlib import Path
import psutil
import lance
import torch
import vecindex
from vecindex.embed import transformer as module
from vecindex.verbs.ingest import run

run.load_light = lambda *_: None  # so few texts would not need the library
torch.set_num_threads(1)
check = module.TransformerEncoder.check
module.first_batch_tokens = lambda device: 32_768

def check_then_bound(self, texts):
    check(self, texts)
    room = psutil.Process().memory_info().vms + int(sys.argv[3]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (room, room))

module.TransformerEncoder.check = check_then_bound

class Told:
    def estimate(self, estimate): pass
    def progress(self, progress): pass
    def notice(self, message): print(message, file=sys.stderr)

index = vecindex.open(sys.argv[1])
report = index.ingest(sys.argv[2], observer=Told(), precision="fp32")
print(json.dumps(report.to_dict()))
"""


BOUND_FIRST = """
import resource, sys
import psutil
import lance
import vecindex

room = psutil.Process().memory_info().vms + int(sys.argv[2]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (room, room))
try:
    print(vecindex.open(sys.argv[1]).status().rows)
except vecindex.VecindexError as error:
    print(error)
"""


def rows(n: int) -> list[dict[str, str]]:
    dice = np.random.default_rng(3)
    vocabulary = ["cell", "star", "law", "river", "music", "protein", "orbit", "contract", "delta", "fugue"]
    return [{"id": str(i), "text": " ".join(dice.choice(vocabulary, size=250))} for i in range(n)]


@pytest.mark.parametrize("mb", [5, 10, 20])
def test_too_few_addresses_for_lance_are_said_before_its_threads_start(tmp_path: Path, mb: int) -> None:
    filled(tmp_path, 3)
    # Without the check these abort the process, or wait for a thread that never starts.
    done = subprocess.run(
        [sys.executable, "-c", BOUND_FIRST, str(tmp_path), str(mb)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Not enough memory to open {tmp_path}/articles.\nClose other programs or raise")


def test_out_of_memory_halves_and_goes_on(tmp_path: Path) -> None:
    import vecindex
    from invariants import read

    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows(64)))
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(tmp_path / "db"), str(source), "128"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert (report["added"], report["rejected"]) == (64, 0)
    assert report["batch_tokens"] < 64 * 256
    assert "out of memory: batches are now of" in done.stderr
    table = vecindex.open(tmp_path / "db")._database().articles("articles")
    assert table.setting("batch_tokens") == {"cpu": report["batch_tokens"]}
    vecindex.open(tmp_path / "free").ingest(rows(64)[::8], precision="fp32")
    starved, free = ({row["id"]: np.array(row["vector"]) for row in read(tmp_path / db)} for db in ("db", "free"))
    assert len(free) == 8
    np.testing.assert_allclose([starved[row_id] @ vector for row_id, vector in free.items()], 1.0, atol=1e-6)


# What the C library's heap holds, after many batches of as many numbers of texts.
HELD = """
import ctypes, json
from vecindex.embed.transformer import TransformerEncoder
from vecindex.embed.encoders import LoadOptions
from vecindex.embed.models import find_model

class Mallinfo(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

library = ctypes.CDLL(None)
library.mallinfo2.restype = Mallinfo
encoder = TransformerEncoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions("cpu"))
encoder.check(["a text"])

def held(numbers):
    for n in numbers:
        encoder.embed(encoder.tokenize(["cell " * 8] * n))
    found = library.mallinfo2()
    return (found.uordblks + found.hblkhd) / 1e6

held([1, 2, 4, 8, 16, 32])
before = held([31])
print(json.dumps(held(range(1, 47, 3)) - before))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the C library does not tell")
def test_batches_of_ever_other_sizes_leave_nothing_behind() -> None:
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # 28 MB where each number of texts is a shape of its own.
    assert json.loads(done.stdout) < 15
