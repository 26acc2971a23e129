"""Makes the pictures of the README from the sample's map and report, which `make demo` leaves in .demo.

make demo && python docs/generate_pictures.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
DEMO = ROOT / ".demo"
IMAGES = ROOT / "docs" / "images"
CHROMIUM = os.environ.get("VECINDEX_CHROMIUM") or shutil.which("chromium")
QUESTION = 5


def main() -> None:
    """Write the pictures."""
    asked = ["--questions", str(ROOT / "examples" / "questions-cell-biology.jsonl"), "--db", str(DEMO / "db")]
    for file in (IMAGES / "map-figure.svg", DEMO / "unanchored.html"):
        subprocess.run([sys.executable, "-m", "vecindex.cli.app", "map", str(file), *asked], check=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 720})
        picture_of_map(page)
        picture_of_report(page)
        browser.close()


def picture_of_map(page: Page) -> None:
    """Show a question with its nearest articles."""
    page.goto((DEMO / "unanchored.html").as_uri())
    page.locator(".vmap-questions button").nth(QUESTION).click()
    page.wait_for_timeout(2_000)
    page.screenshot(path=IMAGES / "map-page.png")


def picture_of_report(page: Page) -> None:
    """Show the beginning of the overlap report."""
    page.goto((DEMO / "overlap.html").as_uri())
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / "overlap-report.png")


if __name__ == "__main__":
    main()
