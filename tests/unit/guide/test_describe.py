"""How an error is told: in one line, whatever it is."""

import grpc
import pytest

from companion.core.errors import NotFound, StatusError
from companion.guide.describe import describe_error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotFound("it"), "NotFound: it: not found"),
        (StatusError(grpc.StatusCode.NOT_FOUND, "it"), "NOT_FOUND: it"),
        (AssertionError("expected 1, got 2"), "expected 1, got 2"),
        (AssertionError(), "AssertionError: "),
    ],
)
def test_an_error_is_told_in_one_line(error: Exception, told: str) -> None:
    assert describe_error(error) == told
