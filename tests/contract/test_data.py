"""The cases as data: complete, and nothing in them that is not used."""

from collections import Counter

from tests.contract import deviations
from tests.contract.case import ANSWER, templates

ROWS = {
    "A": 79,
    "B": 133,
    "C": 100,
    "F": 14,
    "I": 51,
    "N": 40,
    "L": 46,
    "E": 20,
    "P": 16,
    "S": 95,
    "G": 25,
    "D": 27,
}
"""The rows of the tables of observations, by the letter of their numbers."""

WITH_TIME = {"G22", "G23", "G24"}
"""The rows about collections that come of themselves: they are in tests/interop/test_garbage.py."""


def test_ids_are_unique() -> None:
    counts = Counter(template.id for template in templates())
    assert [name for name, count in counts.items() if count > 1] == []


def test_every_row_has_its_case() -> None:
    rows = {f"{letter}{number}" for letter, count in ROWS.items() for number in range(1, count + 1)}
    assert rows - {template.id for template in templates()} == WITH_TIME


def test_there_are_600_cases_or_more() -> None:
    assert len(templates()) >= 600


def test_every_deviation_has_a_reason() -> None:
    found = [template for template in templates() if "deviation" in template.data]
    assert [template.id for template in found if not template.data["deviation"].get("reason")] == []


def test_no_deviation_has_an_unknown_key() -> None:
    known = {*ANSWER, "reason"}
    unknown = {template.id: set(template.data.get("deviation", {})) - known for template in templates()}
    assert {name: keys for name, keys in unknown.items() if keys} == {}


def test_every_deviation_deviates() -> None:
    cases = [template.case("ns") for template in templates()]
    assert [case.id for case in cases if case.reason is not None and case.ours == case.answer] == []


def test_the_page_of_deviations_is_current() -> None:
    assert deviations.PAGE.read_text() == deviations.page(), "run: python -m tests.contract.deviations"
