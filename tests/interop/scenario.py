"""Scenarios: lists of shell commands with the real `ctr`, played against a daemon.

They stand in `scenarios/*.toml` under their titles, a command on each line. A line that starts with `!` is
one that fails when containerd answers.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.daemons import DaemonProcess

DIRECTORY = Path(__file__).with_name("scenarios")

HUNG = 60.0
"""Seconds until a command that does not end counts as hung."""

GENERATED = {
    "{time}": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d| [+-]\d{4} \w+)"),
    "{uuid}": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "{lease}": re.compile(r"^\d{1,9}-[\w-]{4}$", re.MULTILINE),
    "{directory}": re.compile(r"/tmp/daemon-\w+"),
    "extract-{key}": re.compile(r"extract-\d{1,9}-[\w-]{4}"),
    "{duration}": re.compile(r"(?<=^done: )[\dm.]+[mµ]?s(?=\t)", re.MULTILINE),
    # With the tabs behind it, which follow the width of the column.
    "{age}": re.compile(r"(Less than a second|\d+ seconds?|About a minute|(?<=\t)AGE)\t*"),
}
"""What differs from run to run, and what stands for it in a transcript."""

FRAMES = re.compile(r"(?:(?:^.*\|.*\n)+^elapsed: .*\n)+", re.MULTILINE)
"""What a download prints: every tenth of a second how far each blob has come."""

CUT_OFF = re.compile(
    r'^.*"(active check failed|failed to get content info)" error="context canceled"\n', re.MULTILINE
)
"""What it says when the download ends while it asks how far a blob has come."""


@dataclass(frozen=True)
class Scenario:
    """Commands that belong together, in a namespace of their own."""

    title: str
    commands: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """The namespace of the commands that name none."""
        return re.sub(r"\W+", "-", self.title)


@dataclass(frozen=True)
class Outcome:
    """How a command ended, as a scenario tells it: with a `!` in front when it failed."""

    command: str
    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All that can be seen of it, on lines that say where they come from."""
        errors = "".join(f"stderr: {line}\n" for line in self.stderr.splitlines())
        return f"$ {self.command}\n{self.stdout}{errors}exit code {self.code}\n"


def load(*names: str) -> list[Scenario]:
    """Return the scenarios of these files."""
    return [
        Scenario(title, tuple(script.splitlines()))
        for name in names
        for title, script in tomllib.loads((DIRECTORY / f"{name}.toml").read_text()).items()
    ]


def play(scenario: Scenario, address: str, directory: Path) -> Iterator[Outcome]:
    """Run the commands against the daemon on a socket, in this directory."""
    environment = {"CONTAINERD_ADDRESS": address, "CONTAINERD_NAMESPACE": scenario.namespace}
    for command in scenario.commands:
        yield run(command.removeprefix("! "), environment, directory)


def run(command: str, environment: Mapping[str, str], directory: Path) -> Outcome:
    """Run a shell command; what it prints is free of what differs from run to run."""
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=directory,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HUNG,
        check=False,
    )
    told = f"! {command}" if result.returncode else command
    return Outcome(told, result.returncode, comparable(result.stdout), comparable(result.stderr))


def compare(scenario: Scenario, ours: DaemonProcess, real: DaemonProcess, directory: Path) -> None:
    """Hold both daemons to the same answers. Raises ValueError where the scenario is wrong on containerd."""
    expected = list(play(scenario, real.address, directory))
    told = zip(expected, scenario.commands, strict=True)
    if wrong := [outcome.text for outcome, command in told if outcome.command != command]:
        raise ValueError(f"containerd does not answer as the scenario says:\n{''.join(wrong)}")
    found = play(scenario, ours.address, directory)
    assert "".join(outcome.text for outcome in found) == "".join(outcome.text for outcome in expected)


def comparable(text: str) -> str:
    """Return a text with placeholders for what differs from run to run."""
    text = CUT_OFF.sub("", FRAMES.sub(last_frame, text))
    for placeholder, pattern in GENERATED.items():
        text = pattern.sub(placeholder, text)
    return text


def last_frame(frames: re.Match[str]) -> str:
    """Return how a download ended. Blobs come in any order; `done` may be one that was there already."""
    last = re.split(r"^elapsed: .*\n", frames[0], flags=re.MULTILINE)[-2]
    return "".join(sorted(last.replace("exists", "done  ").splitlines(keepends=True)))
