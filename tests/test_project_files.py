"""The files around the package: workflows, changelog, citation, README, links.

They are about the repository, so this file is not in the sdist.
"""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from packaging.requirements import Requirement

import featlib
from featlib.site import elsewhere

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ROOMS = (".github", "benchmarks", "docs", "featlib", "notebooks", "quizzes", "tests", "tools")
TEXTS = sorted({*ROOT.glob("*.md"), *(p for room in ROOMS for p in (ROOT / room).rglob("*.md"))})
KINDS_OF_CHANGE = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def workflow(name):
    return yaml.safe_load(read(f".github/workflows/{name}.yml"))


def commands(job):
    return [step["run"].strip() for step in job["steps"] if "run" in step]


def pyproject():
    try:  # the checker goes by Python 3.10 and by what is installed: it finds one of them nowhere
        import tomllib  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib  # pyright: ignore[reportMissingImports]
    return tomllib.loads(read("pyproject.toml"))


def links(markdown):
    """Yield what a Markdown text links to, pictures and HTML included."""
    for token in MarkdownIt().parse(markdown):
        for part in (token, *(token.children or ())):
            yield from (str(part.attrs[name]) for name in ("href", "src") if name in part.attrs)
            if part.type.startswith("html"):
                yield from re.findall(r"""(?:href|src)=["']([^"']+)""", part.content)


def is_relative(link):
    return not re.match(r"[a-z]+:|#", link)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_only_read_and_always_end(path):
    jobs = workflow(path.stem)
    assert jobs["permissions"] == {"contents": "read"}
    assert jobs["concurrency"]["group"]
    for job in jobs["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 120
        for step in job.get("steps", ()):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}


def test_a_release_needs_the_tests_and_no_password():
    jobs = workflow("release")["jobs"]
    assert jobs["tests"]["uses"] == "./.github/workflows/tests.yml"
    assert (jobs["build"]["needs"], jobs["publish"]["needs"]) == ("tests", "build")
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"]["name"] == "pypi"
    assert {name for name, job in jobs.items() if "permissions" in job} == {"publish"}
    assert "secrets." not in read(".github/workflows/release.yml")


def test_a_release_does_not_wait_for_itself():
    """A called workflow has the caller's name and ref: one group for both would never start."""
    groups = [workflow(name)["concurrency"]["group"] for name in ("tests", "release")]
    assert len(set(groups)) == 2
    assert not any("github.workflow" in group for group in groups)


def test_the_workflows_use_the_commands_of_the_pages():
    jobs = workflow("tests")["jobs"]
    assert commands(jobs["linux"])[-1] == "make test"
    assert commands(jobs["lint"])[-1] == "make lint"
    assert commands(jobs["wheel"]) == ["make wheel"]
    block = read("docs/install.md").split("```bat\n")[1].split("```")[0]
    said = "\n".join(commands(jobs["windows"]))
    for line in block.splitlines():
        # `py` starts the newest Python there is, so the workflow names the one under test.
        wanted = line.replace("py -m", "python -m")
        assert wanted in said, line


def test_every_system_tests_every_python_and_every_notebook():
    versions = [
        line.rpartition(" ")[2]
        for line in pyproject()["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", line)
    ]
    assert versions[0] == pyproject()["project"]["requires-python"].removeprefix(">=")
    jobs = workflow("tests")["jobs"]
    for name in ("linux", "macos", "windows"):
        assert jobs[name]["strategy"]["matrix"]["python"] == versions
        text = " ".join(commands(jobs[name]))
        assert re.search(r"make test|make notebooks-test|--nbval .*notebooks", text)


@pytest.mark.parametrize("path", [*TEXTS, *WORKFLOWS], ids=lambda path: path.name)
def test_every_make_command_that_is_named_is_there(path):
    targets = set(re.findall(r"^([a-z][\w-]*):", read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:`|run: |^)make ([a-z][\w-]*)", read(path), re.MULTILINE))
    assert named <= targets


def test_every_target_of_the_makefile_is_declared_and_explained():
    text = read("Makefile")
    targets = dict(re.findall(r"^([a-z][\w-]*):(.*)$", text, re.MULTILINE))
    declared = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()
    assert set(declared) == set(targets)
    for name, rest in targets.items():
        assert "## " in rest, name


def test_the_changelog_begins_with_what_is_unreleased():
    headings = re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    for heading in headings[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading)
    kinds = re.findall(r"^### (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert set(kinds) <= KINDS_OF_CHANGE


def test_the_citation_names_this_version():
    citation = yaml.safe_load(read("CITATION.cff"))
    project = pyproject()["project"]
    assert str(citation["version"]) == featlib.__version__
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert project["name"] in citation["title"]
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]
    assert citation["repository-code"] == project["urls"]["Source"]


def test_the_fault_report_asks_for_what_the_doctor_says():
    form = yaml.safe_load(read(".github/ISSUE_TEMPLATE/fault.yml"))
    (doctor,) = (part for part in form["body"] if part.get("id") == "doctor")
    assert "featlib doctor" in doctor["attributes"]["label"]
    assert doctor["validations"]["required"]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path):
    for link in filter(is_relative, links(read(path))):
        assert (path.parent / link.partition("#")[0]).exists(), link


def test_the_readme_on_pypi_has_no_relative_link():
    hook = pyproject()["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert hook["fragments"] == [{"path": "README.md"}]
    shown = read("README.md")
    assert any(map(is_relative, links(shown)))
    for change in hook["substitutions"]:
        shown = re.sub(change["pattern"], change["replacement"], shown)
    assert [link for link in links(shown) if is_relative(link)] == []
    place = f"{pyproject()['project']['urls']['Source']}/blob/v$HFPR_VERSION/"
    assert any(link.startswith(place) for link in links(shown.replace("%24", "$")))


def test_containers_are_small_and_of_nobody_special():
    """They cannot be built here: what can be seen without is seen."""
    lines = [line for line in read("Dockerfile").splitlines() if not line.startswith("#")]
    words = [line.partition(" ")[0] for line in lines if re.match(r"[A-Z]+ ", line)]
    assert words[0] == "FROM"
    assert words.index("USER") < words.index("CMD")
    assert {"HEALTHCHECK", "EXPOSE"} <= set(words)
    text = "\n".join(lines)
    assert "--torch-backend cpu" in text
    [command] = [json.loads(line.partition(" ")[2]) for line in lines if line.startswith("CMD")]
    assert command[:2] == ["featlib", "lab"]
    development = json.loads(read(".devcontainer/devcontainer.json"))
    target = development["postCreateCommand"].split()[1]
    assert f"$(VENV){target.removeprefix('.venv')}:" in read("Makefile")
    for file in development["customizations"]["codespaces"]["openFiles"]:
        assert (ROOT / file).is_file()


def test_binder_asks_for_what_pyproject_toml_asks_for():
    """Without `.binder`, Binder would take the Dockerfile, which starts no server for Binder."""
    lines = [line for line in read(".binder/requirements.txt").splitlines() if line[0] != "#"]
    options = [line for line in lines if line.startswith("--")]
    # An option that has a local path has to be written with "=": else repo2docker overlooks it.
    assert options == ["--extra-index-url=https://download.pytorch.org/whl/cpu", "--editable=."]
    asked = [line for line in lines if line not in options]
    wanted = {Requirement(text) for text in pyproject()["project"]["dependencies"]}
    assert {Requirement(text) for text in asked} <= wanted
    assert {Requirement(text).name for text in asked} == {"torch", "torchvision"}
    name, version = read(".binder/runtime.txt").strip().split("-")
    assert name == "python"
    assert f"Programming Language :: Python :: {version}" in pyproject()["project"]["classifiers"]
    first, *_, last = read(".binder/postBuild").splitlines()
    assert first == "#!/bin/bash"
    assert "set -e" in read(".binder/postBuild").splitlines()
    python, option, code = shlex.split(last)
    assert (python, option) == ("python", "-c")
    compile(code, "postBuild", "exec")
    assert not (ROOT / "binder").exists(), "repo2docker refuses a repository with both"


@pytest.mark.parametrize("name", ["README.md", "docs/install.md"])
def test_the_pages_say_where_the_first_notebook_opens(name):
    assert set(elsewhere.links("00_start_here").values()) <= set(links(read(name)))


def test_what_was_not_tried_is_said():
    [untried] = re.findall(
        r"\*\*Not tried by us so far\*\*: (.*?)\.", read("docs/install.md"), re.S
    )
    for service in elsewhere.links("00_start_here"):
        assert service in untried or service == "download"


def test_tests_that_run_together_are_in_files_of_different_names():
    """Pytest imports a file by its name alone; two of one name stop it before any test."""
    apart = ("browser", "long")  # commands of their own
    files = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    names = sorted(path.name for path in files if path.parts[0] not in apart)
    assert names == sorted(set(names))
    [commands] = re.findall(r"^long: .+\n((?:\t.+\n)+)", read("Makefile"), re.M)
    for command in commands.splitlines():
        together = re.search(r" tests( |$)", command)
        assert not together or all(f"--ignore tests/{room}" in command for room in apart), command
