"""A notebook that is opened again without its kernel: plain forms stand there, and no error."""

import json

import nbformat
import pytest
from lab_pages import Notebook
from nbformat.v4 import new_code_cell
from playwright.sync_api import expect
from test_notebook7 import Notebook7

QUESTION = {
    "id": "price",
    "type": "multiple_choice",
    "question": "Which is more, $5 or $7?",
    "answers": [{"answer": "$5", "correct": False}, {"answer": "$7", "correct": True}],
}
QUIZ = "import featlib\nfeatlib.show_quiz('{name}.json')"
LAB = """import torch
from featlib.widgets.lab import LabWidget
pictures = featlib.images.load("emoji10")
LabWidget(pictures, {"pretrained": torch.randn(len(pictures), 4)})"""
OTHERS = {
    LAB: "Run this cell to move the sliders.",
    "featlib.show_flashcards()": "Run this cell to review the cards.",
    "featlib.show_own_images()": "Run this cell to ",
    "featlib.show_my_picture()": "Run this cell to give a picture of your own.",
    "guess = featlib.predict_first('00-proof')": "Run this cell to answer.",
}
INVITATIONS = ["Run this cell to answer.", *OTHERS.values()]
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 1200, "height": 1000})
    yield page
    page.close()


def write(lab, name):
    """Write a notebook with each widget."""
    lab.write(name, [QUESTION], QUIZ.format(name=name))
    file = lab.notebooks / f"{name}.ipynb"
    notebook = nbformat.read(file, as_version=4)
    notebook.cells += [new_code_cell(code) for code in OTHERS]
    nbformat.write(notebook, file)


def outputs(lab, name):
    saved = json.loads((lab.notebooks / f"{name}.ipynb").read_text())
    assert "widgets" not in saved["metadata"]
    return [output for cell in saved["cells"][1:] for output in cell["outputs"]]


@pytest.mark.parametrize("front_end", [Notebook, pytest.param(Notebook7, marks=pytest.mark.long)])
def test_plain_forms_stand_there(lab, page, front_end):
    name = f"reopened-{front_end.__name__}"
    write(lab, name)
    opened = front_end(lab, page, name)
    opened.open()
    opened.run_all()
    expect(page.locator("[data-featlib] .fq")).to_have_count(len(INVITATIONS))
    expect(page.get_by_text("Run this cell to")).to_have_count(0)
    opened.save()
    saved = outputs(lab, name)
    assert [VIEW in output["data"] for output in saved] == [False] * len(INVITATIONS)

    page.goto("about:blank")
    lab.end_kernels(name)
    said = []
    page.on("console", lambda message: said.append((message.type, message.text)))
    opened.errors.clear()
    opened.open()
    shown = page.locator(".jp-OutputArea-output")
    for place, invitation in enumerate(INVITATIONS):
        expect(shown.nth(place)).to_contain_text(invitation)
    expect(shown.first).to_contain_text("Which is more, $5 or $7?")
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    expect(page.locator(".fq")).to_have_count(0)
    assert [text for kind, text in said if kind == "error"] == []
    if front_end is Notebook:  # Notebook 7 has errors of its own while it starts
        assert opened.errors == []


def test_closed_and_opened_again_in_the_same_window(notebook, window, lab):
    opened = notebook("same-window", [QUESTION], QUIZ.format(name="same-window"))
    expect(opened.page.locator("[data-featlib] .fq")).to_be_visible()
    opened.save()
    window.tidy()
    again = window.open("same-window", "light")
    expect(again.page.locator(".jp-OutputArea")).to_contain_text("Run this cell to answer.")
    expect(again.widget).to_have_count(0)
    again.run_all()
    again.widget.get_by_label("$7").check()
    again.widget.get_by_role("button", name="Check").click()
    expect(again.widget).to_contain_text("1 of 1 right")
    expect(again.widget).to_have_count(1)


WAITS = """import time, featlib
from featlib.widgets import base
def late(*content, update=base.update_display, **options):
    time.sleep(3)
    update(*content, **options)
base.update_display = late
featlib.show_quiz('{name}.json')"""


def test_what_is_typed_before_the_view_moves_stays(notebook):
    question = {"id": "h", "type": "string", "question": "H?"}
    quiz = [question | {"answers": [{"answer": "height", "correct": True}]}]
    opened = notebook("moves", quiz, WAITS.format(name="moves"), place=".jp-OutputArea ")
    field = opened.widget.get_by_label("Your answer")
    field.fill("hight")
    field.press("ArrowLeft")
    expect(opened.page.locator("[data-featlib] .fq")).to_have_count(0)
    expect(opened.page.locator("[data-featlib] .fq")).to_have_count(1)
    expect(field).to_have_value("hight")
    expect(field).to_be_focused()
    field.fill("height")
    field.press("Enter")
    expect(opened.widget).to_contain_text("1 of 1 right")
    assert opened.errors == []
