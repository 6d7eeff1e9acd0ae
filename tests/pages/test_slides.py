"""Slides: which cell begins one, what they hold, and that they ask the network for nothing."""

import base64
import copy
import re
from html import unescape
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from featlib import FeatlibError, plots, quiz
from featlib.pages import slides
from featlib.quiz import html as quiz_html

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def kinds(*cells):
    """Arrange cells and return their kinds."""
    notebook = slides.arrange(new_notebook(cells=copy.deepcopy(list(cells))))
    return [cell.metadata.slideshow.slide_type for cell in notebook.cells]


def code(source, *outputs):
    return new_code_cell(source, outputs=list(outputs))


def printed(text):
    return new_output("stream", name="stdout", text=text)


@pytest.fixture(scope="module")
def figure():
    drawn = plots.bars({"a": 0.1, "b": 0.2}, title="t", xlabel="x", ylabel="y")
    data, metadata = drawn._repr_mimebundle_()
    data["image/png"] = base64.b64encode(data["image/png"]).decode()
    return new_output("execute_result", data, metadata=metadata)


HEADING = new_markdown_cell("## Frozen")
WORDS = new_markdown_cell("A few words.")


def quiz_output(found, **changes):
    """Return what the cell of a quiz keeps: HTML, and the questions as JSON."""
    data = {"text/plain": "Quiz", "text/html": quiz_html.form(found), quiz.MIME: found.to_dict()}
    return new_output("execute_result", data | changes)


def deck_output(deck, **changes):
    data = {"text/html": quiz_html.cards(deck), quiz.DECK_MIME: quiz.deck_to_dict(deck)}
    return new_output("execute_result", data | changes)


def show(*outputs):
    return slides.html(new_notebook(cells=[HEADING, code("show()", *outputs)]))


def test_a_heading_begins_a_slide_and_what_fits_stays_on_it():
    assert kinds(new_markdown_cell("# T"), HEADING, WORDS, code("1 + 1", printed("2\n"))) == [
        "slide", "slide", "-", "-",
    ]  # fmt: skip


def test_what_does_not_fit_begins_a_subslide():
    long, again = (code("\n".join(f"print({i})" for i in range(15))) for _ in range(2))
    assert kinds(HEADING, long, again) == ["slide", "-", "subslide"]


def test_words_stay_with_the_code_that_they_lead_to():
    long, again = (code("\n".join(f"print({i})" for i in range(13))) for _ in range(2))
    assert kinds(HEADING, long, WORDS, again) == ["slide", "-", "subslide", "-"]


def test_imports_long_code_and_long_prose_are_told_and_not_shown():
    prose = new_markdown_cell("word " * 60)
    assert kinds(HEADING, code("import torch")) == ["slide", "notes"]
    assert kinds(HEADING, code("x = 1\n" * 30)) == ["slide", "notes"]
    assert kinds(HEADING, prose) == ["slide", "notes"]
    assert kinds(HEADING, new_markdown_cell("**B**. " + "word " * 60)) == ["slide", "-"]


def test_links_to_neighbors_are_skipped():
    links = new_markdown_cell("[← 00](00.ipynb) · [map](00.ipynb#The-map)")
    assert (
        kinds(HEADING, links, new_raw_cell("raw"), new_markdown_cell(""))
        == ["slide"] + ["skip"] * 3
    )


@pytest.mark.parametrize("path", NOTEBOOKS[:7], ids=[path.stem for path in NOTEBOOKS[:7]])
def test_arranging_twice_changes_nothing(path):
    notebook = slides.arrange(nbformat.read(path, as_version=4))
    once = nbformat.writes(notebook)
    assert nbformat.writes(slides.arrange(notebook)) == once


def test_a_notebook_that_was_arranged_by_hand_is_followed():
    cells = [HEADING.copy(), WORDS.copy()]
    cells[1].metadata = {"slideshow": {"slide_type": "slide"}}
    page = slides.html(new_notebook(cells=cells))
    assert page.count("<section>") == 4  # each slide is a stack of one
    cells[1].metadata = {"slideshow": {"slide_type": "skip"}}
    assert "A few words" not in slides.html(new_notebook(cells=cells))


def test_a_figure_has_its_alternative_text_and_its_drawing_code_is_told(figure):
    page = slides.html(new_notebook(cells=[HEADING, code("plots.bars(\n    values,\n)", figure)]))
    image = re.search(r'<div class="figure"><img ([^>]+)', page)[1]
    assert 'alt="t: a 0.100, b 0.200."' in image
    assert 'src="data:image/png;base64,' in image
    assert re.search(r'<aside class="notes">\s*<div class="code">', page)


def test_a_figure_goes_to_the_next_page_when_its_code_fills_one(figure):
    long = code("x = 1\n" * 18 + "plots.bars(x)", figure)
    page = slides.html(new_notebook(cells=[HEADING, long]))
    assert page.count('class="page"') == 3
    assert page.count('<p class="running">Frozen</p>') == 2


def test_a_quiz_has_a_page_for_each_question_and_no_heading_of_its_own():
    output = quiz_output(quiz.load("03_feature_extraction"))
    cells = [HEADING, new_markdown_cell("## Quiz\n\nNo clock."), code("show_quiz()", output)]
    assert kinds(*cells) == ["slide", "skip", "slide"]
    page = slides.html(new_notebook(cells=cells))
    assert page.count('<div class="question">') == 6
    assert [f'<ol start="{n}">' in page for n in (1, 6, 7)] == [True, True, False]
    assert page.count("<summary>Answer</summary>") == 6
    assert "No clock" not in page
    assert "show_quiz" not in page
    assert page.count('<p class="running">Quiz</p>') == 6


def words(html):
    """Return the text of some HTML; nbconvert writes the tags in its own way."""
    return unescape(re.sub(r"<[^>]*>", "", html))


@pytest.mark.parametrize("name", quiz.names())
def test_each_question_is_on_its_page_with_its_answer(name):
    found = quiz.load(name)
    page = show(quiz_output(found))
    pages = re.findall(r'<div class="question">(.*?)</details></li></ol></div>', page, re.DOTALL)
    assert len(pages) == len(found.questions)
    for question, shown in zip(found.questions, pages, strict=True):
        asked, answer = map(words, shown.split("<details><summary>Answer</summary>"))
        assert asked.startswith(f"{found.title} – {len(pages)} questions")
        assert words(quiz_html.rich(question.text, question.format)) in asked
        assert words(quiz_html.rich(question.explanation, question.format)) in answer
        if question.type in ("multiple_choice", "many_choice"):
            for choice in question.answers:
                text = words(quiz_html.choice(question, choice))
                assert text in asked
                assert text in answer or not choice["correct"]


def test_pages_come_from_the_questions_and_not_from_the_html():
    page = show(quiz_output(quiz.load("03_feature_extraction"), **{"text/html": "<p>other</p>"}))
    assert page.count('<div class="question">') == 6
    assert "<p>other</p>" not in page


def test_flashcards_come_four_to_a_page():
    deck = quiz.load_deck()[:10]
    page = show(deck_output(deck))
    groups = re.findall(r'<div class="cards">(.*?)</div>', page, re.DOTALL)
    assert [group.count("<details>") for group in groups] == [4, 4, 2]
    assert page.count('<p class="running">Flashcards</p>') == 3
    fronts = re.findall(r"<summary>(.*?)</summary>", "".join(groups), re.DOTALL)
    assert fronts == [quiz_html.rich(card.front, "markdown") for card in deck]
    for card, group in zip(deck, [groups[i // 4] for i in range(10)], strict=True):
        assert f"</summary>{quiz_html.rich(card.back, 'markdown')}</details>" in group


GOOD = quiz.load("03_feature_extraction").to_dict()
DAMAGED = {
    "nothing": None,
    "a number": 3,
    "text": "{",
    "a list": [1],
    "another object": {"a": 1},
    "no questions": GOOD | {"questions": []},
    "a number as question": GOOD | {"questions": [3]},
    "an unknown field": GOOD | {"questions": [GOOD["questions"][0] | {"new": 1}]},
    "a text of another type": GOOD | {"questions": [GOOD["questions"][0] | {"text": 5}]},
    "no answers": GOOD | {"questions": [GOOD["questions"][0] | {"answers": []}]},
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("mime", [quiz.MIME, quiz.DECK_MIME])
def test_damaged_data_are_left_out_and_the_html_is_shown(data, mime):
    output = new_output("execute_result", {"text/html": "<p>as HTML</p>", mime: data})
    page = slides.html(new_notebook(cells=[HEADING, WORDS, code("show()", output)]))
    assert "<p>as HTML</p>" in page
    assert "A few words." in page
    assert 'class="question"' not in page
    assert 'class="cards"' not in page


def test_html_alone_is_shown_like_any_other_output():
    html = quiz_html.form(quiz.load("03_feature_extraction"))
    page = show(new_output("execute_result", {"text/html": html}))
    assert html in page
    assert 'class="question"' not in page


def test_script_in_a_quiz_of_somebody_else_is_text():
    evil = "<script>alert(1)</script>"
    question = GOOD["questions"][0] | {"text": evil, "explanation": evil, "format": "markdown"}
    page = show(quiz_output(quiz.Quiz.from_dict(GOOD | {"title": evil, "questions": [question]})))
    assert page.count('<div class="question">') == 1
    assert evil not in page


def test_an_empty_cell_before_a_quiz_does_no_harm():
    output = quiz_output(quiz.load("03_feature_extraction"))
    assert kinds(HEADING, new_markdown_cell(""), code("x", output)) == ["slide", "skip", "slide"]


def test_a_document_inside_an_output_is_left_out():
    output = new_output("execute_result", {"text/html": "<!doctype html><style>p {}</style>a page"})
    assert "a page" not in slides.html(new_notebook(cells=[HEADING, code("HTML(x)", output)]))


def test_links_lead_to_slides_and_formulas_are_mathml():
    text = "## T\n\n[next](04_train.ipynb#loop) and $e^0 = 1$ and `$HOME or $x`"
    page = slides.html(new_notebook(cells=[new_markdown_cell(text)]))
    assert 'href="04_train.slides.html"' in page
    assert "<math" in page
    assert "$HOME or $x" in page


def test_text_is_escaped(tmp_path):
    evil = "<script>alert(1)</script>"
    cells = [HEADING, code(f"print('{evil}')", printed(evil))]
    page = slides.html(new_notebook(cells=cells), title=evil)
    assert evil not in page


def test_reveal_comes_with_its_license():
    assert "Hakim El Hattab" in (slides.REVEAL / "LICENSE").read_text()
    size = sum(path.stat().st_size for path in slides.REVEAL.iterdir())
    assert size < 300_000


def test_find_takes_beginnings_and_files(tmp_path):
    assert slides.find_notebooks() == NOTEBOOKS
    assert [path.stem[:2] for path in slides.find_notebooks(["03", "01", "03"])] == ["03", "01"]
    own = tmp_path / "own.ipynb"
    nbformat.write(new_notebook(cells=[HEADING]), own)
    assert slides.find_notebooks([str(own)]) == [own]
    with pytest.raises(FeatlibError, match=r"03_feature_extraction.*'99'"):
        slides.find_notebooks(["99"])


def test_export_says_what_is_wrong(tmp_path):
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{")
    with pytest.raises(FeatlibError, match=r"broken\.ipynb"):
        slides.export(broken, tmp_path)
    for nothing_to_show in ([], [code("import torch")]):
        nbformat.write(new_notebook(cells=nothing_to_show), broken)
        with pytest.raises(FeatlibError, match="at least one cell"):
            slides.export(broken, tmp_path)
    with pytest.raises(FeatlibError, match="Check the path"):
        slides.export(tmp_path / "none.ipynb", tmp_path)
    with pytest.raises(FeatlibError, match="another folder"):
        slides.export(NOTEBOOKS[0], broken)
