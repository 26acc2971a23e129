"""The environments of other tools: each its own, with pinned versions, outside the repository.

They lie in `$VECINDEX_BENCH_PEERS`, by default `~/.cache/vecindex-bench`. uv makes them, since it keeps torch on the
disk once for all; it is installed there where it is missing. What cannot be installed has its reason noted, and the
page lists it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

TORCH = "torch==2.13.0"
SBERT = "sentence-transformers==6.2.0"
TRANSFORMERS = "transformers==5.23.0"

PINNED: dict[str, list[str]] = {
    "sentence-transformers": [TORCH, SBERT, TRANSFORMERS, "faiss-cpu==1.15.1", "pyarrow==26.0.1"],
    "onnx": [TORCH, "sentence-transformers[onnx]==5.7.0", "onnxruntime==1.32.0", "pyarrow==26.0.1"],
    "lancedb": [TORCH, SBERT, TRANSFORMERS, "lancedb==0.40.0", "pandas==3.1.1"],
    "txtai": [TORCH, TRANSFORMERS, "txtai==9.14.0"],
    "llm": [TORCH, SBERT, TRANSFORMERS, "llm==0.36", "llm-sentence-transformers==0.3.2"],
    "embedding-atlas": [TORCH, SBERT, TRANSFORMERS, "embedding-atlas==0.26.0"],
    "latent-scope": [TORCH, "latentscope==1.0.0"],
    "cocoindex": [TORCH, SBERT, TRANSFORMERS, "cocoindex==1.0.26", "lancedb==0.40.0"],
    "search": ["faiss-cpu==1.15.1", "usearch==2.26.6", "lancedb==0.40.0", "numpy==2.4.6"],
    "maps": ["umap-learn==0.5.12", "openTSNE==1.0.4", "pacmap==0.9.1"],
    "metrics": [TORCH, "zadu==0.5.4", "scikit-learn==1.9.1"],
}
# latentscope asks for torch below 2.12 by way of pylate, which only models of late interaction load.
OVERRIDES = {"latent-scope": [TORCH]}
SECONDS = 1_800


@dataclass(frozen=True, slots=True)
class Environment:
    """A tool's environment: its Python, the versions that were asked for, or why it is not there."""

    name: str
    python: Path
    versions: dict[str, str]
    reason: str | None = None

    def command(self, name: str) -> str:
        """Return the path of a command that the tool installs."""
        return str(self.python.with_name(name))


def home() -> Path:
    """Return the folder of all environments."""
    named = os.environ.get("VECINDEX_BENCH_PEERS")
    return Path(named) if named else Path.home() / ".cache" / "vecindex-bench"


def versions_of(pins: list[str]) -> dict[str, str]:
    """Return names and versions of pins.

    >>> versions_of(["sentence-transformers[onnx]==5.7.0"])
    {'sentence-transformers': '5.7.0'}
    """
    return {name.split("[")[0]: version for name, version in (pin.split("==") for pin in pins)}


def environment(name: str) -> Environment:
    """Return an environment, made first where it is missing or has other versions."""
    pins, folder = PINNED[name], home() / name
    found = Environment(name, folder / "bin" / "python", versions_of(pins))
    ready = folder / "ready.json"
    if ready.exists() and json.loads(ready.read_text()) == pins:
        return found
    print(f"installing {name} into {folder}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    reason = _install(folder, pins, OVERRIDES.get(name, []))
    if reason is not None:
        return Environment(name, found.python, found.versions, reason)
    ready.write_text(json.dumps(pins))
    return found


def _install(folder: Path, pins: list[str], overrides: list[str]) -> str | None:
    uv = shutil.which("uv") or str(_uv())
    env = {**os.environ, "UV_CACHE_DIR": str(home() / "cache")}
    for ours, theirs in (("PIP_FIND_LINKS", "UV_FIND_LINKS"), ("PIP_CERT", "SSL_CERT_FILE")):
        if ours in os.environ:
            env.setdefault(theirs, os.environ[ours])
    over = folder.with_suffix(".overrides")
    over.parent.mkdir(parents=True, exist_ok=True)
    over.write_text("\n".join(overrides))
    made = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
    pip = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    for command in (made, [*pip, "--override", str(over), *pins]):
        try:
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return f"not installed within {SECONDS} s"
        if done.returncode:
            return " ".join(done.stderr.split())[-300:]
    return None


def _uv() -> Path:
    folder = home() / "uv"
    if not (folder / "bin" / "uv").exists():
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "uv==0.13.9"]
        subprocess.run(pip, check=True)
    return folder / "bin" / "uv"
