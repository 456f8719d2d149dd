"""Run All pressed a second time, in the same kernel, shows the same outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebooks.series import IDS, NOTEBOOKS, ROOT

# A traceback and an execution count tell how often cells were run, not what they did.
COUNTS = {"execution_count", "traceback"}


def run_all(client: NotebookClient) -> list[tuple[str, list[dict[str, object]]]]:
    """Source and outputs of every code cell, run in order in the client's kernel."""
    cells = [(index, cell) for index, cell in enumerate(client.nb.cells) if cell.cell_type == "code"]
    for index, cell in cells:
        client.execute_cell(cell, index)
    return [
        (cell.source, [{k: v for k, v in output.items() if k not in COUNTS} for output in cell.outputs])
        for _, cell in cells
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_second_run_all_gives_the_same_outputs(path: Path) -> None:
    notebook = nbformat.read(ROOT / path, as_version=4)
    resources = {"metadata": {"path": str((ROOT / path).parent)}}
    client = NotebookClient(notebook, timeout=60, coalesce_streams=True, resources=resources)
    with client.setup_kernel():
        first = run_all(client)
        assert run_all(client) == first
