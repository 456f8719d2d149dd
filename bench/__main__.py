"""`make bench`: the same operations on every server that can be started here, side by side in one run."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.load import RECORDS, Phase, Result, measure
from bench.picture import picture
from bench.servers import Server, known, started

CALLERS = (1, 8, 64)
LISTS = (100, 1_000, 10_000)
_LISTERS = 10  # callers that fill a namespace before it is listed

Results = dict[tuple[str, str], dict[str, list[Result]]]
"""Operation and its size, then server, then one result for each round."""


def main() -> None:
    """Measure, print a table of medians, draw the picture."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=3, help="how often each phase is run on each server")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a phase is")
    options = parser.parse_args()
    results: Results = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="bench-") as base, ExitStack() as running:
        servers = [running.enter_context(started(name, Path(base, name))) for name in known()]
        for server in servers:
            _fill_lists(server)
        for number in range(options.rounds):
            # In turn and the other way round, so that what the machine does meanwhile meets all alike.
            for server in servers if number % 2 == 0 else servers[::-1]:
                _round(server, number, options.seconds, results)
        for server in servers:
            print(f"{server.name}: peak memory {server.peak_memory() >> 20} MiB")
    for line in _table(results, [server.name for server in servers]):
        print(line)
    target = Path(__file__).with_name("picture.svg")
    target.write_text(picture(_ratios(results)))
    print(f"drawn: {target.relative_to(Path.cwd())}")


def _fill_lists(server: Server) -> None:
    if server.name == "bare":
        return
    for size in LISTS:
        measure(server, Phase("create", _LISTERS, f"list-{size}", times=size // _LISTERS))


def _round(server: Server, number: int, seconds: float, results: Results) -> None:
    """Every operation once: a namespace of its own for each number of callers keeps the rounds alike."""
    for callers in CALLERS:
        namespace = f"round-{number}-{callers}"
        measure(server, Phase("create", callers, namespace, times=RECORDS))
        for operation in ("get",) if server.name == "bare" else ("get", "update", "create"):
            result = measure(server, Phase(operation, callers, namespace, seconds=seconds))
            results[operation, f"{callers} callers"][server.name].append(result)
        if server.name != "bare":
            result = measure(server, Phase("delete", callers, namespace, times=RECORDS))
            results["delete", f"{callers} callers"][server.name].append(result)
    if server.name != "bare":
        for size in LISTS:
            for operation in ("list", "liststream"):
                result = measure(server, Phase(operation, 1, f"list-{size}", seconds=seconds))
                results[operation, f"{size} records"][server.name].append(result)


def _table(results: Results, names: list[str]) -> Iterator[str]:
    yield f"{'':24}" + "".join(f"{name:>44}" for name in names)
    yield f"{'':24}" + f"{'ops/s':>11}{'p50 ms':>11}{'p99 ms':>11}{'cpu ms/op':>11}" * len(names)
    for (operation, size), by_server in results.items():
        line = f"{operation:11}{size:>13}"
        for name in names:
            found = by_server.get(name)
            line += "".join(f"{value:11.2f}" for value in _medians(found)) if found else " " * 44
        yield line


def _medians(results: list[Result]) -> tuple[float, ...]:
    return (
        statistics.median(result.rate for result in results),
        *(
            statistics.median(getattr(result, name) for result in results) * 1e3
            for name in ("p50", "p99", "cpu")
        ),
    )


def _ratios(results: Results) -> list[tuple[str, float]]:
    """Ours as a ratio to containerd's rate, where both were measured."""
    return [
        (
            f"{operation}, {size}",
            _medians(by_server["companion"])[0] / _medians(by_server["containerd"])[0],
        )
        for (operation, size), by_server in results.items()
        if by_server.get("containerd") and by_server.get("companion")
    ]


if __name__ == "__main__":
    main()
