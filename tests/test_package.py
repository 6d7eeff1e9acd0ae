"""What holds for the package as a whole: how it is installed, imported and layered."""

import ast
import importlib
import re
import subprocess
import sys
from graphlib import TopologicalSorter
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
# From the top of the house to its ground: a module may import only those after it, and of its own
# room any that makes no circle.
LAYERS = (
    "__main__", "cli", "doctor", "workspace", "site", "web", "widgets", "exercises", "pages",
    "lesson", "model", "scale", "plots", "explain", "trace", "costs", "quiz", "validation", "head",
    "features", "backbone", "weights", "preprocess", "images", "tables", "variants", "checks",
    "engine",
)  # fmt: skip
# What a stranger should see first: the five stages.
STAGES = ("images", "preprocess", "backbone", "weights", "features", "head", "validation")


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
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert not re.search(r"index|find-links", text)
    assert set(re.findall(r"https?://[\w.]+/\w+/\w+", text)) == {
        "https://github.com/featlib/featlib"
    }


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
    """Return every module of the package with its file: ``scale.shards``; a room's face is it."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        *rooms, name = file.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(rooms if name == "__init__" else [*rooms, name])] = file
    return found


MODULES = modules()


def imported(file):
    """Yield the featlib modules that a file imports: anywhere in it, strings of importlib too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            dotted = [node.value] if re.fullmatch(r"featlib(\.\w+)+", node.value) else []
        else:
            assert not getattr(node, "level", 0), f"{file}: a relative import"
            continue
        yield from filter(None, map(_module, dotted))


def _module(dotted):
    """Return the module that a dotted name lies in: ``scale.shards`` for featlib.scale.shards.x."""
    if not dotted.startswith("featlib."):
        return None
    parts = dotted.split(".")[1:]
    while parts and ".".join(parts) not in MODULES:
        parts.pop()
    return ".".join(parts) or None


def arrows():
    for name, file in MODULES.items():
        if name:  # the package's own face shows all floors
            yield from ((name, other) for other in imported(file) if other != name)


def test_every_module_has_its_floor_and_every_floor_is_there():
    assert {name.split(".")[0] for name in MODULES if name} == set(LAYERS)


def test_imports_only_point_downwards():
    for name, other in arrows():
        floor, below = (LAYERS.index(module.split(".")[0]) for module in (name, other))
        assert floor <= below, f"{name} imports {other}"


def test_no_imports_go_in_a_circle():
    graph = {}
    for name, other in arrows():
        graph.setdefault(name, set()).add(other)
    assert len(list(TopologicalSorter(graph).static_order())) > 40


def test_the_layer_test_sees_lazy_imports_and_strings(tmp_path):
    file = tmp_path / "lazy.py"
    file.write_text(
        "import importlib\n"
        "def late():\n"
        "    from featlib import lesson\n"
        "    return importlib.import_module('featlib.scale.transformer')\n"
    )
    assert set(imported(file)) == {"lesson", "scale.transformer"}


def test_names_of_the_lazy_face_are_found_where_it_says():
    for name, module in featlib._ORIGINS.items():
        assert module in MODULES
        assert name in dir(importlib.import_module(f"featlib.{module}"))


def test_the_stages_are_at_the_front_door():
    for name in STAGES:
        assert (PACKAGE / f"{name}.py").is_file()
    assert len(list(PACKAGE.glob("*.py"))) <= 18


def test_importing_featlib_imports_only_what_a_fork_needs():
    script = "import sys, featlib; print([m for m in sys.modules if m.startswith('featlib.')])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "['featlib.engine', 'featlib.engine.forks']"


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
