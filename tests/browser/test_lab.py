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


def test_own_pictures_from_upload_to_prediction(notebook, picture_folder):
    opened = notebook("own", [], "import featlib\nfeatlib.show_own_images()")
    widget = opened.widget
    for number, name in enumerate(("red", "blue"), 1):
        widget.get_by_label(f"Class {number}", exact=True).fill(name)
        files = [str(file) for file in sorted((picture_folder / name).iterdir())]
        widget.get_by_label(f"Pictures of class {number}").set_input_files(files)
        expect(widget.locator(".fq-count").nth(number - 1)).to_have_text("6 pictures")
    widget.get_by_role("button", name="Train", exact=True).click()
    expect(widget).to_contain_text("Trained on", timeout=30_000)
    widget.get_by_label("Try a new picture").set_input_files(files[0])
    expect(widget).to_contain_text("The head says blue", timeout=30_000)
    expect(widget.get_by_role("img")).to_have_attribute("alt", re.compile("blue"))
    assert serious(opened.page) == []
    assert opened.errors == []


def test_own_pictures_say_what_is_missing(notebook):
    widget = notebook("own-empty", [], "import featlib\nfeatlib.show_own_images()").widget
    widget.get_by_role("button", name="Train", exact=True).click()
    expect(widget).to_contain_text("wanted pictures of two to ten classes")
    expect(widget.get_by_role("button", name="Add a class")).to_be_enabled()
