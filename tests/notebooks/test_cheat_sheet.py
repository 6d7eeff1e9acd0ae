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


def test_the_plain_pytorch_on_it_extracts_and_trains(blobs):
    space = {}
    exec(code("plain"), space)
    pixels = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    features = space["extract"](pixels, torch.full((3,), 0.5), torch.full((3,), 0.25))
    assert features.shape == (4, 512)
    assert not features.requires_grad
    rows, labels = blobs
    head = space["train"](nn.Linear(8, 3), rows, labels, epochs=200)
    assert (head(rows).argmax(1) == labels).float().mean() > 0.9


def test_the_featlib_on_it_validates():
    space = {}
    exec(code("featlib"), space)
    assert space["report"].accuracy >= 0.74


def test_it_asks_the_network_for_nothing():
    assert not re.search(r"https?://|src=|@import", SHEET.read_text("utf-8"))
