"""`vecindex overlap` as it is typed: what it prints, its JSON against the schema, its exit codes."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import vecindex
from pages import Page
from planted import KnownModel, make_table, put_map
from vecindex.cli.app import main
from vecindex.messages import percent
from vecindex.reports.overlap.page import overlap_page
from vecindex.store.database import Database
from vecindex.verbs.overlap.overlap import overlap

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas/overlap.schema.json").read_text(encoding="utf-8"))


def table_and_questions(folder: Path, with_map: bool) -> tuple[str, str]:
    """Return a database and a file of questions whose vectors it already keeps: the model does not exist."""
    rng = np.random.default_rng(0)
    articles = rng.normal(size=(80, 6))
    make_table(folder / "db", articles)
    if with_map:
        put_map(
            folder / "db", "flat", [f"a{i:05d}" for i in range(80)], articles[:, :2], {"method": "cut", "seed": 1}
        )
    file = folder / "questions.jsonl"
    rows = [{"id": f"q{i}", "question": f"wh\u00e4t {i}?", "answers": [f"a{i:05d}"]} for i in range(8)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    known = {f"wh\u00e4t {i}?": articles[i] + 0.1 for i in range(8)}
    overlap(Database(folder / "db"), "articles", str(file), {}, KnownModel(known))  # type: ignore[arg-type]
    return str(folder / "db"), str(file)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return table_and_questions(tmp_path_factory.mktemp("mapped"), True)


@pytest.fixture(scope="module")
def unmapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return table_and_questions(tmp_path_factory.mktemp("unmapped"), False)


class Ran:
    """What a command printed, and its exit code."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, where: tuple[str, str], *options: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr(
            sys, "argv", ["vecindex", "overlap", "--db", where[0], "--questions", where[1], *options]
        )
        with pytest.raises(SystemExit) as stop:
            main()
        printed = self._capsys.readouterr()
        return int(stop.value.code or 0), printed.out, printed.err

    def err(self) -> str:
        """Return what was printed to stderr since the last call."""
        return self._capsys.readouterr().err


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    return Ran(monkeypatch, capsys)


def test_the_first_screen_answers(ran: Ran, mapped: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = json.loads(ran(mapped, "--json")[1])
    code, out, err = ran(mapped)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    folder = str(Path(mapped[0]).parent)
    assert max(len(line) for line in lines if folder not in line) <= 80, "a long path is whole"
    told = " ".join(out.split())
    kept = found["maps"][0]["search"]["overlap"]["mean"]
    assert told.startswith(
        f"On average {5 * kept:.1f} of a question's 5 nearest articles are still its nearest on the map: "
        f"{percent(kept)}. The goal of 60 % is missed. map "
    )
    answer = found["answer"]
    heads = ("map", "cause", "done", "others", "next")
    assert [line.split()[0] for line in lines if re.match(r"  \w+ {2,}\S", line)][:5] == list(heads)
    for head in heads:
        assert f" {head} {answer[head]} " in told
    assert answer["map"] == '"flat" (the only one)'
    # The commands are whole: in lines that continue one another.
    pasted = [
        shlex.split(one.replace("\\\n", "")) for one in re.findall(r"^  (vecindex(?:.*\\\n)*.*)$", out, re.MULTILINE)
    ]
    assert pasted == [shlex.split(answer["command"]), shlex.split(answer["look"])]
    least = sorted(
        found["rows"], key=lambda row: (row["maps"]["flat"]["search"]["overlap"], -row["nearest_dist"], row["id"])
    )[:3]
    at = next(i for i, line in enumerate(lines) if line.startswith("worst of 8 questions (questions.jsonl), 80 art"))
    assert [line.split()[2] for line in lines[at + 2 : at + 5]] == [row["id"] for row in least]
    assert lines[-1] == "All figures: add --details"
    assert "embedding space" not in out


def test_where_all_is_kept_nobody_asks_why_one_is_bad(ran: Ran, mapped: tuple[str, str], tmp_path: Path) -> None:
    """Articles on a circle, whose map is that circle: each question keeps all of its nearest."""
    asks = "Why is one of them bad?"
    assert asks in ran(mapped)[1]
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, 80)
    circle = np.column_stack([np.cos(angles), np.sin(angles), *np.zeros((4, 80))])
    make_table(tmp_path / "db", circle)
    put_map(tmp_path / "db", "flat", [f"a{i:05d}" for i in range(80)], circle[:, :2], {"method": "cut", "seed": 1})
    file = tmp_path / "questions.txt"
    file.write_text("what?\nwhere?\n", encoding="utf-8")
    known = {"what?": circle[0] + 0.001, "where?": circle[1] + 0.001}
    overlap(Database(tmp_path / "db"), "articles", str(file), {}, KnownModel(known))  # type: ignore[arg-type]
    out = ran((str(tmp_path / "db"), str(file)))[1]
    assert "worst of 2 questions" in out
    assert "100 %" in out
    assert asks not in out


def test_details_print_all_figures(ran: Ran, mapped: tuple[str, str]) -> None:
    first = ran(mapped)[1]
    code, out, err = ran(mapped, "--details")
    assert (code, err) == (0, "")
    assert out.startswith(first[: first.index("\n\n")])
    lines = out.splitlines()
    assert out.count("8 questions (questions.jsonl), 80 articles in articles") == 1
    # What is wrong and what helps stands before the figures.
    assert lines.index("causes on the map 'flat'") < next(
        i for i, line in enumerate(lines) if line.startswith("maps (chance")
    )
    assert [line.split()[:3] for line in lines if line.startswith("  flat ")][:2] == [
        ["flat", "best", "position"],
        ["flat", "median", "baseline"],
    ]
    assert "worst questions on the map 'flat'" in out
    assert "  right articles " in out
    assert "--details" not in out


@pytest.mark.parametrize("which", ["mapped", "unmapped"])
def test_json_is_as_its_schema_says(ran: Ran, which: str, request: pytest.FixtureRequest) -> None:
    code, out, _ = ran(request.getfixturevalue(which), "--json")
    assert code == 0
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert found["embedded"] == 0
    assert len(found["maps"]) == (which == "mapped")
    assert found["rows"][0]["text"] == "wh\u00e4t 0?"


@pytest.mark.parametrize("which", ["mapped", "unmapped"])
def test_what_if_corpus(ran: Ran, which: str, request: pytest.FixtureRequest) -> None:
    where = request.getfixturevalue(which)
    code, out, _ = ran(where, "--what-if", "corpus", "--json")
    assert code == 0
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    points = found["what_if"]["points"]
    assert [p["articles"] for p in points] == [8, 20, 40, 80]
    assert [list(p["overlap"]) for p in points] == [["flat"] if which == "mapped" else []] * 4
    assert {t["verdict"] for t in found["what_if"]["trends"]} <= {"rises", "falls", "no clear change"}
    code, out, _ = ran(where, "--what-if", "corpus")
    assert code == 0
    lines = out.splitlines()
    told = " ".join(" ".join(lines[lines.index("what if there were more articles") :]).split())
    assert told.startswith(f"what if there were more articles {found['what_if']['summary']}")
    assert "each sample in the next 8 20 40 80 each doubling share 10 % 25 % 50 % 100 % nearest distance" in told
    (dist,) = [line for line in lines if line.startswith("  nearest distance ")]
    assert dist.split()[2:6] == [f"{p['nearest_dist']['mean']:.3f}" for p in points]
    assert dist.split()[6] == f"{found['what_if']['trends'][0]['per_doubling']['mean']:+.3f}"
    kept = [re.findall(r"\d+ %", line)[:4] for line in lines if line.startswith("  overlap@5 on flat ")]
    assert kept == [[percent(o["mean"]) for p in points for o in p["overlap"].values()]] * (which == "mapped")


def test_experiments_are_told(ran: Ran, mapped: tuple[str, str], unmapped: tuple[str, str]) -> None:
    out = ran(mapped, "--details")[1]
    assert "near-duplicates: ruled out (near-duplicates merged)" in out
    assert " (best position against the median baseline)" in out
    assert " (cohesion of the true neighbors against the overlap)" in out
    assert "experiments" not in ran(unmapped, "--details")[1]
    assert "near-duplicates: ruled out" not in ran(mapped)[1]


def test_without_a_map_it_says_so(ran: Ran, unmapped: tuple[str, str]) -> None:
    code, out, _ = ran(unmapped)
    assert code == 0
    assert out.startswith("There is no map to measure overlap on.\n")
    assert f"  next    Make a map.\n  vecindex project --db {unmapped[0]}\n" in out
    assert "farthest from all articles of 8 questions" in out
    assert "Make one: vecindex project" in ran(unmapped, "--details")[1]
    code, _, err = ran(unmapped, "--fail-under", "0.1")
    assert code == 2
    assert "--fail-under needs a map" in err


def test_fail_under(ran: Ran, mapped: tuple[str, str]) -> None:
    best = json.loads(ran(mapped, "--json")[1])["maps"][0]["search"]["overlap"]
    assert best["low"] < best["mean"] < 1
    assert ran(mapped, "--fail-under", str(best["mean"]))[0] == 0
    code, _, err = ran(mapped, "--fail-under", str(best["mean"]), "--on", "lower")
    assert code == 1
    assert "overlap (lower) on the map 'flat' (the only one) is below" in err
    assert ran(mapped, "--fail-under", str(best["mean"] + 0.01))[0] == 1


def test_csv(ran: Ran, mapped: tuple[str, str], tmp_path: Path) -> None:
    assert ran(mapped, "--csv", str(tmp_path / "o.csv"))[0] == 0
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 16
    assert {(row["map"], row["placement"]) for row in rows} == {("flat", "search"), ("flat", "median")}
    assert all(0 <= float(row["overlap"]) <= 1 for row in rows)
    code, _, err = ran(mapped, "--csv", str(tmp_path / "absent" / "o.csv"))
    assert code == 2
    assert "Cannot write" in err


@pytest.mark.parametrize("which", ["mapped", "unmapped"])
def test_nearest_articles_as_csv(ran: Ran, which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    file = tmp_path / "n.csv"
    code, out, err = ran(request.getfixturevalue(which), "--neighbors", str(file), "--json")
    assert (code, err) == (0, f"written: {file}\n")
    found = json.loads(out)
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 40
    for row, one in zip(found["rows"], range(0, 40, 5), strict=True):
        some = rows[one : one + 5]
        assert {(r["question_id"], r["question"]) for r in some} == {(row["id"], row["text"])}
        assert [(r["rank"], r["id"], r["title"], float(r["dist"])) for r in some] == [
            (str(n["rank"]), n["id"], n["title"], n["dist"]) for n in row["neighbors"]
        ]
        ranks = row["maps"]["flat"]["search"]["target_ranks"] if which == "mapped" else [None] * 5
        assert [r["map_rank"] for r in some] == ["" if rank is None else str(rank) for rank in ranks]
        kept = ["" if which == "unmapped" else str(rank is not None and rank <= 5) for rank in ranks]
        assert [r["kept"] for r in some] == kept
        assert {r["map"] for r in some} == {"flat" if which == "mapped" else ""}


@pytest.mark.parametrize("which", ["mapped", "unmapped"])
def test_html_says_what_json_says(ran: Ran, which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    where, file = request.getfixturevalue(which), tmp_path / "r.html"
    code, out, err = ran(where, "--html", str(file), "--json")
    assert (code, err) == (0, f"written: {file}\n")
    found = json.loads(out)
    text = file.read_text(encoding="utf-8")
    made = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", text)
    assert made is not None
    assert text == overlap_page(found, version=vecindex.__version__, made=made[0])
    page = Page(text)
    for told in ("figure", "map", "cause", "command"):
        assert found["answer"][told] in page.text
    assert "wh\u00e4t 3?" in page.text
    if which == "mapped":
        flat = found["maps"][0]
        assert page.row("flat80 articles")[2] == percent(flat["search"]["overlap"]["mean"])
        assert page.row("self-recall")[1] == percent(flat["self_recall"]["mean"])
    near = [page.data["articles"][a][0] for a, *_ in page.data["questions"][3]["near"]]
    assert near == [n["id"] for n in found["rows"][3]["neighbors"]]


def test_remedies_name_the_database_wherever_they_are_told(
    ran: Ran, unmapped: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "r.html"
    command = f"vecindex project --db {unmapped[0]}"
    assert command in json.loads(ran(unmapped, "--json")[1])["next"][0]
    assert command in " ".join(ran(unmapped, "--html", str(file))[1].split())
    assert command in file.read_text(encoding="utf-8")


def test_html_that_cannot_be_written(ran: Ran, mapped: tuple[str, str], tmp_path: Path) -> None:
    code, _, err = ran(mapped, "--html", str(tmp_path / "absent" / "r.html"))
    assert code == 2
    assert "Cannot write" in err
    assert "Name another file, in a folder that you may write to." in err


def test_one_question_side_by_side(ran: Ran, mapped: tuple[str, str]) -> None:
    code, out, _ = ran(mapped, "--question", "q3")
    assert code == 0
    assert out.startswith("q3: wh\u00e4t 3?")
    assert out.count("in embedding space") == 2
    assert "* Title of a00003" in out
    assert ran(mapped, "--question", "wh\u00e4t 3?")[1] == out, "by its text"
    row = json.loads(ran(mapped, "--json")[1])["rows"][3]
    placed = row["maps"]["flat"]["search"]
    at = next(i for i, line in enumerate(out.splitlines()) if line.startswith('the map "flat", best position'))
    told = " ".join(" ".join(out.splitlines()[1:at]).split())
    assert told == " ".join(row["why"])
    assert told.startswith(f"It keeps {round(5 * placed['overlap'])} of its 5 nearest articles on the map. ")
    for i, line in enumerate(out.splitlines()[at + 2 : at + 7]):
        cells = re.split(r"  +", line.strip().replace("* ", ""))
        assert cells == [
            str(i + 1),
            f"{row['neighbors'][i]['dist']:.4f}",
            row["neighbors"][i]["title"],
            str(placed["target_ranks"][i]),
            f"{placed['neighbors'][i]['dist']:.4f}",
            placed["neighbors"][i]["title"],
            str(placed["neighbor_ranks"][i]),
        ]
    code, _, err = ran(mapped, "--question", "q99")
    assert code == 2
    assert "No question has the id 'q99'" in err


def test_a_typed_question_alone_and_beside_a_file(
    mapped: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = {"how do cells die": np.ones(6)} | {f"wh\u00e4t {i}?": np.eye(6)[i % 6] for i in range(8)}
    model = KnownModel(vectors)
    monkeypatch.setattr("vecindex.verbs.questions.model.QuestionModel", lambda: model)
    index = vecindex.open(shutil.copytree(mapped[0], tmp_path / "db"))

    alone = index.overlap(question="how do cells die")
    assert (alone.questions, alone.typed, alone.questions_name) == (1, None, "typed")
    beside = index.overlap(mapped[1], question="how do cells die")
    assert (beside.questions, len(beside.rows)) == (8, 8)
    assert beside.typed is not None
    assert beside.typed.neighbors == alone.rows[0].neighbors
    assert beside.typed.maps == alone.rows[0].maps
    without = index.overlap(mapped[1])
    assert (beside.maps, beside.space, beside.rows) == (without.maps, without.space, without.rows)
    assert index.overlap(mapped[1], question="q3").typed is None
    jsonschema.validate({"schema_version": 1, **beside.to_dict()}, SCHEMA, cls=jsonschema.Draft202012Validator)

    outs = []
    for more in ([], ["--questions", mapped[1]]):
        arguments = ["vecindex", "overlap", "--db", index.uri, "--question", "how do cells die", *more]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit):
            main()
        outs.append(capsys.readouterr().out)
    assert outs[0].splitlines()[0] == "how do cells die"
    assert outs[0] == outs[1]
    assert "in embedding space" in outs[0]

    # What was asked for besides is told after it, and nothing else.
    monkeypatch.setattr(sys, "argv", [*arguments, "--what-if", "corpus"])
    with pytest.raises(SystemExit):
        main()
    more = capsys.readouterr().out
    assert more.startswith(outs[1])
    assert more.removeprefix(outs[1]).startswith("\nwhat if there were more articles\n")


def test_no_question_at_all(ran: Ran, mapped: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, message in (([], "overlap needs questions"), (["--question", " "], "--question is empty")):
        monkeypatch.setattr(sys, "argv", ["vecindex", "overlap", "--db", mapped[0], *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 2
        assert message in ran.err()


def test_bad_lines_are_told_and_counted(ran: Ran, mapped: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(
        Path(mapped[1]).read_text(encoding="utf-8") + '{"id": 1}\n{"text": "WH\u00c4T 0?"}\n', encoding="utf-8"
    )
    code, _, err = ran((mapped[0], str(file)))
    assert code == 6
    assert "questions.jsonl:9: no text in any of" in err
    assert f"counted once: {file}:10 is the same question as {file}:1" in err
    assert ran((mapped[0], str(file)), "--fail-under", "1")[0] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--on", "median"], "--on is mean or lower"),
        (["--fail-under", "60"], "--fail-under is a share from 0 to 1"),
        (["--map", "absent"], "has no map 'absent'"),
        (["--by", "row"], "--by is article or chunk"),
        (["--topic-field", "absent"], "has no column 'absent' with one topic for each article (columns there: none)"),
        (["-k", "0"], "-k must be from 1 to 100"),
        (["--what-if", "model"], "--what-if is corpus, found 'model'"),
    ],
)
def test_usage(ran: Ran, mapped: tuple[str, str], options: list[str], message: str) -> None:
    code, _, err = ran(mapped, *options)
    assert code == 2
    assert message in err


def test_a_new_question_needs_the_model(ran: Ran, mapped: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "new.txt"
    file.write_text("something new?\n")
    code, _, err = ran((mapped[0], str(file)))
    assert code == 4
    assert "planted" in err
