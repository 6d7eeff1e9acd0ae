"""One deck for a talk: the plan's order, its words as notes, numbers from what cells print."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from featlib import FeatlibError
from featlib.cli import main
from featlib.engine import own_picture
from featlib.pages import talk, talk_plans
from featlib.pages.talk_plans import Page, Plan, Step
from featlib.quiz import Progress, find_guess

ROOT = Path(__file__).parents[2]
DOT = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAA"
    "AABJRU5ErkJggg=="
)


def notebook():
    """Return a notebook with a figure, a table, a printed line, and a cell without an output."""
    figure = new_output("display_data", {"image/png": DOT, "text/plain": "Figure: pixels 0.375."})
    figure.metadata["image/png"] = {"alt": 'A "bar".'}
    table = "<table><tr><td>512</td></tr></table><script>steal()</script>"
    outputs = {
        "a-figure": [figure],
        "a-table": [new_output("display_data", {"text/html": table})],
        "a-line": [new_output("stream", text="1,000 <b>pictures</b>\n")],
        "nothing": [],
    }
    cells = []
    for name, shown in outputs.items():
        cells.append(new_code_cell("1 + 1", outputs=shown))
        cells[-1].id = name
    return new_notebook(cells=cells)


def plan(*pages, **changes):
    step = Step((0, 6), "pixels", "Ask *them*.", tuple(pages))
    facts = {"pixels": ("a-figure", r"pixels ([\d.]+)\."), "all": ("a-line", r"([\d,]+)")}
    return replace(Plan("A talk", (), facts, (step,)), **changes)


def page(*pages, **changes):
    return talk.html(plan(*pages, **changes), [notebook()])


def test_a_headline_takes_its_numbers_from_what_a_cell_printed():
    text = page(Page("{pixels:.0%} of {all:,.0f}"))
    assert "38% of 1,000" in text


def test_a_page_shows_the_output_of_its_cells():
    text = page(Page("Three", cells=("a-figure", "a-table", "a-line")))
    assert f'src="data:image/png;base64,{DOT}" alt="A &#34;bar&#34;."' in text
    assert "<td>512</td>" in text
    assert "steal" not in text
    assert "1,000 &lt;b&gt;pictures&lt;/b&gt;" in text


def test_the_words_of_the_step_and_the_page_are_notes_of_the_speaker():
    text = page(Page("One", say="It has {pixels:.2f}."), Page("Two"))
    first, second = re.findall(r"<section.*?</section>", text, re.S)
    assert "<em>them</em>" in first
    assert "It has 0.38." in first
    assert "notes" not in second


def test_in_a_lesson_the_notes_say_where_and_what_learners_do():
    step = Step((0, 6), "03", "Ask.", (Page("One"),), "They read [this](there.html#a) alone.")
    first = re.search(r"<aside.*?</aside>", page(steps=(step,)), re.S)[0]
    assert "<strong>03.</strong> They read this alone." in first
    assert "<p>Ask.</p>" in first


def test_each_page_has_its_share_of_the_minutes():
    text = page(Page("One"), Page("Two"))
    assert re.findall(r'data-timing="(\d+)"', text) == ["180", "180"]
    assert re.findall(r"minute ([\d.]+) of 6", text) == ["0", "3"]


def test_a_guess_has_sliders_and_its_answer_a_place_for_what_the_room_said():
    text = page(Page("Guess", guess="00-proof"), Page("See", answers="00-proof"))
    assert text.count('<input type="range"') == 3
    assert 'data-answers="00-proof"' in text
    assert "Which share" in text


def test_a_question_has_its_choices_and_its_answer_comes_with_a_click():
    text = page(Page("Vote", question="00_start_here/what-is-frozen"))
    assert text.count('<li class="right">') == 2
    assert 'class="fragment answer"' in text


WRONG = [
    (Page("x", cells=("none",)), {}, "'none'"),
    (Page("x", cells=("nothing",)), {}, "no output"),
    (Page("{unknown}"), {}, "'unknown'"),
    (Page("{pixels"), {}, "pixels"),
    (Page("{pixels:q}"), {}, "'q'"),
    (Page("x", guess="00-prof"), {}, "00-proof"),
    (Page("x", question="00_start_here/none"), {}, "what-is-frozen"),
    (Page("x", question="none"), {}, "none"),
    (Page("x"), {"facts": {"n": ("a-line", "no such (.)")}}, "the fact 'n'"),
    (Page("x"), {"facts": {"n": ("a-line", "<(b)>")}}, "the fact 'n'"),
    (Page("x"), {"facts": {"n": ("none", "(.)")}}, "'none'"),
]


@pytest.mark.parametrize(("shown", "changes", "said"), WRONG)
def test_what_is_not_there_is_named(shown, changes, said):
    with pytest.raises(FeatlibError, match=re.escape(said)):
        page(shown, **changes)


def stored(**changes):
    """Return a plan as a file holds it."""
    step = {"minutes": [0, 1], "show": "a", "say": "b", "pages": [{"headline": "c"}]}
    return {"title": "A talk", "notebooks": [], "steps": [step | changes.pop("step", {})]} | changes


FAULTY = [
    ([], "list"),
    ({}, "'notebooks' is missing"),
    (stored(extra=1), "'extra' is unknown"),
    (stored(title=3), "'title' is no text"),
    (stored(steps=[]), "no steps"),
    (stored(steps=[3]), "step 1"),
    (stored(step={"minutes": [0]}), "unpack"),
    (stored(step={"minutes": [0, 0]}), "minutes"),
    (stored(step={"minutes": [3, 1]}), "minutes"),
    (stored(step={"minutes": "ab"}), "convert"),
    (stored(step={"pages": [{}]}), "'headline' is missing"),
    (stored(step={"pages": [{"headline": 3}]}), "'headline' is no text"),
    (stored(step={"pages": [{"headline": "a", "cells": [3]}]}), "'cells' is no text"),
    (stored(step={"pages": 3}), "int"),
    (stored(facts={"a": ["b", "("]}), "fact 'a'"),
    (stored(facts={"a": ["b", "c"]}), "fact 'a'"),
    (stored(facts={"a": 3}), "int"),
    (stored(notebooks=[3]), "'notebooks' is no text"),
]


@pytest.mark.parametrize(("data", "said"), FAULTY)
def test_a_faulty_plan_is_refused_with_its_place(data, said, tmp_path):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(data))
    with pytest.raises(FeatlibError, match=re.escape(said)):
        talk_plans.load_plan(str(file))


@pytest.mark.parametrize("name", ["13", "", "plan", "none.json"])
def test_an_unknown_plan_is_refused(name):
    with pytest.raises(FeatlibError, match=r"12|none\.json"):
        talk_plans.load_plan(name)


def test_a_plan_of_ones_own_makes_a_deck(tmp_path):
    nbformat.write(notebook(), tmp_path / "mine.ipynb")
    own = stored(
        notebooks=[str(tmp_path / "mine.ipynb")],
        step={"pages": [{"headline": "Mine", "cells": ["a-figure"]}]},
    )
    (tmp_path / "mine.json").write_text(json.dumps(own))
    command = ["slides", "--talk", str(tmp_path / "mine.json"), "--as-saved", "--out"]
    assert main([*command, str(tmp_path / "out")]) == 0
    assert "Mine" in (tmp_path / "out" / "talk-mine.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_notebooks_are_executed_with_large_sharp_figures_and_stay_as_they_are(tmp_path):
    code = 'from featlib import plots\nplots.bars({"a": 0.5}, title="t", xlabel="x", ylabel="y")'
    cell = new_code_cell(code)
    file = tmp_path / "mine.ipynb"
    nbformat.write(new_notebook(cells=[cell]), file)
    before = file.read_bytes()
    (executed,) = talk.execute([file], progress=False)
    assert executed.cells[0].id == cell.id
    assert executed.cells[0].outputs[0].metadata["image/png"]["smallest"] > 25
    assert file.read_bytes() == before


def test_nothing_of_the_speakers_gets_into_a_deck(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "own"))
    Progress().add_guess(guess := find_guess("00-proof"), [0.1, 0.2, 0.3])
    own_picture.keep(base64.b64decode(DOT))
    assert guess.key in Progress().guesses()
    code = (
        "from featlib import images, quiz\n"
        "print(images.my_caption(), len(quiz.Progress().guesses()))"
    )
    nbformat.write(new_notebook(cells=[new_code_cell(code)]), tmp_path / "mine.ipynb")
    (executed,) = talk.execute([tmp_path / "mine.ipynb"], progress=False)
    assert executed.cells[0].outputs[0].text == "cat face 0\n"


@pytest.mark.long
def test_a_notebook_that_fails_is_named(tmp_path):
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), tmp_path / "mine.ipynb")
    with pytest.raises(FeatlibError, match="ZeroDivisionError: division by zero"):
        talk.execute([tmp_path / "mine.ipynb"], progress=False)


@pytest.mark.parametrize("name", talk_plans.names())
def test_the_plans_of_featlib_fit_the_notebooks(name, tmp_path):
    found = talk_plans.load_plan(name)
    assert found.minutes == int(name)
    text = talk.export(name, tmp_path, as_saved=True).read_text(encoding="utf-8")
    pages = text.count('<section data-timing="')
    assert pages == sum(len(step.pages) for step in found.steps) >= len(found.steps)
    assert pages <= 2 * found.minutes
    timed = sum(map(int, re.findall(r'data-timing="(\d+)"', text)))
    assert abs(timed - 60 * found.minutes) < pages


@pytest.mark.parametrize("name", talk_plans.names())
def test_what_a_plan_lets_the_room_guess_is_answered_on_a_later_page(name):
    pages = [page for step in talk_plans.load_plan(name).steps for page in step.pages]
    guesses = [page.guess for page in pages if page.guess]
    assert guesses
    assert guesses == [page.answers for page in pages if page.answers]


@pytest.mark.parametrize("name", talk_plans.names())
def test_the_guide_has_the_same_plan(name):
    table = talk_plans.guide_table(talk_plans.load_plan(name))
    assert table in (ROOT / "notebooks" / "INSTRUCTOR.md").read_text(encoding="utf-8")
