"""Counting rejects by the kind of their reason."""

from __future__ import annotations

from vecindex.verbs.ingest.result import IngestReport


def test_reasons_are_counted_by_kind() -> None:
    report = IngestReport("t")
    for reason in ("not valid UTF-8 at byte 7", "not valid UTF-8 at byte 9", "wrong type: field 'a'", "empty text"):
        report.count_reject(reason)
    assert report.reject_reasons == {"not valid UTF-8": 2, "wrong type": 1, "empty text": 1}
    assert report.rejected == 4
