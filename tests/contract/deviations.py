"""Writes docs/deviations.md from the cases: where our daemon answers otherwise than containerd, and why.

Run as `python -m tests.contract.deviations`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.contract.case import Template, templates

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deviations.md"
BEYOND_DATA = Path(__file__).with_name("beyond.toml")
LONGEST = 240
"""Characters of a text that are shown."""

HEAD = """\
# Deviations

Where our daemon answers otherwise than containerd 1.6.20, on purpose. The tests check both columns:
containerd's against the real containerd, ours against our daemon. This page is written from their data, by
`python -m tests.contract.deviations`.

In the texts `{ns}` is a namespace, `{rule}` the pattern of an identifier, `{a*77}` stands for 77 times `a`.

| Case | Call | containerd | ours | Reason |
|--|--|--|--|--|
"""

BEYOND = """
What no single call can show:

| Matter | containerd | ours | Reason |
|--|--|--|--|
"""


def page() -> str:
    """Return the text of the page."""
    rows = "".join(_row(template) for template in templates() if "deviation" in template.data)
    beyond = tomllib.loads(BEYOND_DATA.read_text())["matter"]
    return HEAD + rows + BEYOND + "".join(f"| {' | '.join(matter.values())} |\n" for matter in beyond)


def _row(template: Template) -> str:
    case = template.data
    deviation = case["deviation"]
    call = f"{_code(case['call'])}: {case['title']}"
    return f"| {case['id']} | {call} | {_answer(case)} | {_answer(deviation)} | {deviation['reason']} |\n"


def _answer(answer: Mapping[str, Any]) -> str:
    code = answer.get("code", "OK")
    text = answer.get("message") or answer.get("reply") or ""
    if not isinstance(text, str):
        text = ", then ".join(text)
    return f"{code} {_code(text)}" if text else code


def _code(text: str) -> str:
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    fence = "``" if "`" in shown else "`"
    return fence + re.sub(r"\|", r"\\|", shown) + fence


if __name__ == "__main__":
    PAGE.write_text(page())
