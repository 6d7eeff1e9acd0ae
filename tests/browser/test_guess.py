"""A guess in JupyterLab: by keyboard alone, by mouse, drawn over the truth, and opened again."""

import json
import shutil

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab_pages import Notebook
from nbformat.v4 import new_code_cell
from playwright.sync_api import expect

RANGE = {"prompt": "Which **share** is right, $1/2$?", "low": 0, "high": 1, "unit": "share right"}
GUESSES = {
    "slider": RANGE | {"kind": "slider", "step": 0.01},
    "bars": RANGE | {"kind": "bars", "step": 0.1, "labels": ["raw pixels", "features"]},
    "choice": {"kind": "choice", "prompt": "Which is best?", "labels": ["raw pixels", "features"]},
    "curve": RANGE | {"kind": "curve", "step": 0.05, "x": [1, 2, 3, 4, 5], "xlabel": "epoch"},
}
CODE = """import featlib
from featlib import plots
guess = featlib.predict_first({kind!r}, file='{name}.json')"""
FIGURE = """figure = plots.bars({"raw pixels": 0.4, "features": 0.9}, title="t", xlabel="x",
    ylabel="y", guess=guess)
print(figure.alt)
figure"""
LINES = """figure = plots.curves({"training": [0.5, 0.6, 0.7, 0.8, 0.9]}, title="t", xlabel="x",
    ylabel="y", guess=guess)
print(figure.alt)
figure"""
REVEAL = "guess.reveal(0.8)"


@pytest.fixture(autouse=True)
def no_guesses(lab):
    shutil.rmtree(lab.notebooks.parent / "data", ignore_errors=True)


@pytest.fixture
def ask(notebook, lab):
    """Return a function that opens a notebook with a question and the cell that measures."""

    def open_notebook(name, kind, then, theme="light"):
        write = lab.write

        def with_figure(name, data, code):
            write(name, data, code)
            file = lab.notebooks / f"{name}.ipynb"
            made = nbformat.read(file, as_version=4)
            made.cells.append(new_code_cell(then))
            nbformat.write(made, file)

        lab.write = with_figure
        try:
            return notebook(name, GUESSES, CODE.format(kind=kind, name=name), theme)
        finally:
            lab.write = write

    return open_notebook


def axe(page):
    found = Axe().run(page, context=".fq").response["violations"]
    return [violation["id"] for violation in found]


def printed(opened, words):
    """Wait for what the cell that measures has printed; it imports torch first."""
    lines = opened.page.locator(".jp-RenderedText", has_text=words)
    lines.first.wait_for(timeout=120_000)
    return lines.first.inner_text()


@pytest.mark.long
@pytest.mark.usefixtures("new_window")
def test_run_all_needs_no_guess_and_a_guess_is_drawn_over_the_truth(ask):
    opened = ask("guess-bars", "bars", FIGURE, "dark")
    page, widget, press = opened.page, opened.widget, opened.page.keyboard.press
    focus = page.locator(":focus")
    assert "your guess" not in printed(opened, "features 0.900")
    expect(widget.locator("math")).to_have_count(1)
    assert axe(page) == []

    widget.get_by_role("slider", name="raw pixels").focus()
    for _ in range(2):
        press("ArrowLeft")
    press("Tab")
    expect(focus).to_have_accessible_name("features")
    press("Tab")
    expect(focus).to_have_text("Keep my guess")
    press("Enter")
    expect(widget.get_by_role("status")).to_have_text("Move each bar first.")
    press("Shift+Tab")
    press("Space")  # the middle is a guess, too
    press("ArrowRight")
    press("Tab")
    press("Enter")
    expect(widget.get_by_role("status")).to_contain_text("Your guess is kept.")
    expect(focus).to_have_text("Change my guess")
    assert axe(page) == []

    opened.run_all()
    printed(opened, "your guess: raw pixels 0.3, features 0.6")
    expect(opened.widget).to_contain_text("Measured: raw pixels 0.4, features 0.9.")
    expect(opened.widget).to_contain_text("features 0.6 (0.3 too low)")
    expect(opened.widget.get_by_role("slider", name="features")).to_be_disabled()
    assert axe(page) == []

    opened.widget.get_by_role("button", name="Forget it").focus()
    press("Enter")
    expect(opened.widget.get_by_role("status")).to_have_text("Your guess is forgotten.")
    expect(opened.widget.get_by_role("slider", name="features")).to_be_enabled()
    assert opened.errors == []


def test_a_slider_and_its_result_by_keyboard(ask):
    opened = ask("guess-slider", "slider", REVEAL)
    press, widget = opened.page.keyboard.press, opened.widget
    printed(opened, "Measured: 0.80 (share right). (You made no guess.)")
    slider = widget.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", "not guessed yet")
    slider.focus()
    press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "0.51")
    expect(opened.page.locator(".jp-Notebook.jp-mod-editMode")).to_have_count(0)
    press("Enter")  # sends the form, as in any other
    expect(widget.get_by_role("status")).to_contain_text("Your guess is kept.")
    opened.run_all()
    printed(opened, "Measured: 0.80 (share right). You guessed 0.51: 0.29 too low.")
    expect(opened.widget).to_contain_text("Measured: 0.80. You guessed 0.51: 0.29 too low.")
    assert axe(opened.page) == []
    assert opened.errors == []


def test_a_choice_by_keyboard(ask):
    opened = ask("guess-choice", "choice", FIGURE)
    press, widget = opened.page.keyboard.press, opened.widget
    widget.get_by_role("button", name="Keep my guess").click()
    expect(widget.get_by_role("status")).to_have_text("Choose one first.")
    widget.get_by_label("raw pixels").focus()
    press("ArrowDown")
    expect(widget.get_by_label("features")).to_be_checked()
    press("Enter")
    expect(widget.get_by_role("status")).to_contain_text("Your guess is kept.")
    opened.run_all()
    printed(opened, "your guess: features")
    expect(opened.widget).to_contain_text("You guessed features, and that is right.")
    expect(opened.widget.get_by_label("features")).to_be_checked()
    assert axe(opened.page) == []
    assert opened.errors == []


def test_a_curve_is_drawn_by_mouse_and_by_keyboard(ask):
    opened = ask("guess-curve", "curve", LINES, "dark")
    page, widget = opened.page, opened.widget
    widget.get_by_role("button", name="Keep my guess").click()
    expect(widget.get_by_role("status")).to_have_text("Draw the curve first.")
    svg = widget.locator("svg.fq-draw")
    svg.scroll_into_view_if_needed()
    box = svg.bounding_box()

    def at(x, y):
        return box["x"] + box["width"] * x, box["y"] + box["height"] * y

    page.mouse.move(*at(0.13, 0.8))
    page.mouse.down()
    for i in range(21):
        page.mouse.move(*at(0.13 + 0.83 * i / 20, 0.8 - 0.6 * i / 20))
    page.mouse.up()
    sliders = widget.get_by_role("slider")
    drawn = [float(sliders.nth(i).input_value()) for i in range(5)]
    assert drawn == sorted(drawn)
    assert drawn[0] < 0.3 < 0.7 < drawn[4]
    sliders.nth(2).focus()
    page.keyboard.press("End")
    expect(sliders.nth(2)).to_have_attribute("aria-valuetext", "1.00")
    page.keyboard.press("Enter")
    expect(widget.get_by_role("status")).to_contain_text("Your guess is kept.")
    assert axe(page) == []
    opened.run_all()
    printed(opened, "your guess: ")
    expect(opened.widget).to_contain_text("Measured: 0.50, 0.60, 0.70, 0.80, 0.90.")
    assert opened.errors == []


def test_one_point_of_a_curve_by_keyboard_is_a_flat_curve(ask):
    opened = ask("guess-flat", "curve", LINES)
    sliders = opened.widget.get_by_role("slider")
    sliders.nth(1).focus()
    opened.page.keyboard.press("ArrowRight")
    for i in range(5):
        expect(sliders.nth(i)).to_have_attribute("aria-valuetext", "0.55")
    sliders.nth(3).focus()
    opened.page.keyboard.press("End")
    expect(sliders.nth(2)).to_have_attribute("aria-valuetext", "0.80")
    assert opened.errors == []


def test_a_late_reply_does_not_move_what_was_moved_since(lab, notebook, gate):
    code = gate.code("featlib.widgets.guess", "GuessWidget")
    code += CODE.format(kind="slider", name="guess-late")
    opened = notebook("guess-late", GUESSES, code)
    press, slider = opened.page.keyboard.press, opened.widget.get_by_role("slider")
    slider.focus()
    press("ArrowRight")
    press("Enter")
    press("End")
    gate.let_through()
    expect(opened.widget.get_by_role("status")).to_contain_text("Your guess is kept.")
    expect(opened.widget.get_by_role("button", name="Change my guess")).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", "1.00")
    press("Enter")
    gate.let_through()
    expect(opened.widget.get_by_role("status")).to_contain_text("Your guess is kept.")
    expect(slider).to_have_attribute("aria-valuetext", "1.00")
    assert opened.errors == []


@pytest.mark.long  # of every change: the same for other widgets, in test_reopened.py
def test_opened_again_without_its_kernel_the_plain_form_stands_there(lab, chromium):
    name = "guess-reopened"
    lab.write(name, GUESSES, CODE.format(kind="bars", name=name))
    page = chromium.new_page(viewport={"width": 1200, "height": 1000})
    opened = Notebook(lab, page, name)
    opened.open()
    opened.run_all()
    expect(page.locator("[data-featlib] .fq")).to_have_count(1)
    opened.save()
    saved = json.loads((lab.notebooks / f"{name}.ipynb").read_text())
    (output,) = saved["cells"][1]["outputs"]
    assert "application/vnd.jupyter.widget-view+json" not in output["data"]
    page.goto("about:blank")
    lab.end_kernels(opened.name)
    opened.errors.clear()
    opened.open()
    shown = page.locator(".jp-OutputArea-output")
    expect(shown).to_contain_text("Run this cell to answer.")
    expect(shown).to_contain_text("a number for each, from 0.0 to 1.0")
    expect(page.locator(".fq")).to_have_count(0)
    assert opened.errors == []
    page.close()
