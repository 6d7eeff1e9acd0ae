"""What holds for the package as a whole: how it is installed, imported and layered."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from rattler import MatchSpec

import featlib

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "featlib"
# What pip brings when it installs featlib itself, for want of a conda package.
PIP_ONLY = {"fsrs", "jsonschema-rs"}
# Where conda-forge calls a package otherwise than PyPI does.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
# From the top of the house to its ground: a module may import only those after it.
LAYERS = (
    "cli", "doctor", "report", "slides", "classreport", "widgets", "lesson", "scale", "stream",
    "extractor",
    "plots", "project", "challenges", "trace", "quiz", "tables", "validation", "head", "features",
    "fused", "backbone", "preprocess", "images", "decode", "threads", "bars", "cache", "paths",
    "checks",
)  # fmt: skip
CORE = ("images", "preprocess", "backbone", "features", "head", "validation", "trace")


def project():
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_environment_yml_and_pyproject_toml_ask_for_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *specs, pip = environment["dependencies"]
    conda = {}
    for text in specs:
        spec = MatchSpec(text, strict=True)
        conda[str(spec.name.normalized)] = str(spec.version or "")
    wanted = {"python": project()["requires-python"], "pip": ""}
    for text in project()["dependencies"]:
        requirement = Requirement(text)
        if requirement.name in PIP_ONLY:
            continue
        name = CONDA_NAMES.get(requirement.name, requirement.name)
        wanted[name] = str(requirement.specifier)
    assert conda == wanted
    assert pip == {"pip": ["--editable ."]}


def test_no_index_but_the_default_is_named():
    text = (ROOT / "pyproject.toml").read_text()
    assert not re.search(r"index|find-links|https?://", text)


def test_bounds_are_lower_bounds():
    for text in project()["dependencies"]:
        assert {spec.operator for spec in Requirement(text).specifier} == {">="}, text


def test_the_readme_opens_with_the_two_commands():
    first_block = (ROOT / "README.md").read_text().split("```")[1]
    commands = re.findall(r"^make \w+", first_block, re.MULTILINE)
    assert commands == ["make run", "make test"]


def test_ci_runs_exactly_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert script[-1] == "make test"


def modules():
    for file in PACKAGE.rglob("*.py"):
        name = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if name != "__init__":
            yield name, file


def imported(file):
    """Yield the featlib modules that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "featlib":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("featlib."):
            yield node.module.split(".")[1]


def test_imports_only_point_downwards():
    for name, file in modules():
        for other in imported(file):
            if other in LAYERS and other != name:
                assert LAYERS.index(name) < LAYERS.index(other), f"{name} imports {other}"


def test_every_module_has_its_layer():
    assert {name for name, _ in modules()} <= set(LAYERS)


def test_the_core_needs_no_widget_and_no_figure():
    forbidden = ["ipywidgets", "anywidget", "IPython", "matplotlib"]
    modules = ", ".join(f"featlib.{name}" for name in CORE)
    script = f"import sys, {modules}; print([m for m in {forbidden} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_importing_featlib_imports_none_of_it():
    script = "import sys, featlib; print([m for m in sys.modules if m.startswith('featlib.')])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"


def test_every_public_name_can_be_reached():
    for name in featlib.__all__:
        assert getattr(featlib, name) is not None
    assert set(dir(featlib)) == set(featlib.__all__)
    with pytest.raises(AttributeError, match="frobnicate"):
        _ = featlib.frobnicate


def test_every_bundled_file_has_its_license():
    names = " ".join(path.name for path in (PACKAGE / "assets").iterdir())
    assert "EMOJI10" in names.upper()
    assert "LICENSE" in names.upper()
