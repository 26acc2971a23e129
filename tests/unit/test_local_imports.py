"""LanceDB imported without the client of a remote catalogue and pandas, which are there as soon as somebody asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tables import filled

CODE = """
import sys
from vecindex.store.local import import_lancedb
lancedb = import_lancedb()
client = "lance_namespace_urllib3_client"
print(f"{client}.api.table_api" in sys.modules)
import lance_namespace_urllib3_client
print(lance_namespace_urllib3_client.TableApi.__name__, f"{client}.api.table_api" in sys.modules)
from lance_namespace_urllib3_client import ApiClient, TableApi
print(ApiClient.__name__, import_lancedb() is lancedb)
"""


def ran(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_client_is_made_when_it_is_asked_for() -> None:
    assert ran(CODE).splitlines() == ["False", "TableApi True", "ApiClient True"]


def test_a_client_that_is_there_stays() -> None:
    before = "import lance_namespace_urllib3_client as c\n"
    after = "\nprint(sys.modules[client] is c)"
    assert ran(before + CODE + after).splitlines()[0] == "True"
    assert ran(before + CODE + after).splitlines()[-1] == "True"


def test_several_may_ask_at_once() -> None:
    ask = """
import sys, threading
from vecindex.store.local import import_lancedb
import_lancedb()
import lance_namespace_urllib3_client as client
found = []
threads = [threading.Thread(target=lambda: found.append(client.TableApi.__name__)) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(found == ["TableApi"] * 8, hasattr(client, "no_such_thing"))
"""
    assert ran(ask) == "True False\n"


def test_a_package_that_cannot_be_found_is_left_alone() -> None:
    code = "from vecindex.store import local as q, database\nimport sys\nq._postpone('no_such_package')\n"
    assert ran(code + "print('no_such_package' in sys.modules)") == "False\n"


CONVERSIONS = """
import pandas as pd, pyarrow as pa
frame = pd.DataFrame({"a": [1, None], "b": pd.Categorical(["x", "y"]), "t": pd.to_datetime(["2020-01-01", None])})
print(pa.Table.from_pandas(frame).to_pydict(), pa.Table.from_pandas(frame).schema.types)
print(pa.array(pd.Series(["a", None])), pa.array([1.5, float("nan")], from_pandas=True))
print(pa.array([pd.Timestamp("2020-01-01"), pd.NaT], from_pandas=True), pa.array([pd.NA, "a"], from_pandas=True))
print(pa.scalar(pd.Timedelta(1, "s")), pa.array(pd.Index([3, 4])), pa.array(pd.array([1, pd.NA], dtype="Int64")))
print(pa.table({"a": [1, 2]}).to_pandas().dtypes.to_dict(), pa.lib._pandas_api.have_pandas)
"""


def test_pandas_comes_late_and_is_used_as_if_it_had_been_there() -> None:
    late = """
import sys
from vecindex.store.local import import_lance, import_lancedb
import_lance(), import_lancedb()
assert "pandas" not in sys.modules
import pyarrow as pa
assert [pa.scalar(True), pa.scalar(False)] == [pa.array([True])[0], pa.array([False])[0]]
"""
    assert ran(late + CONVERSIONS) == ran(CONVERSIONS)


def test_pyarrow_is_left_as_it_was() -> None:
    code = """
import pyarrow as pa
before = pa.scalar, pa.lib.scalar
from vecindex.store.local import import_lance
import_lance()
import pyarrow.dataset as ds, pyarrow.compute as pc
rows = ds.dataset(pa.table({"a": [1, 2]})).to_table(filter=pc.scalar(True)).num_rows
print(before == (pa.scalar, pa.lib.scalar), rows)
"""
    assert ran(code) == "True 2\n"


def test_lance_finds_pandas_installed() -> None:
    code = """
from vecindex.store.local import import_lance, import_lancedb
import_lance(), import_lancedb()
import pandas as pd, lance, tempfile
with tempfile.TemporaryDirectory() as folder:
    print(lance.write_dataset(pd.DataFrame({"a": [1, 2]}), folder + "/a.lance").to_table().to_pydict())
"""
    assert ran(code) == "{'a': [1, 2]}\n"


def test_a_process_that_opens_a_table_first_of_all_gets_it(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    code = "import sys, vecindex.store.database as d; print(d.Database(sys.argv[1]).articles('articles').count())"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.strip() == "3", done.stderr
