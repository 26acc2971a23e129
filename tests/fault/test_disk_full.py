"""A full disk: one clear message, nothing committed is lost, and the run goes on once there is space."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# In a mount namespace of its own, so that nothing is left mounted whatever happens.
SCRIPT = """
set -e
mount -t tmpfs -o size=24m none "$1"
cp -r "$2"/. "$1"/
cd "$1"
set +e
run() {
    "$1" -m vecindex.cli.app ingest rows.jsonl --db db --vectors v.npy --model test/none --unverified \\
        --transaction-rows 500
}
run "$3"
echo "first $?" >&2
mount -o remount,size=200m "$1"
run "$3"
echo "second $?" >&2
"$3" "$4" db
"""

COUNT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from invariants import check
rows = check(Path(sys.argv[1]), dimension=256, precomputed=True)
print("rows", len(rows))
"""


def can_mount() -> bool:
    flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
    try:
        return subprocess.run(["unshare", *flags, "true"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace for a small disk")
def test_disk_full_then_enlarged(tmp_path: Path) -> None:
    source, mount = tmp_path / "source", tmp_path / "small"
    source.mkdir()
    mount.mkdir()
    n = 9_000
    np.save(source / "v.npy", np.random.default_rng(2).normal(size=(n, 256)).astype(np.float16))
    with (source / "rows.jsonl").open("w") as file:
        for i in range(n):
            file.write(json.dumps({"id": f"id-{i}", "text": f"text {i} " + "x" * 400}) + "\n")
    counter = tmp_path / "count.py"
    counter.write_text(COUNT.format(tests=str(Path(__file__).parent.parent)))
    flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
    done = subprocess.run(
        ["unshare", *flags, "bash", "-c", SCRIPT, "bash", str(mount), str(source), sys.executable, str(counter)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "first 5" in done.stderr, done.stderr
    assert "No space left on the disk" in done.stderr
    assert "Free some space" in done.stderr
    assert "second 0" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert f"rows {n}" in done.stdout
