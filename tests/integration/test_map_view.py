"""The live map of a notebook: its traits, what is refused, and what a real kernel sends and takes."""

from __future__ import annotations

import base64
import builtins
import datetime as dt
import gzip
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from pictures import picture
from planted import make_table, put_map
from tables import unit_vectors
from vecindex.core.picture import Coloring
from vecindex.errors import ConfigError, MissingExtraError
from vecindex.verbs.picture.result import MapResult
from vecindex.verbs.picture.widget.labels import packed_labels, unpacked_labels

N = 10


def result() -> MapResult:
    """Ten articles with a column of two kinds, one of numbers and one of dates."""
    codes = np.array([0, 0, 0, 1, 1, 1, 1, 255, 0, 1], dtype=np.uint8)
    steps = (np.arange(N) * 20).astype(np.uint8)
    shown = picture(
        n=N,
        xy=np.stack([np.arange(N), 10.0 - np.arange(N)], axis=1),
        ids=[f"a{i}" for i in range(N)],
        titles=[f"Title {i}" for i in range(N)],
        colorings=(
            Coloring("field:kind", "kind", "category", codes, ("b", "c"), (4, 5)),
            Coloring("field:year", "year", "number", steps, low=1900.0, high=2000.0),
            Coloring("field:day", "day", "number", steps, low=0.0, high=254.0, unit="date"),
        ),
        topics=(),
        questions=(),
    )
    return MapResult(shown, "field:kind", 0, {})


def bits(*rows: int) -> bytes:
    mask = np.zeros(N, dtype=np.bool_)
    mask[list(rows)] = True
    return np.packbits(mask, bitorder="little").tobytes()


def packed(*codes: int) -> str:
    return base64.b64encode(gzip.compress(bytes(codes))).decode()


def test_the_selection_of_the_page_comes_back() -> None:
    shown = result()
    view, seen = shown.live, []
    assert shown.live is view
    assert shown.selection == ()
    view.observe(lambda change: seen.append(change.new), "selection")
    view._selected = bits(2, 7, 9)
    assert shown.selection == ("a2", "a7", "a9")
    assert view.to_arrow().to_pylist() == [
        {"id": "a2", "title": "Title 2", "x": 2.0, "y": 8.0, "kind": "b"},
        {"id": "a7", "title": "Title 7", "x": 7.0, "y": 3.0, "kind": None},
        {"id": "a9", "title": "Title 9", "x": 9.0, "y": 1.0, "kind": "c"},
    ]
    assert list(view.to_pandas()["id"]) == ["a2", "a7", "a9"]
    # From Python, in any order, to the page.
    view.selection = ["a9", "a0", "a9"]
    assert view._selected == bits(0, 9)
    assert seen == [("a2", "a7", "a9"), ("a0", "a9")]
    view.selection = ()
    assert view._selected == bits()


def test_color_and_filters_are_set_by_name() -> None:
    view = result().live
    view.color = "year"
    assert view.color == "field:year"
    view.filters = {"kind": ["c", None], "field:year": (1950, 1960.5), "day": ["1970-01-02", dt.date(1970, 2, 1)]}
    assert view.filters == {"field:kind": ["c", None], "field:year": [1950.0, 1960.5], "field:day": [1.0, 31.0]}
    view.color = "labels:mine"
    assert view.color == "labels:mine", "labels that the page alone knows"


def test_labels_of_the_page_come_back_and_are_set() -> None:
    shown = result()
    view, seen = shown.live, []
    assert shown.labels == {}
    assert view.labeled.to_arrow().num_rows == 0
    view.observe(lambda change: seen.append(change.new), "labels")
    # As the page sends them: names, and of each article the index of its name.
    sent = packed_labels({"label": {"a3": "to read", "a0": "done"}, "kind": {"a3": "x"}}, view._row_of)
    assert sent is not None
    assert [one["names"] for one in sent["columns"]] == [["to read", "done"], ["x"]]
    codes = gzip.decompress(base64.b64decode(sent["columns"][0]["codes"]))
    assert list(codes) == [1, 255, 255, 0, 255, 255, 255, 255, 255, 255]
    view._labels = sent
    assert shown.labels == {"label": {"a0": "done", "a3": "to read"}, "kind": {"a3": "x"}}
    assert view._labels is sent, "and it is not sent back"
    row = {"id": "a3", "title": "Title 3", "x": 3.0, "y": 7.0, "kind": "c", "label": "to read"}
    assert view.labeled.to_arrow().to_pylist()[1] == {**row, "kind (in this page)": "x"}
    assert list(view.labeled.to_pandas()["label"]) == ["done", "to read"]
    view.selection = ["a3", "a4"]
    assert view.to_arrow()["label"].to_pylist() == ["to read", None]
    view.color, view.filters = "label", {"label": ["done"], "kind": ["c"]}
    assert (view.color, view.filters) == ("labels:label", {"labels:label": ["done"], "field:kind": ["c"]})
    # From Python, in place of all others.
    view.labels = {"topic": {"a9": "  two\nwords ", "a8": "\U0001f9a0" * 200}, "none": {}}
    labels = {"topic": {"a9": "two words", "a8": "\U0001f9a0" * 200}}
    assert unpacked_labels(view._labels, shown.picture.ids) == labels
    view._labels = None
    assert seen[1:] == [labels, {}]
    assert view.labeled.to_arrow().column_names == ["id", "title", "x", "y", "kind"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("labels", {"Label": {}}, "cannot be named 'Label'"),
        ("labels", {"label": ["a1"]}, "are a mapping of ids to labels"),
        ("labels", {"label": {"x": "a"}}, "1 labeled id is not on the map: 'x'"),
        ("labels", {"label": {"a1": " "}}, "a text of 1 to 200 characters, found ' '"),
        ("labels", {"label": {"a1": "\U0001f9a0" * 201}}, "a text of 1 to 200 characters"),
        ("_labels", {"columns": [{"name": "label", "names": [], "codes": "!"}]}, "labels cannot be read"),
        ("_labels", {"columns": [{"name": "label", "names": [], "codes": ""}]}, "not of 10 articles"),
        ("_labels", {"columns": [{"name": "label", "names": [], "codes": packed(*[0] * 10)}]}, "cannot be read"),
        ("_labels", {"columns": [{"name": "l", "names": ["a"], "codes": packed(*[0] * 11)}]}, "not of 10 articles"),
        ("color", "none", r"no color 'none' \(there is: field:kind, field:year, field:day\)"),
        ("filters", {"none": ["c"]}, "no color 'none'"),
        ("filters", {"kind": ["d"]}, r"kind has no value 'd' on this map \(there is: b, c\)"),
        ("filters", {"kind": "c"}, "is a list of values, found 'c'"),
        ("filters", {"year": [1]}, "the lowest and the highest of two numbers"),
        ("filters", {"year": [2, 1]}, "the lowest and the highest of two numbers"),
        ("filters", {"day": ["soon", "1970-01-02"]}, "the lowest and the highest of two dates"),
        ("selection", ["a1", "x", "y"], "2 ids are not on the map: 'x', 'y'"),
        ("_selected", b"\0", "a bit for each of 10 articles"),
    ],
)
def test_what_the_map_does_not_have_is_refused(name: str, value: Any, told: str) -> None:
    view = result().live
    before = getattr(view, name)
    with pytest.raises(ConfigError, match=told):
        setattr(view, name, value)
    assert getattr(view, name) == before


def test_without_the_extra_the_frame_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "anywidget":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "vecindex.verbs.picture.widget.view", raising=False)
    shown = result()
    assert shown._repr_mimebundle_() == ({}, {})
    assert "<iframe" in shown._repr_html_()
    with pytest.raises(MissingExtraError, match=r"pip install 'vecindex\[widget\]'"):
        _ = shown.live


class Kernel:
    """A kernel, and a client in the place of a notebook's front end."""

    def __init__(self) -> None:
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(startup_timeout=200, kernel_name="python3")

    def run(self, code: str) -> tuple[str, list[Any]]:
        """Run a cell; return what it printed, and the other messages of it."""
        asked = self.client.execute(code)
        text, others = "", list[Any]()
        while True:
            message = self.client.get_iopub_msg(timeout=600)
            kind, content = message["msg_type"], message["content"]
            if kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            if kind == "stream" and content["name"] == "stdout":
                text += content["text"]
            elif kind == "status" and content["execution_state"] == "idle":
                if message["parent_header"].get("msg_id") == asked:
                    return text, others
            else:
                others.append(message)

    def update(self, comm: str, state: dict[str, Any], buffers: dict[str, bytes]) -> None:
        """Send what a widget's front end sends when its model has changed."""
        paths = [[name] for name in buffers]
        data = {"method": "update", "state": state, "buffer_paths": paths}
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self.client.session.send(self.client.shell_channel.socket, message, buffers=list(buffers.values()))

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def shown_ids(folder: Path) -> Sequence[str]:
    return vecindex.open(folder).map(topics=0).picture.ids


def test_a_kernel_sends_the_map_and_takes_what_is_selected(tmp_path: Path) -> None:
    vectors = unit_vectors(20)
    ids = [f"a{i:05d}" for i in range(20)]
    make_table(tmp_path, vectors, fields={"topic": ["x", "y"] * 10})
    put_map(tmp_path, "flat", ids, vectors[:, :2].astype(np.float64))
    kernel = Kernel()
    try:
        _, sent = kernel.run(f"import vecindex\nshown = vecindex.open({str(tmp_path)!r}).map(topics=0)\nshown")
        opened = {m["content"]["comm_id"]: m for m in sent if m["msg_type"] == "comm_open"}
        views = [m["content"]["data"] for m in sent if m["msg_type"] == "execute_result"]
        model = views[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
        assert "<iframe" in views[0]["text/html"], "for where no widgets are shown"
        content, buffers = opened[model]["content"]["data"], opened[model]["buffers"]
        pages = dict(zip([path[0] for path in content["buffer_paths"]], map(bytes, buffers), strict=True))
        assert pages["_page"].decode() == vecindex.open(tmp_path).map(topics=0).to_html()
        assert "render" in content["state"]["_esm"]
        # The page selects, colors and filters.
        mask = np.zeros(20, dtype=np.bool_)
        mask[[3, 19]] = True
        kernel.run("seen = []; shown.live.observe(lambda change: seen.append(change.name), ['selection', 'filters'])")
        state = {"color": "field:topic", "filters": {"field:topic": ["y"]}}
        kernel.update(model, state, {"_selected": np.packbits(mask, bitorder="little").tobytes()})
        found, _ = kernel.run(
            "print(list(shown.selection) == [shown.picture.ids[i] for i in (3, 19)], shown.live.color,"
            " shown.live.filters, sorted(seen), list(shown.live.to_pandas().columns))"
        )
        assert found.split("\n")[0] == (
            "True field:topic {'field:topic': ['y']} ['filters', 'selection'] "
            "['id', 'title', 'x', 'y', 'truncated', 'topic']"
        )
        # The page labels, and Python stores it in the table.
        page = shown_ids(tmp_path)
        kernel.update(
            model, {"_labels": packed_labels({"label": {page[3]: "b"}}, {id: i for i, id in enumerate(page)})}, {}
        )
        found, _ = kernel.run(
            f"index = vecindex.open({str(tmp_path)!r}); report = index.annotate(shown.labels['label'], tag='bare')\n"
            "print(report.labels, report.articles)"
        )
        assert found == "{'b': 1} 1\n"
        assert vecindex.open(tmp_path).map(topics=0, color="label").picture.coloring("field:label").counts == (1,)
        # What Python sets is sent to the page.
        _, sent = kernel.run("shown.live.selection = [shown.picture.ids[0]]")
        updates = [m for m in sent if m["msg_type"] == "comm_msg" and m["content"]["data"]["method"] == "update"]
        assert [bytes(m["buffers"][0]) for m in updates if m["buffers"]] == [b"\x01\x00\x00"]
    finally:
        kernel.close()
