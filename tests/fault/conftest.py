"""What the tests of faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import writing


@pytest.fixture(scope="module")
def known_questions() -> Iterator[None]:
    """Let questions have planted vectors, as in the processes of `writing`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("embed", "query_prompt"):
            patch.setattr(writing.QuestionModel, name, getattr(writing.QuestionModel, name))
        writing.know_questions()
        yield
