from __future__ import annotations

import re

from companion.guide.figures.figure import Figure
from companion.guide.figures.graph import Plugin, plugin_graph
from companion.guide.figures.style import FAULT
from tests.unit.guide.svgs import drawn, inches_wide, parsed, words

GRPC, SERVICE = "io.containerd.grpc.v1", "io.containerd.service.v1"
METADATA, EVENT, GC = "io.containerd.metadata.v1", "io.containerd.event.v1", "io.containerd.gc.v1"
PLUGINS: list[Plugin] = [
    (EVENT, "exchange", [], True),
    (METADATA, "lmdb", [], True),
    (GC, "scheduler", [METADATA], False),
    (SERVICE, "containers-service", [EVENT, METADATA], True),
    (SERVICE, "images-service", [METADATA, GC], True),
    (GRPC, "containers", [SERVICE], True),
    (GRPC, "images", [SERVICE], True),
    (GRPC, "events", [EVENT], True),
    (GRPC, "version", [], True),
]


def arrows(plugins: list[Plugin]) -> dict[tuple[str, str], str]:
    """Each arrow of the figure, from a type to a type it requires, with its label."""
    found = re.findall(r'"([^"]+)" -> "([^"]+)" \[label="([^"]*)"', plugin_graph(plugins).dot)
    return {(user, used): label.strip() for user, used, label in found}


def ids(figure: Figure) -> set[str]:
    return {element.attrib["id"] for element in parsed(figure).iter() if "id" in element.attrib}


def test_arrows_run_from_the_type_that_requires_to_the_type_required() -> None:
    assert set(arrows(PLUGINS)) == {
        (GC, METADATA),
        (SERVICE, EVENT),
        (SERVICE, METADATA),
        (SERVICE, GC),
        (GRPC, SERVICE),
        (GRPC, EVENT),
    }


def test_an_arrow_of_all_plugins_of_a_type_has_no_label() -> None:
    assert arrows(PLUGINS)[SERVICE, METADATA] == ""


def test_an_arrow_of_a_few_plugins_names_them() -> None:
    assert arrows(PLUGINS)[SERVICE, GC] == "images-service"
    assert arrows(PLUGINS)[GRPC, SERVICE] == "containers, images"


def test_an_arrow_of_many_but_not_all_plugins_counts_them() -> None:
    plugins: list[Plugin] = [(GRPC, f"p{n}", [SERVICE] if n else [], True) for n in range(4)]
    assert arrows(plugins)[GRPC, SERVICE] == "3 of 4"


def test_every_plugin_and_every_type_is_written() -> None:
    shown = words(plugin_graph(PLUGINS))
    assert {plugin for _, plugin, _, loaded in PLUGINS if loaded} <= set(shown)
    assert {"grpc.v1", "service.v1", "metadata.v1", "event.v1", "gc.v1"} <= set(shown)


def test_a_plugin_that_was_not_loaded_says_so_in_words_and_colour() -> None:
    figure = plugin_graph(PLUGINS)
    assert words(figure).count("scheduler (not loaded)") == 1
    assert figure.dot.count(FAULT.line) == 1
    assert figure.desc.endswith("not loaded: scheduler.")


def test_a_star_requires_every_other_type() -> None:
    star = ("org.example.audit.v1", "audit", ["*"], True)
    assert {used for user, used in arrows([*PLUGINS, star]) if user == star[0]} == {
        GRPC,
        SERVICE,
        METADATA,
        EVENT,
        GC,
    }


def test_a_required_type_without_plugin_is_shown_as_empty() -> None:
    assert words(plugin_graph([(GRPC, "containers", [SERVICE], True)])).count("no plugin") == 1


def test_a_type_stands_above_all_that_it_requires() -> None:
    svg = drawn(plugin_graph(PLUGINS))
    heights = [
        float(re.findall(rf' y="([-.\d]+)"[^>]*>{name}.v1<', svg)[0]) for name in ("grpc", "service", "gc")
    ]
    assert heights == sorted(heights)


def test_ids_with_marks_of_html_are_written_as_they_are() -> None:
    assert '<a> & "b"' in words(plugin_graph([("x<y>", '<a> & "b"', [], True)]))


def test_all_of_containerds_plugins_fit_a_page_of_a_notebook() -> None:
    names = [
        "containers",
        "content",
        "diff",
        "images",
        "introspection",
        "leases",
        "namespaces",
        "snapshots",
        "tasks",
    ]
    plugins: list[Plugin] = [
        *[(GRPC, name, [SERVICE], True) for name in [*names, "events", "healthcheck", "version"]],
        *[(SERVICE, f"{name}-service", [METADATA, EVENT, GC], True) for name in names],
        *PLUGINS[:3],
        *[
            (f"io.containerd.{name}.v1", name, [METADATA, EVENT], True)
            for name in ("differ", "runtime", "monitor")
        ],
    ]
    assert inches_wide(plugin_graph(plugins)) <= 7.5


def test_figures_of_different_titles_share_no_id() -> None:
    whole, part = plugin_graph(PLUGINS), plugin_graph(PLUGINS, title="Part of it")
    assert part.title == "Part of it"
    assert not ids(whole) & ids(part)


def test_two_renderings_are_the_same() -> None:
    assert drawn(plugin_graph(PLUGINS)) == drawn(plugin_graph(PLUGINS))
