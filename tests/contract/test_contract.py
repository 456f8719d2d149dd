"""Every case against our daemon, and against the real containerd: the data is what it does."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.contract import shape
from tests.contract.caller import Caller
from tests.contract.case import Answer, Case, templates
from tests.contract.methods import method

CASES = [template.case(f"{template.id}-{uuid4().hex[:8]}") for template in templates()]


def mounts(case: Case) -> bool:
    """Return whether the case needs a daemon, or a test, that may mount."""
    return case.on == "overlayfs" or case.call.call.startswith("Diff.")


def each(cases: Sequence[Case]) -> pytest.MarkDecorator:
    marked = [pytest.param(case, marks=[pytest.mark.overlayfs] if mounts(case) else []) for case in cases]
    return pytest.mark.parametrize("case", marked, ids=[f"{case.id} {case.title}" for case in cases])


def check(caller: Caller, case: Case, wanted: Answer) -> None:
    answer = caller.answer(case)
    if wanted.message is None:
        answer = replace(answer, message=None)
    assert answer == shape.expected(wanted, method(case.call.call))


@each(CASES)
def test_companion(case: Case, companion: Caller) -> None:
    check(companion, case, case.ours)


@pytest.mark.interop
@each([case for case in CASES if not case.crashes])
def test_containerd(case: Case, containerd: Caller) -> None:
    check(containerd, case, case.answer)


@pytest.mark.interop
@each([case for case in CASES if case.crashes])
def test_containerd_ends(case: Case, doomed_containerd: Caller) -> None:
    check(doomed_containerd, case, case.answer)
