"""Which stored outputs come to life on a page, and how."""

import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from featlib import FeatlibError, quiz, web
from featlib.engine.paths import bundled
from featlib.site import measured
from featlib.site.live import below, live
from featlib.widgets.quiz import QuizWidget

PNG = "iVBORw0KGgo="
NOTEBOOKS = sorted(bundled("notebooks").glob("*.ipynb"))


def page(*outputs, source="x", known=(), shows=()):
    cell = new_code_cell(source, outputs=list(outputs))
    return live(new_notebook(cells=[new_markdown_cell("# Title"), cell]), dict(known), dict(shows))


def shown(found):
    return found.notebook.cells[1].outputs[0]


def display(**data):
    return new_output("display_data", data={k.replace("_", "/", 1): v for k, v in data.items()})


def placed(found):
    """Return the kind and the data of the one place in the output."""
    text = shown(found)["data"]["text/html"]
    (kind,) = re.findall(r'data-featlib-widget="(\w+)"', text)
    (data,) = re.findall(r'<script type="application/json">(.*)</script>', text)
    return kind, json.loads(data)


def test_a_quiz_asks_for_the_numbers_of_the_run_that_is_shown():
    asked = quiz.load("06_prediction_trace")
    output = new_output("display_data", data={quiz.MIME: asked.to_dict(), "text/html": "plain"})
    found = page(output, known={"values": {"06_prediction_trace": {"top_class": "hand"}}})
    kind, data = placed(found)
    assert kind == "quiz"
    assert found.answers == [question.key for question in asked.questions]
    (own,) = (q["values"] for q in data["questions"] if q["values"])
    assert own == {"top_class": ["hand"]}
    with pytest.raises(FeatlibError, match="top_class"):
        page(output)


@pytest.mark.parametrize(
    ("known", "truth"), [({}, None), ({"guesses": {"01-reshape": 0.02}}, 0.02)]
)
def test_a_guess_is_compared_where_its_truth_is_known(known, truth):
    asked = quiz.find_guess("01-reshape")
    output = new_output("display_data", data={quiz.GUESS_MIME: asked.to_dict()})
    found = page(output, known=known)
    kind, data = placed(found)
    assert (kind, found.guesses) == ("guess", [asked.key])
    assert (data["measured"] and data["measured"]["value"]) == truth


def test_cards_come_to_life():
    deck = quiz.deck_to_dict(quiz.load_deck()[:2])
    output = new_output("display_data", data={quiz.DECK_MIME: deck})
    kind, data = placed(page(output))
    assert (kind, len(data["cards"])) == ("flashcards", 2)


def test_what_no_output_tells_is_known_by_the_call():
    made = web.data(quiz.load("12_review"))
    shows = {"lab": lambda: made}  # any data will do
    with pytest.raises(FeatlibError, match="'lab'"):  # and `embed` is asked for a lab
        page(display(text_html="a table"), source="lab = featlib.show_lab()\nlab", shows=shows)
    found = page(display(text_html="a table"), source="print('show_lab()')", shows=shows)
    assert "a table" in shown(found)["data"]["text/html"]


def test_what_nobody_did_is_left_out():
    stream = new_output("stream", text="Measured: 0.87. (You made no guess.)\n")
    assert shown(page(stream)).text == "Measured: 0.87.\n"
    table = display(text_html="<table>0 of 7</table>")
    for call in ("quiz.progress_table", "quiz.mastery_table", "quiz.guess_table"):
        text = shown(page(table, source=f"{call}(quiz.Progress())"))["data"]["text/html"]
        assert text == '<div class="featlib-standing"></div>'
    gap = display(text_html="<p><strong>✎ Your turn.</strong> Run that cell, and this one.</p>")
    text = shown(page(gap))["data"]["text/html"]
    assert "Your turn" in text
    assert "Run that cell" not in text


def test_a_figure_keeps_its_words_and_without_words_is_refused():
    figure = new_output(
        "execute_result",
        data={"image/png": PNG, "text/plain": "Figure"},
        metadata={"image/png": {"alt": "Three bars."}},
    )
    found = page(figure)
    assert found.notebook.cells[1].metadata["mystnb"]["image"]["alt"] == "Three bars."
    assert dict(shown(found).data) == {"image/png": PNG}
    with pytest.raises(FeatlibError, match="alternative text"):
        page(display(image_png=PNG))


def test_an_error_is_refused():
    error = new_output("error", ename="ValueError", evalue="no", traceback=[])
    with pytest.raises(FeatlibError, match="ValueError"):
        page(error)


def test_a_table_is_a_region_with_its_caption_as_name():
    table = "<table><caption style='x'>Loss &amp; <b>more</b></caption><tr><td>1</td></tr></table>"
    text = shown(page(display(text_html=table)))["data"]["text/html"]
    assert 'role="region" tabindex="0" aria-label="Loss &amp; more"' in text


def test_a_page_within_a_page_gets_lower_headings():
    assert below("<main id='a'><h1>A</h1><h2 x>B</h2></main></body>\n</html>", 1) == (
        "<div id='a'><h2>A</h2><h3 x>B</h3></div>"
    )
    assert below("<hr><header>", 2) == "<hr><header>"


def test_what_is_known_is_of_featlibs_own_notebooks():
    assert [*measured.load()] == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_known_is_of_the_notebook_as_it_is(path):
    notebook, known = nbformat.read(path, as_version=4), measured.load()[path.stem]
    assert known["code"] == measured.code_of(notebook), "make notebooks"
    outputs = [o.data for c in notebook.cells for o in c.get("outputs", ()) if "data" in o]
    asked = {o[quiz.GUESS_MIME]["id"] for o in outputs if quiz.GUESS_MIME in o}
    assert asked == known.get("guesses", {}).keys()
    for found in (quiz.Quiz.from_dict(o[quiz.MIME]) for o in outputs if quiz.MIME in o):
        wanted = set().union(*(question.asks for question in found.questions))
        assert wanted == known.get("values", {}).get(found.name, {}).keys()


def test_guesses_and_values_are_recorded(tmp_path, monkeypatch, capsys):
    for owner, name in ((quiz.Guess, "record"), (QuizWidget, "__init__")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # to be put back
    monkeypatch.setattr(measured, "FILE", tmp_path / "measured.json")
    measured.FILE.write_text('{"b": {}, "mine": {"guesses": {"old": 1}}}')
    notebook = new_notebook(cells=[new_code_cell("1 + 1")])
    progress = quiz.Progress(tmp_path / "progress.jsonl")
    with measured.recorded(notebook, "mine"):
        exec(notebook.cells[0].source, {})
        quiz.Guess(quiz.find_guess("01-reshape"), progress).reveal(0)
        QuizWidget(quiz.load("06_prediction_trace"), progress, {"top_class": "hand"})
        QuizWidget(quiz.load("10_challenge"), progress)
    assert [cell.source for cell in notebook.cells] == ["1 + 1"]
    assert measured.load() == {
        "b": {},
        "mine": {
            "code": measured.code_of(notebook),
            "guesses": {"01-reshape": 0.0},
            "values": {"06_prediction_trace": {"top_class": "hand"}},
        },
    }
