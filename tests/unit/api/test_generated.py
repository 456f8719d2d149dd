"""`companion.api` is what protos/generate.py makes of the protos, and speaks as containerd does."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
)
from google.protobuf.descriptor_pool import Default

import companion.api

ROOT = Path(companion.api.__path__[0]).parents[1]

# Method names in containerd's order; `>` before a name: the requests are a stream, after it: the answers are.
SERVICES = {
    "containerd.services.containers.v1.Containers": "Get List ListStream> Create Update Delete",
    "containerd.services.content.v1.Content": (
        "Info Update List> Delete Read> Status ListStatuses >Write> Abort"
    ),
    "containerd.services.diff.v1.Diff": "Apply Diff",
    "containerd.services.events.v1.Events": "Publish Forward Subscribe>",
    "containerd.services.images.v1.Images": "Get List Create Update Delete",
    "containerd.services.introspection.v1.Introspection": "Plugins Server PluginInfo",
    "containerd.services.leases.v1.Leases": "Create Delete List AddResource DeleteResource ListResources",
    "containerd.services.namespaces.v1.Namespaces": "Get List Create Update Delete",
    "containerd.services.snapshots.v1.Snapshots": (
        "Prepare View Mounts Commit Remove Stat Update List> Usage Cleanup"
    ),
    "containerd.services.tasks.v1.Tasks": (
        "Create Start Delete DeleteProcess Get List Kill Exec ResizePty CloseIO Pause Resume ListPids "
        "Checkpoint Update Metrics Wait"
    ),
    "containerd.services.version.v1.Version": "Version",
}

STRINGS = "map<string, string>"
ANY = "google.protobuf.Any"
TIME = "google.protobuf.Timestamp"

MESSAGES = {
    "containerd.services.containers.v1.Container": f"""
        1 id string
        2 labels {STRINGS}
        3 image string
        4 runtime containerd.services.containers.v1.Container.Runtime
        5 spec {ANY}
        6 snapshotter string
        7 snapshot_key string
        8 created_at {TIME}
        9 updated_at {TIME}
        10 extensions map<string, {ANY}>
        11 sandbox string""",
    "containerd.services.containers.v1.Container.Runtime": f"""
        1 name string
        2 options {ANY}""",
    "containerd.services.containers.v1.UpdateContainerRequest": """
        1 container containerd.services.containers.v1.Container
        2 update_mask google.protobuf.FieldMask""",
    "containerd.services.content.v1.WriteContentRequest": f"""
        1 action containerd.services.content.v1.WriteAction
        2 ref string
        3 total int64
        4 expected string
        5 offset int64
        6 data bytes
        7 labels {STRINGS}""",
    "containerd.services.diff.v1.DiffResponse": """
        3 diff containerd.types.Descriptor""",
    "containerd.services.images.v1.Image": f"""
        1 name string
        2 labels {STRINGS}
        3 target containerd.types.Descriptor
        7 created_at {TIME}
        8 updated_at {TIME}""",
    "containerd.services.images.v1.DeleteImageRequest": """
        1 name string
        2 sync bool
        3 target optional containerd.types.Descriptor""",
    "containerd.services.introspection.v1.Plugin": f"""
        1 type string
        2 id string
        3 requires repeated string
        4 platforms repeated containerd.types.Platform
        5 exports {STRINGS}
        6 capabilities repeated string
        7 init_err google.rpc.Status""",
    "containerd.services.introspection.v1.ServerResponse": """
        1 uuid string
        2 pid uint64
        3 pidns uint64
        4 deprecations repeated containerd.services.introspection.v1.DeprecationWarning""",
    "containerd.services.leases.v1.Lease": f"""
        1 id string
        2 created_at {TIME}
        3 labels {STRINGS}""",
    "containerd.services.leases.v1.CreateRequest": f"""
        1 id string
        3 labels {STRINGS}""",
    "containerd.services.leases.v1.Resource": """
        1 id string
        2 type string""",
    "containerd.services.namespaces.v1.Namespace": f"""
        1 name string
        2 labels {STRINGS}""",
    "containerd.services.snapshots.v1.Info": f"""
        1 name string
        2 parent string
        3 kind containerd.services.snapshots.v1.Kind
        4 created_at {TIME}
        5 updated_at {TIME}
        6 labels {STRINGS}""",
    "containerd.services.tasks.v1.CreateTaskRequest": f"""
        1 container_id string
        3 rootfs repeated containerd.types.Mount
        4 stdin string
        5 stdout string
        6 stderr string
        7 terminal bool
        8 checkpoint containerd.types.Descriptor
        9 options {ANY}
        10 runtime_path string
        11 task_api_address string
        12 task_api_version uint32""",
    "containerd.types.Envelope": f"""
        1 timestamp {TIME}
        2 namespace string
        3 topic string
        4 event {ANY}""",
    "containerd.types.Descriptor": f"""
        1 media_type string
        2 digest string
        3 size int64
        5 annotations {STRINGS}""",
    "containerd.types.Mount": """
        1 type string
        2 source string
        3 target string
        4 options repeated string""",
    "containerd.v1.types.Process": f"""
        1 container_id string
        2 id string
        3 pid uint32
        4 status containerd.v1.types.Status
        5 stdin string
        6 stdout string
        7 stderr string
        8 terminal bool
        9 exit_status uint32
        10 exited_at {TIME}""",
    "containerd.events.ContainerCreate": """
        1 id string
        2 image string
        3 runtime containerd.events.ContainerCreate.Runtime""",
    "containerd.events.SnapshotPrepare": """
        1 key string
        2 parent string
        5 snapshotter string""",
    "containerd.events.TaskExit": f"""
        1 container_id string
        2 id string
        3 pid uint32
        4 exit_status uint32
        5 exited_at {TIME}""",
    "containerd.services.images.v1.ImageCreate": f"""
        1 name string
        2 labels {STRINGS}""",
}

ENUMS = {
    "containerd.services.content.v1.WriteAction": "STAT WRITE COMMIT",
    "containerd.services.snapshots.v1.Kind": "UNKNOWN VIEW ACTIVE COMMITTED",
    "containerd.v1.types.Status": "UNKNOWN CREATED RUNNING STOPPED PAUSED PAUSING",
}

SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def type_name(field: FieldDescriptor) -> str:
    named: Descriptor | EnumDescriptor | None = field.message_type or field.enum_type
    return SCALARS[field.type] if named is None else named.full_name


def type_of(field: FieldDescriptor) -> str:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        return f"map<{type_name(entry.fields_by_name['key'])}, {type_name(entry.fields_by_name['value'])}>"
    label = "repeated " if field.is_repeated else "optional " if field.containing_oneof is not None else ""
    return label + type_name(field)


def marked(method: MethodDescriptor) -> str:
    return ">" * method.client_streaming + method.name + ">" * method.server_streaming


def files_below(directory: Path) -> dict[Path, bytes]:
    files = [path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(directory): path.read_bytes() for path in files}


@pytest.fixture(scope="module", autouse=True)
def descriptors() -> list[FileDescriptor]:
    """Those of all generated files, which their import puts into protobuf's pool, where the tests look."""
    found = pkgutil.walk_packages(companion.api.__path__, "companion.api.")
    modules = [importlib.import_module(module.name) for module in found]
    return [module.DESCRIPTOR for module in modules if hasattr(module, "DESCRIPTOR")]


def test_api_is_what_the_protos_generate(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "protos" / "generate.py"), str(tmp_path)], check=True)
    fresh, committed = files_below(tmp_path / "companion" / "api"), files_below(ROOT / "companion" / "api")
    assert sorted(fresh) == sorted(committed)
    assert [path for path, content in fresh.items() if committed[path] != content] == []


@pytest.mark.parametrize(("name", "methods"), SERVICES.items(), ids=SERVICES)
def test_service_has_exactly_the_methods_of_containerd(name: str, methods: str) -> None:
    assert [marked(method) for method in Default().FindServiceByName(name).methods] == methods.split()


@pytest.mark.parametrize(("name", "fields"), MESSAGES.items(), ids=MESSAGES)
def test_message_has_exactly_the_fields_of_containerd(name: str, fields: str) -> None:
    message = Default().FindMessageTypeByName(name)
    actual = [f"{field.number} {field.name} {type_of(field)}" for field in message.fields]
    assert actual == [line.strip() for line in fields.strip().splitlines()]


@pytest.mark.parametrize(("name", "values"), ENUMS.items(), ids=ENUMS)
def test_enum_numbers_the_values_as_containerd_does(name: str, values: str) -> None:
    actual = {value.name: value.number for value in Default().FindEnumTypeByName(name).values}
    assert actual == {value: number for number, value in enumerate(values.split())}


def test_every_service_in_the_protos_is_checked_here(descriptors: list[FileDescriptor]) -> None:
    found = [service.full_name for file in descriptors for service in file.services_by_name.values()]
    assert sorted(found) == sorted(SERVICES)
