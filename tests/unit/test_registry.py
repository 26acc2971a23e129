"""The registry against a plain dict."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecindex.verbs.ingest.known import registry as module
from vecindex.verbs.ingest.known.registry import Registry, State

H1, H2 = "0" * 16 + ":" + "1" * 16, "0" * 16 + ":" + "2" * 16


def test_states_by_hand() -> None:
    registry = Registry([(["a", "b"], [H1, H1]), (["c"], [H1])])
    assert registry.n_unmet == 3
    assert registry.meet("a", H1) == (State.UNCHANGED, H1)
    assert registry.meet("b", H2) == (State.CHANGED, H1)
    assert registry.meet("d", H1) == (State.NEW, None)
    assert registry.meet("a", H1) == (State.DUPLICATE, None)
    assert registry.meet("d", H2) == (State.DUPLICATE, None)
    assert registry.n_unmet == 1
    assert registry.is_unmet("c")
    registry.keep("c")
    assert registry.n_unmet == 0
    assert not registry.is_unmet("c")
    assert registry.meet("c", H1) == (State.UNCHANGED, H1), "a good row may follow a rejected one of its id"
    assert not registry.is_unmet("never seen")


@settings(max_examples=60, deadline=None)
@given(
    stored=st.dictionaries(st.text(max_size=4), st.sampled_from([H1, H2]), max_size=20),
    met=st.lists(st.tuples(st.text(max_size=4), st.sampled_from([H1, H2])), max_size=40),
)
def test_agrees_with_a_dict(stored: dict[str, str], met: list[tuple[str, str]]) -> None:
    registry = Registry([(list(stored), list(stored.values()))])
    seen: set[str] = set()
    for row_id, row_hash in met:
        expected = (
            State.DUPLICATE
            if row_id in seen
            else State.NEW
            if row_id not in stored
            else State.UNCHANGED
            if stored[row_id] == row_hash
            else State.CHANGED
        )
        seen.add(row_id)
        assert registry.meet(row_id, row_hash)[0] is expected
    assert registry.n_unmet == len(set(stored) - seen)


def test_new_ids_are_found_after_their_run_is_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RUN", 8)
    registry = Registry()
    assert all(registry.meet(str(i), H1)[0] is State.NEW for i in range(100))
    assert all(registry.meet(str(i), H1)[0] is State.DUPLICATE for i in range(100))


def test_forgotten_ids_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RUN", 4)
    registry = Registry([(["old", "kept"], ["1", "1"])])
    for name in ("old", "a", "b", "c", "d", "e"):
        registry.meet(name, "2")
    registry.forget(["old", "b", "e", "never met"])
    states = {name: registry.meet(name, "2")[0] for name in ("old", "a", "b", "c", "d", "e")}
    again = {name for name, state in states.items() if state is not State.DUPLICATE}
    assert again == {"old", "b", "e"}
    assert states["old"] is State.CHANGED
    assert registry.n_unmet == 1


def test_an_id_that_the_table_does_not_hold_is_not_unmet() -> None:
    hashes = ["0" * 33] * 2
    assert not Registry().is_unmet("a")
    registry = Registry([(["a", "b"], hashes)])
    assert [registry.is_unmet(row_id) for row_id in ("a", "b", "c", "d")] == [True, True, False, False]
    registry.keep("c")
    assert registry.n_unmet == 2
    registry.keep("a")
    assert [registry.is_unmet(row_id) for row_id in ("a", "b")] == [False, True]
