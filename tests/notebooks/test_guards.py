"""What nbval does not see: cells never run, escape tags, pictures, paths, addresses, metadata, dead links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks.series import IDS, NOTEBOOKS, ROOT

ESCAPE_TAGS = {"nbval-skip", "nbval-ignore-output", "nbval-check-output", "skip-execution"}
ESCAPE_COMMENT = re.compile(r"#\s*(NBVAL_(SKIP|IGNORE_OUTPUT|CHECK_OUTPUT)|PYTEST_VALIDATE_IGNORE_OUTPUT)")
NOT_COMPARED = {"image/png", "image/jpeg"}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ABSOLUTE_PATH = re.compile(r"(?<![\w.])/(tmp|home|root|work|Users|private|var/folders)/[^\s'\"]*")
ADDRESS = re.compile(r"\b0x[0-9a-f]{8,}\b")
METADATA = {"kernelspec": {"name", "display_name", "language"}, "language_info": {"name"}}

over_notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)


def cells(path: Path, kind: str = "code") -> list[Any]:
    """The cells of one kind; a code cell without code counts as none."""
    notebook = nbformat.read(ROOT / path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind and cell.source.strip()]


def outputs(path: Path) -> list[Any]:
    return [output for cell in cells(path) for output in cell.outputs]


def strings(value: Any) -> Iterator[str]:
    """All strings in nested lists and mappings, without the escape codes of colours."""
    if isinstance(value, str):
        yield COLOUR.sub("", value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def found(pattern: re.Pattern[str], value: Any) -> list[str]:
    return [match[0] for text in strings(value) for match in pattern.finditer(text)]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@over_notebooks
def test_every_code_cell_was_run_in_order_from_a_fresh_kernel(path: Path) -> None:
    counts = [cell.execution_count for cell in cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@over_notebooks
def test_no_cell_escapes_comparison(path: Path) -> None:
    for cell in cells(path):
        assert not ESCAPE_TAGS & set(cell.metadata.get("tags", [])), cell.source
        assert not ESCAPE_COMMENT.search(cell.source), cell.source


@over_notebooks
def test_no_output_is_a_picture_that_is_not_compared(path: Path) -> None:
    for output in outputs(path):
        assert not NOT_COMPARED & set(output.get("data", {}))


@over_notebooks
def test_no_output_went_to_stderr(path: Path) -> None:
    assert [output.text for output in outputs(path) if output.get("name") == "stderr"] == []


@over_notebooks
def test_no_absolute_path(path: Path) -> None:
    assert found(ABSOLUTE_PATH, nbformat.read(ROOT / path, as_version=4)) == []


@over_notebooks
def test_no_memory_address_in_an_output(path: Path) -> None:
    assert found(ADDRESS, outputs(path)) == []


@over_notebooks
def test_metadata_names_the_kernel_python3_and_nothing_that_changes(path: Path) -> None:
    notebook = nbformat.read(ROOT / path, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    assert {key: set(value) for key, value in notebook.metadata.items()} == METADATA
    assert {key for cell in notebook.cells for key in cell.metadata} <= {"tags", "jupyter"}
