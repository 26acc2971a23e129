"""Sorted runs of keys, against a dict."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecindex.verbs.ingest.known import registry as module
from vecindex.verbs.ingest.known.registry import Registry, State
from vecindex.verbs.ingest.known.runs import KEY_BYTES, Run, merged


def key(text: str) -> bytes:
    digest = hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).digest()
    return digest[:-1] + bytes([digest[-1] | 1])


KEYS = st.one_of(
    st.text(max_size=3).map(key),
    # The same first bytes: all in one bucket. And ends with zeros before the last bit.
    st.binary(min_size=1, max_size=2).map(lambda end: bytes(13) + end.rjust(2, b"\0") + b"\1"),
)


@given(st.lists(KEYS, unique=True, max_size=60), st.lists(KEYS, max_size=20))
def test_a_run_finds_its_keys_with_their_values_and_no_others(keys: list[bytes], others: list[bytes]) -> None:
    # The value of each is the key of the next: it must not be found in the middle of a record.
    values = keys[1:] + keys[:1]
    records = bytearray(b"".join(a + b for a, b in zip(keys, values, strict=True)))
    run = Run.of_unsorted(records, 2 * KEY_BYTES)
    assert len(run) == len(keys)
    for one, value in zip(keys, values, strict=True):
        assert run.value(run.find(one)) == value
    assert [run.find(one) >= 0 for one in others] == [one in keys for one in others]


@given(st.sets(KEYS, max_size=50), st.sets(KEYS, max_size=50))
def test_two_runs_are_merged_to_all_their_keys_in_order(some: set[bytes], more: set[bytes]) -> None:
    more -= some
    if not some or not more:
        return
    one, other = (Run.of_unsorted(bytearray(b"".join(keys)), KEY_BYTES) for keys in (some, more))
    both = merged(one, other)
    assert sorted(some | more) == [bytes(both.records[at : at + 16]) for at in range(0, len(both.records), 16)]
    assert sorted(both.find(one) for one in some | more) == list(range(len(some | more)))


def test_a_forgotten_key_is_not_found_and_the_others_are() -> None:
    keys = [key(str(i)) for i in range(40)]
    run = Run.of_unsorted(bytearray(b"".join(keys)), KEY_BYTES)
    run.forget(keys[3])
    run.forget(key("never there"))
    assert [run.find(one) >= 0 for one in keys] == [i != 3 for i in range(40)]


def test_new_ids_are_in_few_runs_of_16_bytes_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RUN", 8)
    monkeypatch.setattr(module, "_LARGEST_RUN", 128)
    registry = Registry()
    for i in range(8 * 37):
        assert registry.meet(str(i), "1")[0] is State.NEW
    # 37 runs of 8 are two of the largest, 16 runs each, and 4 and 1.
    assert [len(run) for run in registry._new] == [128, 128, 32, 8]
    assert sum(len(run.records) for run in registry._new) == 16 * 8 * 37
    registry.forget(["5", "290"])
    again = [i for i in range(8 * 37) if registry.meet(str(i), "1")[0] is State.NEW]
    assert again == [5, 290]
    assert registry.has_met("5")


def test_a_hash_is_given_back_as_it_was_stored_whatever_its_form() -> None:
    usual = "0123456789abcdef:fedcba9876543210"
    hashes = [usual, "", "odd", usual.upper(), "g" * 16 + ":" * 17, "é" + usual[1:]]
    # As long as the usual ones, with more colons than one.
    colons = [usual[:-2] + "::", usual]
    for together in (hashes, [*hashes, hashes[0]], hashes[:1] * 3, colons, colons[:1]):
        ids = [str(i) for i in range(len(together))]
        registry = Registry([(ids, together)])
        assert [registry.meet(one, "other") for one in ids] == [(State.CHANGED, stored) for stored in together]
        registry = Registry([(ids, together)])
        assert [registry.meet(*both)[0] for both in zip(ids, together, strict=True)] == [State.UNCHANGED] * len(ids)
