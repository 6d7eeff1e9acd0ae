"""The evidence of a prediction in JupyterLab: it unfolds by keyboard, in both themes."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

CODE = """\
import torch
from featlib import explain, images, trace
pixels = torch.arange(6 * 3 * 64 * 64).remainder(251).to(torch.uint8).view(6, 3, 64, 64)
pets = images.from_arrays(pixels, [0, 0, 0, 1, 1, 1], ["cat", "dog"], validation=[2, 5])
rows = torch.arange(24.0).remainder(7).view(6, 4)
head = torch.nn.Linear(4, 2)
head.weight.data, head.bias.data = torch.arange(8.0).view(2, 4) / 8, torch.zeros(2)
prediction = trace.predict_from_features(pixels[2], rows[2], head, pets.classes)
explain.evidence(prediction, head, pets, rows)"""


@pytest.mark.usefixtures("new_window")
@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_unfolds_by_keyboard_down_to_the_training_pictures(lab, window, theme):
    lab.write(f"evidence-{theme}", {}, CODE)
    page = window.open(f"evidence-{theme}", theme).page
    for item in ("Run", "Run All Cells"):
        page.get_by_role("menuitem", name=item, exact=True).click()
    lines = page.locator(".jp-OutputArea summary")
    lines.first.wait_for(timeout=120_000)
    pictures = page.locator(".jp-OutputArea details img")
    expect(pictures.first).to_be_hidden()
    for key, words in (("Enter", "dog: "), ("Space", "logit "), ("Enter", "feature ")):
        line = lines.filter(has_text=re.compile(f"^{words}"), visible=True)
        line.first.focus()
        page.keyboard.press(key)
        expect(line.first.locator("xpath=..")).to_have_attribute("open", "")
    expect(pictures.first).to_be_visible()
    assert pictures.first.evaluate("picture => picture.naturalWidth") == 48
    found = Axe().run(page, context=".jp-OutputArea").response["violations"]
    assert [violation["id"] for violation in found] == []
