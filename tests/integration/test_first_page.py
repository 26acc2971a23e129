"""The wheel, in an environment of its own, does what the first page of the README shows.

The environment sees the libraries that are installed here, so that nothing is downloaded, but not the project's own
editable installation: its `.pth` file counts only in the folder where it lies.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`(\w+\.jsonl)`:\n\n```json\n(.*?)```", README, re.DOTALL))
COMMANDS = re.search(r"```sh\n(.*?)```", README, re.DOTALL)[1].splitlines()  # type: ignore[index]


def block_after(text: str) -> str:
    """Return the block of the README that follows a text."""
    return re.split(r"```\w*\n", README.split(text)[1])[1].split("```")[0]


def clean_environment() -> dict[str, str]:
    """Return the variables of this process without those that lead to other sources or settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VECINDEX"))}


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a folder to work in."""

    folder: Path
    work: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a user who has activated it, with a browser that only notes the address."""
        kept = clean_environment()
        browser = self.folder / "browser"
        return {**kept, "PATH": f"{self.folder / 'bin'}{os.pathsep}{kept['PATH']}", "BROWSER": f"{browser} %s"}

    def run(self, *command: str) -> str:
        """Return what a command prints on standard output; it must succeed."""
        done = subprocess.run(command, cwd=self.work, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def keep_compiled(packages: Path) -> None:
    """Put the loops that are compiled here next to the installed sources, which are the same."""
    for compiled in (ROOT / "src").rglob("*.nb[ic]"):
        there = packages / compiled.relative_to(ROOT / "src")
        shutil.copy(compiled, there)
        name = compiled.name.split(".")[0] + ".py"
        # Numba knows a source by the time of its last change.
        source = compiled.parents[1] / name
        os.utime(there.parents[1] / name, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, built from a copy of the sources and installed without its requirements."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source)]
    environment = clean_environment()
    subprocess.run([*pip, *build], check=True, env=environment)
    (wheel,) = folder.glob("vecindex-*.whl")
    shutil.rmtree(source)

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv/bin/python"
    install = ["--python", python, "install", "--no-deps", "--no-index", wheel]
    subprocess.run([*pip, *install], check=True, env=environment)
    # Only now, else pip would see the project here and install nothing.
    packages = next((folder / "venv/lib").glob("python*/site-packages"))
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "libraries.pth").write_text("\n".join(sorted(here)), encoding="utf-8")

    keep_compiled(packages)

    browser = folder / "venv/browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {shlex.quote(str(folder / "opened"))}\n', encoding="utf-8")
    browser.chmod(0o755)
    (folder / "work").mkdir()
    return Installed(folder / "venv", folder / "work")


def test_the_wheel_holds_all_files_of_the_package(installed: Installed) -> None:
    printed = installed.run("python", "-c", "import vecindex; print(vecindex.__file__)")
    package = Path(printed.strip()).parent
    assert package.is_relative_to(installed.folder)
    expected, found = (
        {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        for folder in (ROOT / "src/vecindex", package)
    )
    # The scripts of pages are shipped as their bundles.
    bundled = {name for name in expected if name.startswith("reports/assets/") and "/bundles/" not in name}
    assert any("/bundles/" in name for name in found)
    assert "py.typed" in expected
    assert found == expected - bundled


def test_the_wheel_says_what_it_is(installed: Installed) -> None:
    code = "from importlib.metadata import metadata as m; print(m('vecindex')['Summary'], m('vecindex')['Name'])"
    summary = "Incremental vector index for text corpora on LanceDB, with maps whose neighborhood loss is measured"
    assert installed.run("python", "-c", code) == f"{summary} vecindex\n"


# About a minute on two quiet cores: ten starts, four of them with torch, and the map's loops are compiled.
@pytest.mark.timeout(1800)
def test_the_first_ten_commands(installed: Installed) -> None:
    assert set(FILES) == {"articles.jsonl", "questions.jsonl"}
    assert len(COMMANDS) == 10
    for name, text in FILES.items():
        (installed.work / name).write_text(text, encoding="utf-8")
    printed = {line: installed.run(*shlex.split(line, comments=True)) for line in COMMANDS[:-1]}

    search = next(text for line, text in printed.items() if line.startswith("vecindex search") and "--id" not in line)
    shown, found = (
        [(row.split("\t")[0], float(row.split("\t")[1]), *row.split("\t")[2:]) for row in text.splitlines()]
        for text in (block_after("The search prints"), search)
    )
    assert [row[2:] for row in found] == [row[2:] for row in shown]
    # The last digits follow the processor's precision.
    assert [row[1] for row in found] == pytest.approx([row[1] for row in shown], abs=0.005)

    rows = len(FILES["articles.jsonl"].splitlines())
    assert re.search(rf"^rows +{rows}$", next(t for line, t in printed.items() if "status" in line), re.MULTILINE)
    assert pq.read_table(installed.work / "articles.parquet")["map_x"].null_count == 0
    assert pq.read_metadata(installed.work / "articles.parquet").num_rows == rows
    page = (installed.work / "map.html").read_text(encoding="utf-8")
    assert "<html" in page
    assert page.count("how far away are the stars") > 0
    _serve(installed, COMMANDS[-1])


def _serve(installed: Installed, line: str) -> None:
    """Run the command, wait until it opens the browser, ask for the page, and end it by Ctrl-C."""
    opened = installed.folder.parent / "opened"
    command = shlex.split(line, comments=True)
    with subprocess.Popen(command, cwd=installed.work, env=installed.environment, stdout=subprocess.PIPE) as server:
        try:
            until = time.monotonic() + 200
            while not (opened.exists() and opened.read_text()) and server.poll() is None:
                assert time.monotonic() < until, "the page was not opened"
                time.sleep(0.05)
            with urllib.request.urlopen(opened.read_text(encoding="utf-8"), timeout=120) as answer:
                assert answer.status == 200
                assert b"vecindex" in answer.read()
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(timeout=200) == 0


def test_the_example_in_python(installed: Installed) -> None:
    code = block_after("The same from Python")
    printed = installed.run("python", "-c", code)
    assert [line.split()[2] for line in printed.splitlines()] == ["a1", "a2", "a3"]
