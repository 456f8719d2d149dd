"""The checks of chapter 7: what they accept, and what they say of the usual mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from http.client import HTTPResponse
from typing import Any

import pytest

from companion.client import Client, namespace
from companion.core.blobs import read_blob
from companion.core.content import Descriptor, Store
from companion.core.media_types import OCI_INDEX, OCI_MANIFEST, is_index, is_manifest
from companion.guide import fresh_daemon, stop_daemon
from companion.guide.by_hand import name_image, put
from companion.guide.checks import images_and_content as check
from companion.guide.checks.images_and_content import Ask, Index, Wanted
from companion.guide.playground import ON_REQUEST

Said = Callable[[], str]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(fresh_daemon(ON_REQUEST).address, default_namespace="builder") as client:
        yield client
    stop_daemon()


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.removesuffix("\n")


@pytest.mark.parametrize(
    ("prediction", "answer"),
    [
        (None, "not yet: prediction is None, expected three numbers: for (a), (b) and (c)"),
        ((1, 1), "not yet: prediction is (1, 1), expected three numbers: for (a), (b) and (c)"),
        ((7, 1, 4), "not yet: (a): you said 7, the registry got 1: HEAD"),
        ((1, 7, 4), "not yet: (b): you said 7, the registry got 1: HEAD"),
        ((1, 1, 7), "not yet: (c): you said 7, the registry got 4: GET, GET, GET, HEAD"),
        ([1, 1, 4], "right: a name is asked for every time, and of the rest only what the daemon does"),
    ],
)
def test_a_prediction_is_held_against_three_pulls(
    client: Client, prediction: Any, answer: str, said: Said
) -> None:
    check.prediction(client, prediction)
    assert said().startswith(answer)


def damaged(store: Store) -> list[str]:
    digests = [info.digest for info in store.list()]
    return [digest for digest in digests if _digest(read_blob(store, digest)) != digest]


def _digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def damaged_without_prefix(store: Store) -> list[str]:
    digests = [info.digest for info in store.list()]
    return [each for each in digests if sha256(read_blob(store, each)).hexdigest() != each]


def test_damaged_blobs_are_found(client: Client, said: Said) -> None:
    check.damaged(client, damaged)
    assert said() == "right: 2 of 4 blobs are not what their names say"


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        (lambda store: None, "damaged blobs in a store without any: expected [], got None"),
        (lambda store: [], "damaged blobs: expected ['sha256:"),
        (damaged_without_prefix, "damaged blobs in a store without any: expected [], got ['sha256:"),
        (lambda store: store.nothing(), "your code raised AttributeError"),
    ],
)
def test_other_finds_are_told_why_not(
    client: Client, finding: Callable[[Store], list[str]], reason: str, said: Said
) -> None:
    check.damaged(client, finding)
    assert said().startswith(f"not yet: {reason}")


def children_of(store: Store, descriptor: Descriptor) -> list[str]:
    listed: list[dict[str, str]] = []
    if is_index(descriptor.media_type):
        listed = json.loads(read_blob(store, descriptor.digest))["manifests"]
    elif is_manifest(descriptor.media_type):
        manifest = json.loads(read_blob(store, descriptor.digest))
        listed = [manifest["config"], *manifest["layers"]]
    return [each["digest"] for each in listed]


def children_of_what_can_be_read(store: Store, descriptor: Descriptor) -> list[str]:
    try:
        told = json.loads(read_blob(store, descriptor.digest))
    except ValueError:
        return []
    if "manifests" in told:
        return [each["digest"] for each in told["manifests"]]
    return [each["digest"] for each in ([told["config"], *told["layers"]] if "layers" in told else [])]


def children_without_dockers(store: Store, descriptor: Descriptor) -> list[str]:
    return children_of(store, descriptor) if descriptor.media_type in (OCI_INDEX, OCI_MANIFEST) else []


def children_backwards(store: Store, descriptor: Descriptor) -> list[str]:
    return children_of(store, descriptor)[::-1]


def test_children_are_found(client: Client, said: Said) -> None:
    check.children(client, children_of)
    assert said().startswith("right: the children of ")


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        (lambda store, descriptor: None, "children of a blob of application/vnd.oci.image.layer"),
        (lambda store, descriptor: [], "children of a blob of application/vnd.oci.image.manifest"),
        (children_of_what_can_be_read, "children of a layer that looks like an index: expected [], got"),
        (children_without_dockers, "children of a blob of application/vnd.docker.distribution.manifest.v2"),
        (children_backwards, "children of a blob of application/vnd.oci.image.manifest"),
    ],
)
def test_other_children_are_told_why_not(
    client: Client, finding: Callable[[Store, Descriptor], list[str]], reason: str, said: Said
) -> None:
    check.children(client, finding)
    assert said().startswith(f"not yet: {reason}")


def best(index: Index, wanted: Wanted) -> str | None:
    for choice in (*wanted, None):
        for each in index["manifests"]:
            if _platform(each) == choice:
                return str(each["digest"])
    return None


def _platform(each: dict[str, Any]) -> tuple[str, str, str] | None:
    told = each.get("platform")
    return told and (told["os"], told["architecture"], told.get("variant", ""))


def first_that_fits(index: Index, wanted: Wanted) -> str | None:
    found = [each for each in index["manifests"] if _platform(each) in (*wanted, None)]
    return found[0]["digest"] if found else None


def only_the_best(index: Index, wanted: Wanted) -> str | None:
    return best(index, wanted[:1])


def without_the_system(index: Index, wanted: Wanted) -> str | None:
    for choice in (*wanted, None):
        for each in index["manifests"]:
            if (found := _platform(each)) == choice or (found and choice and found[1:] == choice[1:]):
                return str(each["digest"])
    return None


def test_the_best_platform_is_right(said: Said) -> None:
    check.best(best)
    assert said() == "right: the best of each of 6 indexes"


@pytest.mark.parametrize(
    ("choosing", "reason"),
    [
        (lambda index, wanted: None, "the best is not the first: of ['linux/arm/v5', "),
        (first_that_fits, "the best is not the first: of "),
        (only_the_best, "the best is not there: of "),
        (without_the_system, "the system differs: of "),
        (lambda index, wanted: best(index, wanted) or "none", "nothing fits: of "),
        (lambda index, wanted: index["manifests"][0]["platform"]["variant"], "the best is not the first"),
    ],
)
def test_other_choices_are_told_why_not(
    choosing: Callable[[Index, Wanted], str | None], reason: str, said: Said
) -> None:
    check.best(choosing)
    assert said().startswith(f"not yet: {reason}")


def patient_fetch(store: Store, blob: Descriptor, ask: Ask, tries: int = 3) -> None:
    with store.writer("ref", blob.size, blob.digest) as writer:
        offset, in_vain = writer.status().offset, 0
        while offset < blob.size:
            with ask(offset) as answer:
                _copy(answer, writer.write)
            before, offset = offset, writer.status().offset
            in_vain = in_vain + 1 if offset == before else 0
            if in_vain == tries:
                raise ConnectionError
        writer.commit(blob.size, blob.digest)


def _copy(answer: HTTPResponse, write: Callable[[bytes], object]) -> None:
    while data := answer.read(4096):
        write(data)


def impatient_fetch(store: Store, blob: Descriptor, ask: Ask) -> None:
    with store.writer("ref", blob.size, blob.digest) as writer, ask(0) as answer:
        _copy(answer, writer.write)
        writer.commit(blob.size, blob.digest)


def from_zero(store: Store, blob: Descriptor, ask: Ask) -> None:
    data = b""
    while len(data) < blob.size:
        with ask(0) as answer:
            answer.read(1)
        with ask(len(data)) as answer:
            data += answer.read(4096)
    with store.writer("ref", blob.size, blob.digest) as writer:
        writer.write(data)
        writer.commit(blob.size, blob.digest)


def many_writers(store: Store, blob: Descriptor, ask: Ask) -> None:
    while True:
        with store.writer("ref", blob.size, blob.digest) as writer:
            with ask(writer.status().offset) as answer:
                _copy(answer, writer.write)
            if writer.status().offset == blob.size:
                return writer.commit(blob.size, blob.digest)


def once_more(store: Store, blob: Descriptor, ask: Ask) -> None:
    patient_fetch(store, blob, ask, tries=4)


def give_up_early(store: Store, blob: Descriptor, ask: Ask) -> None:
    with store.writer("ref", blob.size, blob.digest) as writer, ask(0) as answer:
        writer.write(answer.read1())
        raise ConnectionError


def never_give_up(store: Store, blob: Descriptor, ask: Ask) -> None:
    patient_fetch(store, blob, ask, tries=1000)


def give_up_silently(store: Store, blob: Descriptor, ask: Ask) -> None:
    with suppress(ConnectionError):
        patient_fetch(store, blob, ask)


def throw_away(store: Store, blob: Descriptor, ask: Ask) -> None:
    try:
        patient_fetch(store, blob, ask)
    except ConnectionError:
        store.abort("ref")
        raise


def test_a_patient_fetch_is_right(client: Client, said: Said) -> None:
    check.patient_fetch(client, patient_fetch)
    assert said() == "right: 14 connections, no byte twice; and an end when 3 in a row bring nothing"


@pytest.mark.parametrize(
    ("fetching", "reason"),
    [
        (lambda store, blob, ask: None, "bytes in the store: expected 40000, got None"),
        (impatient_fetch, "your code raised FailedPrecondition: commit failed:"),
        (from_zero, "bytes sent by the registry: expected 40000, got "),
        (many_writers, "writers: expected 1, got 14"),
        (once_more, "connections that brought nothing, before the error: expected 3, got 4"),
        (give_up_early, "you gave up when bytes were still coming; connections: 1"),
        (give_up_silently, "the registry sends nothing any more: expected ConnectionError, but nothing was"),
        (never_give_up, "100 connections, and the fetch has not ended"),
        (throw_away, "bytes of the ingest that is left: expected [3000], got []"),
    ],
)
def test_other_fetches_are_told_why_not(
    client: Client, fetching: Callable[[Store, Descriptor, Ask], None], reason: str, said: Said
) -> None:
    check.patient_fetch(client, fetching)
    assert said().startswith(f"not yet: {reason}")


def test_checks_leave_nothing_behind_and_touch_nothing_of_the_reader(client: Client, said: Said) -> None:
    name_image(client, "mine", put(client, "of the reader"))
    mine = _digests(client)
    check.children(client, children_of)
    check.patient_fetch(client, throw_away)
    assert _digests(client) == mine
    with namespace("exercise"):
        assert (_digests(client), client.content_store.list_statuses()) == ([], [])


def _digests(client: Client) -> Sequence[str]:
    return [info.digest for info in client.content_store.list()]
