"""The cells that a learner edits, and those that check them, say to nbgrader what they are."""

from collections import Counter
from pathlib import Path

import nbformat
import pytest

PATHS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
NOTEBOOKS = {path.stem[:2]: nbformat.read(path, as_version=4).cells for path in PATHS}
POINTS = dict.fromkeys(("01", "02", "03", "04", "05", "06", "08"), 1) | {"10": 6, "11": 2}


def marked(number, role):
    return [c for c in NOTEBOOKS[number] if c.metadata.get("nbgrader", {}).get(role)]


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_each_cell_to_edit_is_a_solution_and_each_check_below_it_gives_points(number):
    edited = [c.id for c in NOTEBOOKS[number] if c.source.startswith("# Edit this cell.")]
    assert [cell.id for cell in marked(number, "solution")] == edited
    checks = marked(number, "grade")
    assert len(checks) == len(edited)
    assert sum(cell.metadata.nbgrader.points for cell in checks) == POINTS.get(number, 0)
    order = [c.metadata.nbgrader.grade for c in NOTEBOOKS[number] if "nbgrader" in c.metadata]
    assert order == [False, True] * len(edited), "each check comes after its own cell"
    for cell in checks:
        assert ".check_" in cell.source or "board.enter(" in cell.source


@pytest.mark.parametrize("number", POINTS)
def test_the_metadata_are_those_of_the_third_schema(number):
    for cell in NOTEBOOKS[number]:
        if found := cell.metadata.get("nbgrader"):
            check = found.grade
            due = {"grade": check, "locked": check, "solution": not check, "task": False}
            due |= {"schema_version": 3, "grade_id": cell.id}
            assert dict(found) == due | ({"points": found.points} if check else {})
            assert cell.cell_type == "code"


def test_no_two_cells_have_one_grade_id():
    ids = Counter(
        cell.metadata.nbgrader.grade_id
        for cells in NOTEBOOKS.values()
        for cell in cells
        if "nbgrader" in cell.metadata
    )
    assert len(ids) == 2 * (7 + 6 + 1)
    assert set(ids.values()) == {1}
