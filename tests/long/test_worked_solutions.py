"""The worked solutions of the project keep its rules, and win."""

import re
from pathlib import Path

import nbformat
import pytest
import torch

from featlib import features
from featlib.exercises.scoreboard import Entry, Scoreboard

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "11_project.ipynb"
SCRATCH = Entry("network from scratch", torch.arange(200) < 117, 34_170)


def solutions(cells):
    """Return the code of the worked solutions in the notebook."""
    folded = [cell.source for cell in cells if "<summary>Solution</summary>" in cell.source]
    return [re.search(r"```python\n(.*?)```", text, re.DOTALL)[1] for text in folded]


@pytest.mark.parametrize("name", ["enlarged to 128", "chosen by cross-validation"])
def test_a_worked_solution_keeps_the_rules_and_wins(name, emoji10, resnet):
    rows = features.extract(emoji10, resnet)
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    [imports] = [c.source.split("\npictures =")[0] for c in cells if "\npictures =" in c.source]
    solution = next(text for text in solutions(cells) if name in text)
    [cross_validation] = [c.source for c in cells if c.source.startswith("def cross_validate")]
    space = {"pictures": emoji10, "rows": rows, "train": emoji10.train, "labels": emoji10.labels}
    exec(imports, space)
    space["board"] = Scoreboard(rows, emoji10, [SCRATCH])
    exec(cross_validation.split("\n\n\nprint")[0], space)
    exec(solution, space)
    first = space["board"].table().rows[0]
    assert first[1] == name
    assert int(first[2].replace(",", "")) <= 6000
    assert first[-1] == "< 0.001", "ahead beyond chance"
