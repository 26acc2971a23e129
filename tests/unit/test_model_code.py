"""Python code that a model brings along: it runs on request alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vecindex
from vecindex.errors import ModelError


def make_model(folder: Path, ran: Path) -> None:
    """Write the folder of a model that is nothing but a module of its own, which leaves a trace when it is run."""
    folder.mkdir()
    modules = [{"idx": 0, "name": "0", "path": "", "type": "own_code.Own"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "config.json").write_text("{}")
    (folder / "config_sentence_transformers.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    (folder / "own_code.py").write_text(f"open({str(ran)!r}, 'w').close()\nclass Own: pass\n")


def test_code_of_a_model_is_run_on_request_alone(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    make_model(tmp_path / "model", ran)
    rows = [{"id": "a", "text": "a cell"}]
    with pytest.raises(ModelError, match="does not load"):
        vecindex.open(tmp_path / "db").ingest(rows, model=str(tmp_path / "model"))
    assert not ran.exists()
    # The test would notice it.
    with pytest.raises(ModelError):
        vecindex.open(tmp_path / "db").ingest(rows, model=str(tmp_path / "model"), trust_remote_code=True)
    assert ran.exists()
