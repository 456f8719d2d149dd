"""Bring notebooks into the form that is committed: no times, versions or paths of the machine that ran them.

python tools/normalise.py NOTEBOOK...
"""

import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = {"tags", "jupyter"}
ROOT = Path(__file__).resolve().parent.parent
IN_HOME = str(ROOT).replace(str(Path.home()), "~", 1)
HERE = re.compile(f"({re.escape(str(ROOT))}|{re.escape(IN_HOME)})/")
HEADER = re.compile(r"\w+ +Traceback")
FRAME = re.compile(r"Cell In\[|File ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def readable(traceback: list[str]) -> list[str]:
    """The frames of cells alone: a reader wants to see where, and the lines after the last say what.

    Frames of libraries differ between installations, and those of the companion are many.
    """
    frames = [HERE.sub("", frame) for frame in traceback]
    plain = [COLOUR.sub("", frame) for frame in frames]
    headers = [number for number, frame in enumerate(plain) if HEADER.match(frame)]
    start = headers[-1] if headers else 0
    places = [start, *(n for n in range(start + 1, len(frames)) if FRAME.match(plain[n]))]
    cells = [frames[n] for n in places if n == start or plain[n].startswith("Cell In[")]
    return [*cells, *frames[places[-1] + 1 :]]


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Each stream whole: how many pieces a text comes in differs from run to run."""
    whole: list[NotebookNode] = []
    for output in outputs:
        if whole and output.output_type == "stream" and whole[-1].get("name") == output.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def normalise(notebook: NotebookNode) -> None:
    """Strip in place what differs from one run or machine to the next."""
    notebook.metadata = NotebookNode(kernelspec=KERNELSPEC, language_info={"name": "python"})
    for cell in notebook.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA})
        if "outputs" in cell:
            cell.outputs = joined(cell.outputs)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = readable(output.traceback)


for path in sys.argv[1:]:
    notebook = nbformat.read(path, as_version=4)
    normalise(notebook)
    nbformat.write(notebook, path)
