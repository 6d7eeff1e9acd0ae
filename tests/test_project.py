"""The project's scoreboard: what it accepts, what it refuses, and that the solution wins."""

import re
import time
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

from featlib import FeatlibError, backbone, features, head
from featlib.project import Entry, Scoreboard

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "11_project.ipynb"
SCRATCH = Entry("network from scratch", 117, 34_170)


@pytest.fixture(scope="module")
def rows(emoji10):
    return features.extract(emoji10, backbone.resnet18(), progress=False)


@pytest.fixture
def board(rows, emoji10):
    return Scoreboard(rows, emoji10, [SCRATCH])


def simple(x, y):
    return head.train(x, y, 10)[0]


def test_a_head_within_the_rules_is_measured_and_entered(board):
    standing = board.enter("simple", simple)
    assert standing.verdict.passed
    assert standing.entry.parameters == 5130
    assert [row[1] for row in board.table().rows] == ["simple", "network from scratch"]


def test_of_two_with_one_name_the_better_is_kept(board, rows):
    board.enter("mine", simple)
    worse = board.enter("mine", lambda x, y: head.train(x, y, 10, learning_rate=1e-6)[0])
    assert not worse.verdict.passed
    assert board.table().rows[0][1] == "mine"
    assert len(board.table().rows) == 2


def slow(x, y):
    time.sleep(0.3)
    return nn.Linear(512, 10)


class LooksAround(nn.Linear):
    """A head whose answer depends on the other pictures."""

    def forward(self, x):
        return super().forward(x - x.mean(0))


REFUSED = {
    "too many parameters": (lambda x, y: nn.Linear(512, 100), "51,300 parameters; at most 6,000"),
    "too slow": (slow, "seconds; at most 0.2 are allowed"),
    "no head": (lambda x, y: None, "it was to give a torch.nn.Module"),
    "an error": (lambda x, y: 1 / 0, "ZeroDivisionError"),
    "another shape": (lambda x, y: nn.Linear(512, 3), "a logit a class"),
    "looks at the others": (lambda x, y: LooksAround(512, 10), "judged by itself"),
    "no function": (None, "Refused"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_breaks_a_rule_is_refused_with_the_reason(rows, emoji10, case):
    train_head, said = REFUSED[case]
    board = Scoreboard(rows, emoji10, [SCRATCH], max_seconds=0.2)
    standing = board.enter("mine", train_head)
    assert not standing.verdict.passed
    assert standing.entry is None
    assert said in standing.verdict.message
    assert len(board.table().rows) == 1


def test_an_entry_cannot_change_the_features(board, rows):
    before = rows.clone()

    def spoil(x, y):
        x.zero_()
        return nn.Linear(512, 10)

    board.enter("spoil", spoil)
    assert torch.equal(rows, before)


def test_features_of_other_images_are_refused(rows, emoji10):
    with pytest.raises(FeatlibError, match="features of all 1000 images"):
        Scoreboard(rows[:10], emoji10, [SCRATCH])


def test_a_scoreboard_needs_a_baseline(rows, emoji10):
    with pytest.raises(FeatlibError, match="at least one baseline"):
        Scoreboard(rows, emoji10, [])


def test_the_worked_solution_keeps_the_rules_and_wins(rows, emoji10):
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    imports = cells[1].source.split("\npictures =")[0]
    [text] = [cell.source for cell in cells if "<summary>Solution</summary>" in cell.source]
    solution = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    [cross_validation] = [c.source for c in cells if c.source.startswith("def cross_validate")]
    space = {"pictures": emoji10, "rows": rows, "train": emoji10.train, "labels": emoji10.labels}
    exec(imports, space)
    space["board"] = Scoreboard(rows, emoji10, [SCRATCH])
    exec(cross_validation.split("\n\n\nprint")[0], space)
    exec(solution, space)
    first = space["board"].table().rows[0]
    assert first[1] == "both views"
    assert int(first[2].replace(",", "")) <= 6000
