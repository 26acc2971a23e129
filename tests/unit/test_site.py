"""The site of the documents builds without a warning, so no link leads nowhere, and it fetches nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import vecindex
from vecindex import errors

ROOT = Path(__file__).resolve().parents[2]
# What a browser fetches by itself; a link that a reader may follow is not.
_FETCHED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"(?:https?:)?//", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make site` builds it."""
    folder = tmp_path_factory.mktemp("site")
    arguments = ["-c", "docs", "-d", str(folder / "doctrees"), "-W", "--keep-going", "-q", ".", str(folder / "site")]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "site"


def test_every_page_is_in_the_navigation(site: Path) -> None:
    front = (site / "README.html").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT).with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert len(pages) > 20
    assert [page for page in pages if f'class="reference internal" href="{page}"' not in front] == []


def test_the_folder_leads_to_the_front_page(site: Path) -> None:
    assert "url=README.html" in (site / "index.html").read_text(encoding="utf-8")


def test_the_reference_has_the_public_interface(site: Path) -> None:
    page = (site / "docs/reference.html").read_text(encoding="utf-8")
    methods = [name for name in dir(vecindex.Index) if not name.startswith("_")]
    assert {"ingest", "search", "overlap", "export"} <= set(methods)
    assert [name for name in methods if f'id="vecindex.Index.{name}"' not in page] == []
    kinds = [name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)]
    assert "LockedError" in kinds
    assert [name for name in kinds if f'id="vecindex.errors.{name}"' not in page] == []
    for result in ("IngestReport", "SearchResult", "OverlapResult", "ProjectResult", "Status"):
        assert re.search(rf'id="vecindex\.[\w.]*\b{result}"', page), result


def test_the_sections_of_a_docstring_are_lists(site: Path) -> None:
    page = (site / "docs/reference.html").read_text(encoding="utf-8")
    assert "<strong>dry_run</strong>: " in page  # an argument
    assert "<strong>hybrid</strong>: " in page  # an option of the command line
    assert " : " not in re.sub(r"<[^>]*>", "", page.split('id="vecindex.Index.search"')[1].split("<dl")[0])


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    assert [page.name for page in pages if _FETCHED.search(page.read_text(encoding="utf-8"))] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", styles) == []
