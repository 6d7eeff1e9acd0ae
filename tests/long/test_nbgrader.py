"""The notebooks as an assignment of nbgrader: open and wrong cells get no points, and stop nothing.

nbgrader lives in an environment of its own, made here; featlib comes to it from this one.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ASSIGNED = ("01", "02", "03", "04", "05", "06", "08", "10", "11")
BROKEN = {
    "02": "my_image = one / 255",
    "05": "my_recall = 1 / 0",
    "11": "def train_head(x, y):\n    return nn.Sequential(nn.Linear(512, 64), nn.Linear(64, 10))",
}
SCORES = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    print(json.dumps({
        student.id: {
            grade.cell.name: grade.score
            for part in book.find_submission("featlib", student.id).notebooks
            for grade in part.grades
        }
        for student in book.students
    }))
"""


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory):
    """Return a function that runs Python with nbgrader in the folder of a course."""
    folder = tmp_path_factory.mktemp("nbgrader")
    tool, home = Path(sys.executable).with_name("uv"), folder / "environment"
    subprocess.run([tool, "venv", "--quiet", "--python", sys.executable, home], check=True)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([tool, "pip", "install", "--quiet", "--python", python, "nbgrader"], check=True)
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.check_output(asked, text=True).strip()
    ours = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    Path(packages, "featlib_of_the_tests.pth").write_text(ours)
    course = folder / "course"
    course.mkdir()
    places = ("FEATLIB_CACHE_DIR", "FEATLIB_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")
    env = os.environ | {name: str(folder / name) for name in places}
    env["PATH"] = os.pathsep.join([str(python.parent), env["PATH"]])  # as of an active environment

    def run(*arguments):
        done = subprocess.run(
            [python, *arguments], cwd=course, env=env, capture_output=True, text=True, timeout=3600
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    run.course = course
    return run


def notebooks(folder):
    return {path.name[:2]: path for path in sorted(folder.glob("*.ipynb"))}


def submit(course, student, numbers, new_source):
    """Hand in what was released, with another source where the learner's cells are."""
    target = course / "submitted" / student / "featlib"
    target.mkdir(parents=True)
    for number, path in notebooks(course / "release" / "featlib").items():
        if number in numbers:
            notebook = nbformat.read(path, as_version=4)
            for place, cell in enumerate(notebook.cells):
                if cell.metadata.get("nbgrader", {}).get("solution"):
                    cell.source = new_source(number, notebook.cells, place)
            nbformat.write(notebook, target / path.name)


def as_released(number, cells, place):
    return cells[place].source


def with_solution(number, cells, place):
    """Return a learner's cell with the folded solution that stands below it in the notebook."""
    source = cells[place].source
    below = "\n".join(cell.source for cell in cells[place:] if cell.cell_type == "markdown")
    if number == "11":
        plain = re.search(r"def plain_head.+?\n\n", below, re.DOTALL)[0]
        return plain.replace("plain_head", "train_head")
    folded = below.split("<summary>Solution</summary>")[1]
    solution = re.search(r"```python\n(.+?)```", folded, re.DOTALL)[1].rstrip()
    if re.search("^def ", solution, re.MULTILINE):
        return solution
    return re.sub(r"^\w+ = \.\.\..*$", lambda _: solution, source, flags=re.MULTILINE)


def broken(number, cells, place):
    return re.sub(
        r"^(\w+ = \.\.\.|def train_head).*", BROKEN[number], cells[place].source, flags=re.M | re.S
    )


def test_open_and_wrong_cells_get_no_points_and_solutions_get_all(nbgrader):
    course = nbgrader.course
    guide = (NOTEBOOKS / "INSTRUCTOR.md").read_text(encoding="utf-8")
    [config] = re.findall(r"```python\n(# nbgrader_config\.py\n.+?)```", guide, re.DOTALL)
    (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
    source = course / "source" / "featlib"
    source.mkdir(parents=True)
    for number, path in notebooks(NOTEBOOKS).items():
        if number in ASSIGNED:
            (source / path.name).write_bytes(path.read_bytes())
    nbgrader("-m", "nbgrader", "generate_assignment", "featlib")
    given, released = notebooks(source), notebooks(course / "release" / "featlib")
    assert tuple(released) == ASSIGNED
    for number, path in released.items():
        before, after = (
            [cell.source for cell in nbformat.read(p, 4).cells] for p in (given[number], path)
        )
        assert after == before, "the gaps are as they were"

    submit(course, "unfilled", ASSIGNED, as_released)
    submit(course, "right", ASSIGNED, with_solution)
    submit(course, "wrong", BROKEN, broken)
    said = nbgrader("-m", "nbgrader", "autograde", "featlib")
    assert "cannot be converted" not in said, "a verdict is no number of points"
    scores = json.loads(nbgrader("-c", SCORES))
    points = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for path in given.values()
        for cell in nbformat.read(path, 4).cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert len(points) == 7 + 6 + 1
    assert scores["right"] == points
    assert scores["unfilled"] == dict.fromkeys(points, 0)
    assert set(scores["wrong"].values()) == {0}

    # Each notebook was executed to its end: its last cell of code shows something.
    for number, path in notebooks(course / "autograded" / "unfilled" / "featlib").items():
        *_, last = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        shown = [output.output_type for output in last.outputs]
        assert shown in (["display_data"], ["execute_result"]), number
