"""Every case against our daemon, and against the real containerd: what it was seen to do, it does."""

from dataclasses import replace
from uuid import uuid4

import pytest

from tests.contract import shape
from tests.contract.caller import Caller
from tests.contract.case import Answer, Case, Template, templates
from tests.contract.methods import method

all_cases = pytest.mark.parametrize("template", templates(), ids=lambda template: template.id)


def in_new_namespace(template: Template) -> Case:
    return template.case(f"{template.id}-{uuid4().hex[:8]}")


def compare(caller: Caller, case: Case, wanted: Answer) -> None:
    answer = caller.answer(case)
    if wanted.message is None:
        answer = replace(answer, message=None)
    assert answer == shape.expected(wanted, method(case.call.call)), case.title


@all_cases
def test_companion(template: Template, companion: Caller) -> None:
    case = in_new_namespace(template)
    compare(companion, case, case.ours)


@pytest.mark.interop
@all_cases
def test_containerd(template: Template, containerd: Caller) -> None:
    case = in_new_namespace(template)
    compare(containerd, case, case.answer)
