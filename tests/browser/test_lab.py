"""The live lab and the own pictures in JupyterLab, by keyboard and mouse."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


def serious(page):
    found = Axe().run(page, context=".fq").response["violations"]
    return [v["id"] for v in found if v["impact"] in ("serious", "critical")]


def test_a_slider_by_keyboard_redraws_both_charts(notebook):
    opened = notebook("lab", [], "import featlib\nfeatlib.show_lab()", "dark")
    widget = opened.widget
    status = widget.get_by_role("status")
    expect(status).to_contain_text("800 images of 10 classes, pretrained")
    first = widget.locator("svg").first.get_attribute("aria-label")
    assert "run before" not in first

    epochs = widget.get_by_label("epochs")
    epochs.focus()
    epochs.press("ArrowRight")
    expect(widget.locator("polyline.fq-this").first).to_have_attribute("points", pattern(6))
    now = widget.locator("svg").first.get_attribute("aria-label")
    assert first.split("this run ")[1] in now.split("run before ")[1]

    widget.get_by_label("images per class").fill("5")
    expect(status).to_contain_text("50 images of 10 classes")
    widget.get_by_label("trained on").select_option("raw pixels")
    expect(status).to_contain_text("50 images of 10 classes, raw pixels")
    assert serious(opened.page) == []

    widget.get_by_role("button", name="Back to the start").click()
    expect(status).to_contain_text("800 images of 10 classes, pretrained")
    expect(epochs).to_have_value("5")
    assert opened.errors == []


def pattern(points):
    """Return what matches a polyline of so many points."""
    return re.compile(rf"^(\S+ ){{{points - 1}}}\S+$")


def test_dragging_fast_ends_where_the_hand_stopped(notebook):
    opened = notebook("drag", [], "import featlib\nfeatlib.show_lab()")
    slider = opened.widget.get_by_label("images per class")
    slider.focus()
    for _ in range(30):
        slider.press("ArrowLeft")
    expect(opened.widget.get_by_role("status")).to_contain_text("500 images of 10 classes")
    expect(slider).to_have_value("50")


def test_a_slider_that_is_moved_before_the_reply_stays(notebook, gate):
    before = gate.code("featlib.widgets.lab", "LabWidget")
    opened = notebook("moved", [], before + "import featlib\nfeatlib.show_lab()")
    widget = opened.widget
    epochs, images = widget.get_by_label("epochs"), widget.get_by_label("images per class")
    epochs.fill("6")
    epochs.fill("8")
    images.fill("5")
    gate.let_through()
    points = widget.locator("polyline.fq-this").first
    expect(points).to_have_attribute("points", pattern(6))
    expect(epochs).to_have_value("8")
    expect(images).to_have_value("5")
    gate.let_through()
    expect(points).to_have_attribute("points", pattern(8))
    expect(widget.get_by_role("status")).to_contain_text("50 images of 10 classes")
    expect(epochs).to_have_value("8")


def test_a_diverged_training_is_said_and_the_next_change_works(notebook):
    opened = notebook("diverged", [], "import featlib\nfeatlib.show_lab()")
    widget = opened.widget
    status, curve = widget.get_by_role("status"), widget.locator("polyline.fq-this")
    rate, decay = widget.get_by_label("learning rate"), widget.get_by_label("weight decay")
    rate.fill("0")  # 10^0
    decay.fill("2")
    expect(status).to_contain_text("The training diverged")
    expect(curve).to_have_count(0)
    expect(rate).to_have_value("0")
    expect(decay).to_have_value("2")
    epochs = widget.get_by_label("epochs")
    epochs.fill("6")
    expect(status).to_contain_text("The training diverged")
    decay.fill("-3")
    expect(curve.first).to_have_attribute("points", pattern(6))
    expect(status).to_contain_text("800 images of 10 classes")
    rate.fill("-2.7")
    expect(status).not_to_contain_text("iverged")
    expect(epochs).to_have_value("6")
    assert opened.errors == []


def test_the_same_settings_twice_are_answered_twice(notebook):
    widget = notebook("again", [], "import featlib\nfeatlib.show_lab()").widget
    status = widget.get_by_role("status")
    for _ in range(3):
        widget.get_by_role("button", name="Back to the start").click()
        expect(status).to_contain_text("800 images")
    widget.get_by_label("images per class").fill("5")
    expect(status).to_contain_text("50 images of 10 classes")
