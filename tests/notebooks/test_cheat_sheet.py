"""The cheat sheet: its code runs, and does what it says."""

import html
import re
from pathlib import Path

import torch
from torch import nn

SHEET = Path(__file__).parents[2] / "notebooks" / "cheat_sheet.html"


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
