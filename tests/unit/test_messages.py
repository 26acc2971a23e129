"""Messages name options and commands as data; each front end spells them."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, Text, as_text, command, join, option, text
from vecindex.serialize import plain
from vecindex.spelling import CommandLine, JsonApi, flag_of

MESSAGE = text("Leave ", option("topic_field"), " out, give ", option("by", "chunk"), " or run ", command("project"))


def test_python_spells_arguments_and_calls() -> None:
    assert str(MESSAGE) == "Leave topic_field= out, give by='chunk' or run index.project()"
    assert str(
        text(command("project", "a b", anchor=True, questions=["q.jsonl"], seed=0, base=None, drop=False))
    ) == ("index.project('a b', anchor=True, questions=['q.jsonl'], seed=0)")
    assert str(text(option("model", Placeholder("DIR")))) == "model=DIR"


def test_a_command_for_another_table() -> None:
    asked = text(command("ingest", Placeholder("SOURCE"), chunk=True, table="new"))
    assert str(asked) == "vecindex.open(index.uri, 'new').ingest(SOURCE, chunk=True)"
    assert asked.spelled(CommandLine("status", {"table": "old"})) == "vecindex ingest SOURCE --chunk --table new"


def test_an_empty_choice_is_a_switch() -> None:
    without = text(option("maps", ()))
    assert (str(without), without.spelled(CommandLine("export"))) == ("maps=()", "--no-maps")
    assert text(option("maps", Placeholder("NAME"))).spelled(CommandLine("export")) == "--map NAME"


def test_the_command_line_spells_flags_and_commands_that_can_be_pasted() -> None:
    run = CommandLine("overlap", {"db": "my db", "table": "t"})
    assert MESSAGE.spelled(run) == (
        "Leave --topic-field out, give --by chunk or run vecindex project --db 'my db' --table t"
    )
    asked = command("overlap", questions=["a.jsonl", "b.jsonl"], k=3, explain=True, trust_remote_code=True)
    assert text(asked).spelled(CommandLine()) == (
        "vecindex overlap --questions a.jsonl --questions b.jsonl -k 3 --explain --trust-remote-code"
    )
    # What a message names itself is not completed by what the run was for.
    assert text(command("ingest", Placeholder("SOURCE"), db="other")).spelled(run) == (
        "vecindex ingest SOURCE --db other --table t"
    )


def test_an_argument_that_begins_with_a_dash_can_be_pasted() -> None:
    run = CommandLine("explore", {"db": "d"})
    asked = command("explore", "-odd.csv", "b.csv", questions="-q.txt")
    assert text(asked).spelled(run) == "vecindex explore --questions -q.txt --db d -- -odd.csv b.csv"
    assert text(command("ingest", "-")).spelled(run) == "vecindex ingest - --db d"
    # What the command line writes itself, Python has a result write.
    page = text(command("map", "m.html", map=["a", "b"]))
    assert page.spelled(run) == "vecindex map m.html --map a --map b --db d"
    assert str(page) == "index.map(map=['a', 'b']).write('m.html')"
    assert str(text(command("map", color="year"))) == "index.map(color='year')"
    assert text(command("lens", "-1 is what?")).spelled(run) == "vecindex map --lens '-1 is what?' --db d"


def test_the_json_api_spells_fields() -> None:
    api = JsonApi(given={"db": "d"})
    assert MESSAGE.spelled(api) == 'Leave "topic_field" out, give "by": "chunk" or run vecindex project --db d'
    assert text(option("where", 'a = "b"')).spelled(api) == '"where": "a = \\"b\\""'
    # What the server was started with is no field of a request.
    assert text(option("model", Placeholder("DIR"))).spelled(api) == "--model DIR"


def test_a_flag_is_that_of_the_command_that_runs() -> None:
    assert [flag_of("search", "k"), flag_of("overlap", "what_if"), flag_of("nothing", "at_most")] == [
        "-k",
        "--what-if",
        "--at-most",
    ]


def test_an_error_keeps_its_parts_and_reads_as_python() -> None:
    error = ConfigError(text(option("k"), " is wrong."), text("Try ", option("k", 5)))
    assert str(error) == "k= is wrong.\nTry k=5"
    assert error.message.spelled(CommandLine("overlap")) == "-k is wrong."
    outer = ConfigError(text("First: ", error.message), "Then stop.")
    assert outer.message.spelled(CommandLine("overlap")) == "First: -k is wrong."
    assert isinstance(outer.hint, Text)


def test_parts_join_and_are_found() -> None:
    joined = join("; ", [text("a ", option("k")), as_text("b")])
    assert str(joined) == "a k=; b"
    assert "k=;" in joined
    assert not as_text("")


def test_plain_values_spell_messages() -> None:
    run = CommandLine("search")
    assert plain({"next": (text("Leave ", option("k"), " out"),)}, lambda t: t.spelled(run)) == {
        "next": ["Leave -k out"]
    }


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_is_not_a_number_is_null(value: float) -> None:
    assert plain([value, 1.5, {2: value}]) == [None, 1.5, {"2": None}]


def test_a_text_is_a_str_that_copies_keep_whole() -> None:
    for one in (copy.deepcopy(MESSAGE), pickle.loads(pickle.dumps(MESSAGE))):
        assert one == "Leave topic_field= out, give by='chunk' or run index.project()"
        assert one.parts == MESSAGE.parts
    assert MESSAGE.startswith("Leave topic_field=")
    assert json.dumps([text("a ", option("k"))]) == '["a k="]'
