"""The report on the overlap of a file of questions, made in the background once for each state of the table."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from dataclasses import dataclass
from typing import Any, cast

from vecindex.config import VERSION
from vecindex.errors import VecindexError, described
from vecindex.messages import Placeholder, command, text
from vecindex.reports.overlap.page import overlap_page
from vecindex.serve.models import Report
from vecindex.serve.table.live import Live
from vecindex.types import Silent, Stage
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.overlap.overlap import overlap

_LOG = logging.getLogger(__name__)
HREF = "/overlap"


class _Progress(Silent):
    """An observer that remembers the stage."""

    def __init__(self) -> None:
        self.at = "searching for the questions and reading all vectors"

    def stage(self, stage: Stage) -> None:
        """Keep its name."""
        self.at = stage.name


@dataclass(frozen=True, slots=True)
class _Made:
    edition: str
    html: str


class ReportJob:
    """Makes the report in its own thread, and keeps the last one."""

    def __init__(self, live: Live) -> None:
        """Start nothing yet."""
        self._live = live
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._progress = _Progress()
        self._made: _Made | None = None
        self._failed: tuple[str, VecindexError] | None = None

    @property
    def busy(self) -> bool:
        """Whether a report is being made."""
        return self._thread is not None and self._thread.is_alive()

    def html(self) -> str | None:
        """Return the last report as a page; None before the first."""
        return None if self._made is None else self._made.html

    def report(self) -> Report:
        """Return the state of the report; one that is not of the table's latest state is made again."""
        served = self._live.served
        if served.questions is None:
            return _report(
                "no questions",
                next=served.spell(
                    text(
                        "Name a file of questions when you start the server: ",
                        command("serve", questions=Placeholder("FILE")),
                    )
                ),
            )
        latest, _ = self._live.latest()
        with self._lock:
            made, failed = self._made, self._failed
            if made is not None and made.edition == latest:
                return _report("ready", served.questions_name, edition=latest, latest=True, href=HREF)
            if not self.busy and failed is not None and failed[0] == latest:
                error = failed[1]
                self._failed = None
                return _report(
                    "failed",
                    served.questions_name,
                    error=served.spell_for_readers(error.message),
                    next=None if error.hint is None else served.spell_for_readers(error.hint),
                )
            if not self.busy:
                self._progress = _Progress()
                self._thread = threading.Thread(target=self._make, args=(latest,), daemon=True)
                self._thread.start()
            return _report(
                "working",
                served.questions_name,
                stage=self._progress.at,
                edition=made.edition if made else None,
                href=HREF if made else None,
            )

    def _make(self, edition: str) -> None:
        live = self._live
        try:
            served = live.served
            options = cast("OverlapOptions", served.model)
            result = overlap(live.database(), served.table, served.questions, options, live.model, self._progress)
            made = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
            links = [("Live map", "/"), ("API", "/api/docs")]
            html = overlap_page(result.to_dict(served.spell_for_readers), version=VERSION, made=made, links=links)
            with self._lock:
                self._made, self._failed = _Made(edition, html), None
            return
        except VecindexError as error:
            failed = error
        except Exception as error:  # noqa: BLE001  # shown by the page, and logged
            _LOG.exception("the report failed")
            failed = VecindexError(f"Unexpected {described(error)}")
        with self._lock:
            self._failed = (edition, failed)


def _report(state: str, questions: str | None = None, **known: Any) -> Report:
    fields = dict.fromkeys(("stage", "edition", "href", "error", "next"))
    return Report.model_validate({"state": state, "questions": questions, "latest": False, **fields, **known})
