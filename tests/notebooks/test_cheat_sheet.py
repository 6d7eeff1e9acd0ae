"""The cheat sheet: its code runs, and does what it says."""

import html
import math
import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from featlib import backbone, features, head, validation

SHEET = Path(__file__).parents[2] / "notebooks" / "cheat_sheet.html"
CELL = '<td style="text-align:left">'  # JupyterLab drops a style sheet, and aligns to the right


def code(kind):
    found = re.search(rf'<code class="{kind}">(.*?)</code>', SHEET.read_text("utf-8"), re.DOTALL)
    return html.unescape(found[1])


def test_the_plain_pytorch_on_it_beats_raw_pixels_by_far(emoji10):
    space = {}
    exec(code("plain"), space)
    features = space["extract"](emoji10.pixels)
    assert features.shape == (1000, 512)
    assert not features.requires_grad
    train, unseen, labels = emoji10.train, emoji10.validation, emoji10.labels
    torch.manual_seed(0)
    head = space["train"](nn.Linear(512, 10), features[train], labels[train])
    right = head(features[unseen]).argmax(1) == labels[unseen]
    assert right.float().mean() > 0.75


def test_the_featlib_on_it_validates():
    space = {}
    exec(code("featlib"), space)
    assert space["report"].accuracy >= 0.74


def test_it_asks_the_network_for_nothing():
    assert not re.search(r"https?://|src=|@import", SHEET.read_text("utf-8"))


@pytest.fixture(scope="module")
def sides(emoji10):
    """Features and labels of both sides of the split."""
    rows = features.extract(emoji10, backbone.resnet18(), progress=False)
    return [(rows[side], emoji10.labels[side]) for side in (emoji10.train, emoji10.validation)]


@pytest.mark.parametrize(
    ("seen", "cause", "rate"),
    [
        ("training loss near 0 at once, validation accuracy lower", "is too large", 0.05),
        ("the loss jumps, above that of guessing", "is much too large", 1.0),
    ],
)
def test_what_it_says_of_a_large_learning_rate_is_so(seen, cause, rate, sides):
    row = f"<tr>{CELL}{seen}</td>{CELL}the learning rate {cause}</td></tr>"
    assert row in SHEET.read_text("utf-8")
    usual, large = (
        head.train(*sides[0], 10, validation=sides[1], **settings)[1].epochs
        for settings in ({}, {"learning_rate": rate})
    )
    losses = [epoch.loss for epoch in large]
    if "near 0" in seen:
        assert losses[2] < 0.1 < usual[2].loss
        assert max(epoch.val_accuracy for epoch in large) < usual[-1].val_accuracy
    else:
        assert max(losses) > math.log(10)
        assert any(after > before for before, after in pairwise(losses))


def test_what_it_says_of_overfitting_is_so(emoji10, sides):
    assert f"{CELL}validation loss rises while training loss falls</td>" in SHEET.read_text("utf-8")
    (x, y), unseen = sides
    few = torch.cat([(y == k).nonzero().flatten()[:10] for k in range(10)])
    losses = []
    for n in (20, 200):
        layer, training = head.train(x[few], y[few], 10, epochs=n)
        report = validation.evaluate(layer, *unseen, emoji10.classes)
        losses.append((training.epochs[-1].loss, report.loss))
    assert losses[1][0] < losses[0][0]
    assert losses[1][1] > losses[0][1]
