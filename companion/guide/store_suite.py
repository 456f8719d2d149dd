"""What every container store must do, as plain functions: for the tests, and for a reader's own store.

Each function takes a store, works in the namespace of the context and finds it empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from companion.core.containers import Container, RuntimeInfo, Store
from companion.core.errors import AlreadyExists, Error, FailedPrecondition, InvalidArgument, NotFound
from companion.core.namespaces import namespace
from companion.core.typeurl import OCI_SPEC, Any
from companion.guide.describe import describe_error

SPEC = Any(OCI_SPEC, b'{"ociVersion":"1.0.2"}')


def sample(id: str = "debian", **fields: object) -> Container:
    """Return a record that every store accepts."""
    record = Container(id, runtime=RuntimeInfo("io.containerd.runc.v2"), spec=SPEC)
    return replace(record, **fields)  # type: ignore[arg-type]


def expect(what: str, expected: object, came: object) -> None:
    """Hold what came against what is expected."""
    assert came == expected, f"expected {what} {expected!r}, got {came!r}"


@contextmanager
def refused(error: type[Error], text: str) -> Iterator[None]:
    """Hold the block to end with this error and text."""
    found: Error | None = None
    try:
        yield
    except error as raised:
        found = raised
    assert found is not None, f"expected {error.__name__}: {text}, but nothing was raised"
    assert str(found) == text, f"expected the text {text!r}, got {str(found)!r}"


def a_created_record_can_be_read_back(store: Store) -> None:
    created = store.create(sample(labels={"a": "1"}, image="img", snapshotter="native", snapshot_key="k"))
    assert store.get("debian") == created, "get returns another record than create did"


def creation_sets_both_times_to_the_same_moment(store: Store) -> None:
    created = store.create(sample())
    assert created.created_at is not None, "created_at is not set"
    assert created.created_at == created.updated_at, "created_at and updated_at differ"


def labels_without_a_value_are_not_kept(store: Store) -> None:
    expect("labels", {"b": "1"}, store.create(sample(labels={"a": "", "b": "1"})).labels)


def an_id_is_taken_once(store: Store) -> None:
    store.create(sample())
    with refused(AlreadyExists, 'container "debian": already exists'):
        store.create(sample())


def a_missing_record_is_not_found(store: Store) -> None:
    with refused(NotFound, 'container "debian" in namespace "suite": not found'):
        store.get("debian")


def an_id_must_be_an_identifier(store: Store) -> None:
    with refused(
        InvalidArgument,
        'create container failed validation: container.ID: identifier "a b" must match '
        "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$: invalid argument",
    ):
        store.create(sample("a b"))


def a_record_needs_a_spec(store: Store) -> None:
    with refused(
        InvalidArgument, "create container failed validation: container.Spec must be set: invalid argument"
    ):
        store.create(sample(spec=None))


def a_list_is_ordered_by_id(store: Store) -> None:
    for name in ("b2", "B1", "b10"):
        store.create(sample(name))
    expect("ids", ["B1", "b10", "b2"], [record.id for record in store.list()])


def a_list_may_be_filtered(store: Store) -> None:
    store.create(sample("one", labels={"role": "web"}))
    store.create(sample("two", labels={"role": "db"}))
    store.create(sample("three"))
    found = store.list("labels.role==web", "id==three")
    expect("ids", ["one", "three"], sorted(record.id for record in found))


def a_filter_must_parse(store: Store) -> None:
    with refused(
        InvalidArgument,
        'filters: parse error: [id >|=|< b2]: unsupported operator "=": invalid argument: invalid argument',
    ):
        store.list("id=b2")


def an_update_may_name_one_label(store: Store) -> None:
    store.create(sample(labels={"a": "1", "b": "2"}))
    updated = store.update(Container("debian", labels={"a": "9", "b": "9"}), "labels.a")
    expect("labels", {"a": "9", "b": "2"}, updated.labels)
    assert store.get("debian") == updated, "get returns another record than update did"


def an_update_without_a_mask_replaces_what_may_change(store: Store) -> None:
    store.create(sample(labels={"a": "1"}, image="old"))
    expect("labels", {}, store.update(sample(image="new")).labels)
    expect("the image", "new", store.get("debian").image)


def an_update_keeps_the_time_of_creation(store: Store) -> None:
    created = store.create(sample())
    updated = store.update(sample(image="new"), "image")
    assert updated.created_at == created.created_at, "created_at has moved"
    assert updated.updated_at != created.updated_at, "updated_at has not moved"


def a_snapshotter_cannot_be_updated(store: Store) -> None:
    store.create(sample(snapshotter="native"))
    with refused(InvalidArgument, "container.Snapshotter field is immutable: invalid argument"):
        store.update(sample(snapshotter="overlayfs"))
    with refused(InvalidArgument, 'cannot update "snapshotter" field on "debian": invalid argument'):
        store.update(sample(), "snapshotter")


def an_update_that_is_refused_changes_nothing(store: Store) -> None:
    store.create(sample(image="old"))
    with refused(InvalidArgument, 'cannot update "bogus" field on "debian": invalid argument'):
        store.update(sample(image="new"), "image", "bogus")
    expect("the image", "old", store.get("debian").image)


def an_update_of_nothing_is_not_found(store: Store) -> None:
    store.create(sample("other"))
    with refused(NotFound, 'container "debian": not found'):
        store.update(sample())


def a_deleted_record_is_gone(store: Store) -> None:
    store.create(sample())
    store.delete("debian")
    with refused(NotFound, "container debian: not found"):
        store.delete("debian")
    expect("records", [], list(store.list()))


def namespaces_do_not_see_each_other(store: Store) -> None:
    store.create(sample())
    with namespace("suite-other"):
        expect("records", [], list(store.list()))


def without_a_namespace_nothing_goes(store: Store) -> None:
    with namespace(""), refused(FailedPrecondition, "namespace is required: failed precondition"):
        store.list()


CASES: tuple[Callable[[Store], None], ...] = (
    a_created_record_can_be_read_back,
    creation_sets_both_times_to_the_same_moment,
    labels_without_a_value_are_not_kept,
    an_id_is_taken_once,
    a_missing_record_is_not_found,
    an_id_must_be_an_identifier,
    a_record_needs_a_spec,
    a_list_is_ordered_by_id,
    a_list_may_be_filtered,
    a_filter_must_parse,
    an_update_may_name_one_label,
    an_update_without_a_mask_replaces_what_may_change,
    an_update_keeps_the_time_of_creation,
    a_snapshotter_cannot_be_updated,
    an_update_that_is_refused_changes_nothing,
    an_update_of_nothing_is_not_found,
    a_deleted_record_is_gone,
    namespaces_do_not_see_each_other,
    without_a_namespace_nothing_goes,
)


def run(case: Callable[[Store], None], store: Store) -> None:
    """Run one case in the namespace `suite`, and remove what it left there."""
    with namespace("suite"):
        try:
            case(store)
        finally:
            # A store that is not finished may fail here too, and must not hide why the case did.
            with suppress(Exception):
                for record in list(store.list()):
                    store.delete(record.id)


def check_store(store: Store) -> str:
    """Run all cases and return a report: a line for each, and why the first that fails does."""
    lines, failed = [], 0
    for case in CASES:
        name = case.__name__.replace("_", " ")
        try:
            run(case, store)
        except Exception as error:
            failed += 1
            lines.append(f"not yet: {name}: {describe_error(error)}")
        else:
            lines.append(f"ok: {name}")
    return "\n".join([*lines, f"{len(CASES) - failed} of {len(CASES)} hold"])
