"""environment.yml: what Binder builds, as its own repo2docker reads it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LINES = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
CONDA = [line for line in LINES if isinstance(line, str)]
PIP = next(line["pip"] for line in LINES if isinstance(line, dict))
# What repo2docker's base image has installed already.
BASE = {"jupyterlab": "4.4.9", "ipykernel": "7.0.1"}


def declared() -> dict[str, Requirement]:
    """By name, what pyproject.toml asks for at run time and for the notebooks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["notebooks"]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def test_conda_brings_python_and_the_program_dot() -> None:
    assert CONDA == ["python=3.12", "graphviz", "pip"]


def test_pip_installs_the_checkout_with_the_extra_of_the_notebooks_alone() -> None:
    assert [line for line in PIP if line.startswith("-")] == ["-e .[notebooks]"]


def test_ranges_are_those_of_pyproject() -> None:
    shown = [Requirement(line) for line in PIP if not line.startswith("-")]
    assert {"jupyterlab", "grpcio", "protobuf", "graphviz", "nbval"} == {line.name for line in shown}
    assert [line.specifier for line in shown] == [declared()[line.name].specifier for line in shown]


@pytest.mark.parametrize("name", BASE)
def test_what_the_base_image_has_need_not_be_downloaded_again(name: str) -> None:
    assert BASE[name] in declared()[name].specifier


def test_no_binder_folder_hides_the_file() -> None:
    assert not [name for name in ("binder", ".binder") if (ROOT / name).exists()]


def test_repo2docker_copies_the_checkout_before_it_builds_a_python_3_12() -> None:
    user = ["--user-id", "1000", "--user-name", "jovyan"]
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", *user, str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    printed = result.stdout + result.stderr
    assert result.returncode == 0, printed
    assert "Building conda environment for python=3.12\n" in printed
    copied = printed.index("COPY --chown=1000:1000 src/ ${REPO_DIR}/")
    assert copied < printed.index('env update -p ${NB_PYTHON_PREFIX} --file "environment.yml"')
