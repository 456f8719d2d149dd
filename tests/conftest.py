"""Skipped tests: those of what a machine has not, containerd or overlays; with CI=true none at all."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

pytest.register_assert_rewrite("tests.interop.scenario")

CI = os.environ.get("CI") == "true"
NEEDED = ("containerd", "ctr", "runc")
INSTALL = "apt-get install --yes containerd runc"

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def missing_for_interop() -> str | None:
    """What the tests marked `interop` lack here, or None."""
    if absent := [name for name in NEEDED if shutil.which(name) is None]:
        return f"no {', '.join(absent)} on the PATH; as root: {INSTALL}"
    if os.geteuid() != 0:
        return "the real containerd runs as root only: sudo make test"
    return None


def missing_for_overlayfs() -> str | None:
    """What the tests marked `overlayfs` lack here, or None."""
    from companion.backend.snapshots.overlayfs import check  # noqa: PLC0415 - costs nothing where none is
    from companion.plugin import SkipPlugin  # noqa: PLC0415

    try:
        check(Path("/tmp"))
    except SkipPlugin as reason:
        return str(reason)
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for marker, missing in (("interop", missing_for_interop), ("overlayfs", missing_for_overlayfs)):
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and (reason := missing()):
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=f"{marker}: {reason}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reason = f"interop: {missing_for_interop()}"
    if skipped := [r for r in terminalreporter.getreports("skipped") if reason in str(r.longrepr)]:
        terminalreporter.write_line(f"{len(skipped)} tests skipped, {reason}")


def failed_if_skipped(report: Report) -> Report:
    """In CI, the report with a skip turned into a failure that tells why it was skipped."""
    if CI and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI=true allows no skip, but: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return failed_if_skipped((yield))
