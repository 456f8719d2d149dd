from __future__ import annotations

import pytest

from companion.guide.figures.floors import CHAPTERS, floors
from companion.guide.figures.style import FLOORS, PAPER
from tests.unit.guide.svgs import drawn, hrefs, inches_wide, words

EACH = pytest.mark.parametrize("lit", [None, *CHAPTERS])


@EACH
def test_all_floors_are_named_in_the_order_of_the_call(lit: str | None) -> None:
    names = ["the program", "client proxy", "remote store", "gRPC service", "local plugin", "store"]
    assert [word for word in words(floors(lit)) if word in names] == names


@EACH
def test_each_floor_links_to_its_chapter(lit: str | None) -> None:
    assert hrefs(floors(lit)) == {
        "01_client_proxy.ipynb",
        "02_remote_store.ipynb",
        "03_grpc_service.ipynb",
        "04_local_plugin.ipynb",
        "05_store.ipynb",
    }


@pytest.mark.parametrize("lit", CHAPTERS)
def test_the_lit_floor_says_so_in_words(lit: str) -> None:
    shown = words(floors(lit))
    assert shown.count("you are here") == 1
    assert shown[shown.index("you are here") - 1] == f"companion/{lit}"


@pytest.mark.parametrize("lit", CHAPTERS)
def test_only_the_lit_floor_is_filled_whole(lit: str) -> None:
    fills = {name: floors(lit).dot.count(f'fillcolor="{FLOORS[name].fill}"') for name in CHAPTERS}
    assert fills == {name: 2 if name == lit else 1 for name in CHAPTERS}


def test_unlit_all_floors_are_filled() -> None:
    assert all(floors().dot.count(f'fillcolor="{FLOORS[name].fill}"') == 2 for name in CHAPTERS)
    assert "you are here" not in words(floors())


def test_the_description_says_where_the_reader_is() -> None:
    assert "You are on the floor of the local plugin" in floors("local").desc


def test_a_floor_without_chapter_cannot_be_lit() -> None:
    with pytest.raises(KeyError):
        floors("wire")


@EACH
def test_the_map_fits_a_page_of_a_notebook(lit: str | None) -> None:
    assert inches_wide(floors(lit)) <= 7.5


def test_the_map_lies_on_paper() -> None:
    assert f'fill="{PAPER.lower()}"' in drawn(floors()).split("<polygon", 2)[1]


def test_ids_begin_with_the_name_of_the_figure() -> None:
    assert 'id="floors_local_node2"' in drawn(floors("local"))
