"""The checks of chapter 4: what they accept, and what they say of the usual mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from google.protobuf.empty_pb2 import Empty

from companion.api.events.container_pb2 import ContainerCreate, ContainerDelete
from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.leases.v1 import leases_pb2
from companion.clients import ContainersClient
from companion.convert import containers as convert
from companion.convert import leases, typeurl
from companion.core.containers import Container
from companion.core.errors import raising_grpc
from companion.core.events import Publisher
from companion.core.garbage import Collector
from companion.core.leases import Lease
from companion.guide.checks import local_plugin as check
from companion.guide.store_suite import sample
from companion.local.leases import LocalLeasesClient
from companion.store.containers import ContainerStore
from companion.store.database import Database
from companion.store.leases import LeaseManager

Said = Callable[[], str]

RIGHT_FILTERS = [
    'topic=="/containers/delete"',
    'topic=="/containers/update",namespace==builder,event.labels.role==web',
]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.removesuffix("\n")


def both(db: Database, plugin: ContainersClient) -> None:
    def create(root: object) -> None:
        for name in ("free", "taken"):
            plugin.Create(pb.CreateContainerRequest(container=convert.to_message(sample(name))))

    db.update(create)


def test_a_prediction_is_held_against_what_was_heard_and_made(said: Said) -> None:
    check.prediction(both, (1, 0))
    assert said().startswith("(1, 0): ")


def test_a_wrong_prediction_is_told_what_was_found(said: Said) -> None:
    check.prediction(both, (0, 0))
    assert said() == "not yet: you predicted (0, 0), the subscriber and the database say (1, 0). Why?"


@pytest.mark.parametrize("predicted", [None, 1, "10", (1,), (True, False)])
def test_a_prediction_is_two_numbers(predicted: object, said: Said) -> None:
    check.prediction(both, predicted)  # type: ignore[arg-type]
    wanted = "expected two numbers: (events heard, containers made)"
    assert said() == f"not yet: prediction is {predicted!r}, {wanted}"


def test_filters_must_let_through_what_is_wanted(said: Said) -> None:
    check.filters(RIGHT_FILTERS)
    assert said() == "of 12 events the 5 that are wanted come through"
    check.filters(RIGHT_FILTERS[:1])
    assert said() == (
        "not yet: /containers/update of a container with role=web in the namespace builder is wanted, "
        "and no filter lets it through"
    )


def test_filters_must_let_through_nothing_else(said: Said) -> None:
    check.filters([RIGHT_FILTERS[0], 'topic=="/containers/update",namespace==builder'])
    assert said() == (
        "not yet: /containers/update of a container with role=db in the namespace builder comes through, "
        "and is not wanted"
    )


def test_filters_are_a_list(said: Said) -> None:
    check.filters(RIGHT_FILTERS[0])
    assert said() == "not yet: expected a list of filters, got one text"


def test_a_filter_that_does_not_parse_is_told(said: Said) -> None:
    check.filters(["topic=/containers"])
    assert "failed parsing subscription filters" in said()


class Idle(Collector):
    def schedule_and_wait(self) -> None:
        pass


class FinishedLeases(LocalLeasesClient):
    def __init__(self, db: Database) -> None:
        super().__init__(db, Idle())


def test_a_plugin_for_leases_may_be_the_finished_one(said: Said) -> None:
    check.leases_plugin(FinishedLeases)
    assert said().startswith("create, list and delete hold")


class PlainLeases(FinishedLeases):
    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._plain = LeaseManager(db)


class StatuslessCreate(PlainLeases):
    def Create(self, request: leases_pb2.CreateRequest, /) -> leases_pb2.CreateResponse:
        created = self._plain.create(Lease(request.id, labels=dict(request.labels)))
        return leases_pb2.CreateResponse(lease=leases.to_message(created))


class StatuslessDelete(PlainLeases):
    def Delete(self, request: leases_pb2.DeleteRequest, /) -> Empty:
        self._plain.delete(Lease(request.id))
        return Empty()


class StatuslessList(PlainLeases):
    def List(self, request: leases_pb2.ListRequest, /) -> leases_pb2.ListResponse:
        found = self._plain.list(*request.filters)
        return leases_pb2.ListResponse(leases=map(leases.to_message, found))


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        (StatuslessCreate, "what creating it again raises: expected 'AlreadyExists'"),
        (StatuslessDelete, "what deleting it again raises: expected 'NotFound'"),
        (StatuslessList, "what list('id=') raises: expected 'InvalidArgument'"),
    ],
)
def test_errors_of_leases_must_survive_the_wire(make: type[PlainLeases], mistake: str, said: Said) -> None:
    check.leases_plugin(make)
    assert said() == f"not yet: over a wire: {mistake}, got 'Unknown'"


def test_a_method_that_answers_nothing_is_named(said: Said) -> None:
    class Mute(FinishedLeases):
        def List(self, request: leases_pb2.ListRequest, /) -> leases_pb2.ListResponse:
            return None  # type: ignore[return-value]

    check.leases_plugin(Mute)
    assert said() == "not yet: what List returns: expected ListResponse, got None"


class Renaming:
    """A body whose steps can be left out or put elsewhere."""

    def __init__(self, db: Database, events: Publisher) -> None:
        self.db, self.events, self.store = db, events, ContainerStore(db)

    @raising_grpc()
    def Rename(self, old: str, new: str) -> None:
        self.db.update(lambda root: self.change(old, new))
        self.tell(old, new)

    def change(self, old: str, new: str) -> None:
        record = self.store.get(old)
        self.store.delete(old)
        self.store.create(self.renamed(record, new))

    def renamed(self, record: Container, new: str) -> Container:
        return replace(record, id=new)

    def tell(self, old: str, new: str) -> None:
        self.events.publish("/containers/delete", typeurl.pack(ContainerDelete(id=old)))
        self.events.publish("/containers/create", typeurl.pack(ContainerCreate(id=new)))


class TwoTransactions(Renaming):
    @raising_grpc()
    def Rename(self, old: str, new: str) -> None:
        self.change(old, new)
        self.tell(old, new)


class Early(Renaming):
    @raising_grpc()
    def Rename(self, old: str, new: str) -> None:
        def both(root: object) -> None:
            self.change(old, new)
            self.tell(old, new)

        self.db.update(both)


class Statusless(Renaming):
    def Rename(self, old: str, new: str) -> None:
        self.db.update(lambda root: self.change(old, new))
        self.tell(old, new)


class Forgetful(Renaming):
    def renamed(self, record: Container, new: str) -> Container:
        return sample(new)


class Silent(Renaming):
    def tell(self, old: str, new: str) -> None:
        pass


def test_a_renaming_is_all_or_nothing_and_told_afterwards(said: Said) -> None:
    check.rename(Renaming)
    assert said() == "all or nothing; two events, and whoever hears them sees the renaming done"


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        (TwoTransactions, "containers after that refusal: expected ['old', 'taken'], got ['taken']"),
        (Early, "containers that a subscriber sees at each event: expected [['new', 'taken'], "),
        (
            Statusless,
            "what renaming to an id that is taken raises: expected 'ALREADY_EXISTS', got 'AlreadyExists: "
            'container "taken": already exists, which is no status',
        ),
        (Forgetful, "labels of the renamed one: expected {'role': 'web'}, got {}"),
        (Silent, "events: expected [('/containers/delete', 'old'), ('/containers/create', 'new')], got []"),
    ],
)
def test_a_mistake_in_a_renaming_is_named(make: type[Renaming], mistake: str, said: Said) -> None:
    check.rename(make)
    assert said().startswith(f"not yet: {mistake}")
