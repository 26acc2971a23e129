"""LanceDB imported without the client of a remote catalogue, which is there as soon as somebody asks."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from vecindex.store.quick_import import import_lancedb
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
from vecindex.store.quick_import import import_lancedb
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
    code = "from vecindex.store import quick_import as q, database\nimport sys\nq._postpone('no_such_package')\n"
    assert ran(code + "print('no_such_package' in sys.modules)") == "False\n"
