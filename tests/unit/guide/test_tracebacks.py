"""A traceback in a notebook shows the reader's own cells."""

import json
import traceback
from json import JSONDecodeError

import pytest

from companion.guide.tracebacks import cells_only

CELL = "ipykernel_7/1.py"


def test_of_an_error_in_a_library_the_frames_of_the_cell_are_left() -> None:
    cell = compile("def read(text):\n    return json.loads(text)\n\nread('{')\n", CELL, "exec")
    with pytest.raises(JSONDecodeError) as raised:
        exec(cell, {"json": json})
    left = [(frame.filename, frame.name) for frame in traceback.extract_tb(cells_only(raised.tb))]
    assert left == [(CELL, "<module>"), (CELL, "read")]


def test_of_an_error_that_no_cell_raised_nothing_is_left() -> None:
    with pytest.raises(JSONDecodeError) as raised:
        json.loads("{")
    assert cells_only(raised.tb) is None
