"""The order of the built-in plugins does not depend on which module a program imported first."""

from __future__ import annotations

import subprocess
import sys

ORDER = """
{first}
from companion.daemon import registered
print(*[each.uri for each in registered().graph()])
"""


def order(first: str) -> str:
    """The order in a process of its own that begins with an import."""
    script = ORDER.format(first=first)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


def test_a_module_imported_before_the_daemon_changes_no_order() -> None:
    assert order("import companion.local.leases, companion.service.version") == order("")


def test_the_scheduler_of_collections_starts_before_the_leases_that_need_it() -> None:
    started = order("import companion.local.leases").split()
    assert started.index("io.containerd.gc.v1.scheduler") < started.index(
        "io.containerd.service.v1.leases-service"
    )
