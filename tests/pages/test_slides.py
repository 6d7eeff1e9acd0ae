"""Slides: which cell begins one, what they hold, and that they ask the network for nothing."""

import base64
import copy
import json
import re
from html import unescape
from pathlib import Path
from time import process_time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from featlib import FeatlibError, plots, quiz
from featlib.pages import reveal, slides
from featlib.pages.safe_html import clean
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


def test_a_cell_that_is_tagged_for_removal_is_skipped():
    install = new_code_cell("pip_install()", metadata={"tags": ["remove-cell"]})
    assert kinds(HEADING, install, code("x")) == ["slide", "skip", "-"]
    assert "pip_install" not in slides.html(new_notebook(cells=[HEADING, install, code("x")]))


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
    found = quiz.load("03_feature_extraction")
    output, asked = quiz_output(found), len(found.questions)
    cells = [HEADING, new_markdown_cell("## Quiz\n\nNo clock."), code("show_quiz()", output)]
    assert kinds(*cells) == ["slide", "skip", "slide"]
    page = slides.html(new_notebook(cells=cells))
    assert page.count('<div class="question">') == asked > 1
    starts = [f'<ol start="{n}">' in page for n in (1, asked, asked + 1)]
    assert starts == [True, True, False]
    assert page.count("<summary>Answer</summary>") == asked
    assert "No clock" not in page
    assert "show_quiz" not in page
    assert page.count('<p class="running">Quiz</p>') == asked


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
    found = quiz.load("03_feature_extraction")
    page = show(quiz_output(found, **{"text/html": "<p>other</p>"}))
    assert page.count('<div class="question">') == len(found.questions)
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
    assert clean(html) in page
    assert 'aria-label="Quiz' not in page, "a section would be a slide of its own"
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
    assert "Hakim El Hattab" in (reveal.REVEAL / "LICENSE").read_text()
    size = sum(path.stat().st_size for path in reveal.REVEAL.iterdir())
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
    for nothing_to_show in ([], [code("import torch")], [new_raw_cell("raw")]):
        nbformat.write(new_notebook(cells=nothing_to_show), broken)
        with pytest.raises(FeatlibError, match="at least one cell"):
            slides.export(broken, tmp_path)
    with pytest.raises(FeatlibError, match="Check the path"):
        slides.export(tmp_path / "none.ipynb", tmp_path)
    with pytest.raises(FeatlibError, match="another folder"):
        slides.export(NOTEBOOKS[0], broken)


CELL = {"cell_type": "code", "source": "", "outputs": [], "execution_count": None, "metadata": {}}
NO_NOTEBOOKS = {
    "empty": "",
    "spaces": " ",
    "half": '{"cells": [',
    "words": "no notebook",
    "null": "null",
    "a list": "[1]",
    "a number": "3",
    "an object": "{}",
    "deep": "[" * 100_000,
    "deep metadata": '{"nbformat": 4, "cells": [], "metadata": ' + '{"a":' * 900 + "1" + "}" * 901,
    "format 3": '{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}',
    "format 2": '{"nbformat": 2, "nbformat_minor": 0, "metadata": {}, "worksheets": []}',
    "format 5": '{"nbformat": 5, "nbformat_minor": 0, "metadata": {}, "cells": []}',
    "format of another kind": '{"nbformat": "\\u001b[31m4", "metadata": {}, "cells": []}',
    "no cells": '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    "cells of another kind": '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}',
} | {
    f"a cell with {words}": json.dumps(
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    )
    for words, cell in {
        "no fields": {},
        "another type": CELL | {"cell_type": "\x1b[31m"},
        "a number as source": CELL | {"source": 3},
        "numbers as source": CELL | {"source": [1, 2]},
        "outputs of another kind": CELL | {"outputs": 3},
        "an output of another kind": CELL | {"outputs": [3]},
        "an output without data": CELL | {"outputs": [{"output_type": "display_data"}]},
        "a number as HTML": CELL
        | {"outputs": [{"output_type": "display_data", "data": {"text/html": 3}, "metadata": {}}]},
        "a traceback of another kind": CELL
        | {"outputs": [{"output_type": "error", "ename": "", "evalue": "", "traceback": 3}]},
        "metadata of another kind": CELL | {"metadata": 3},
    }.items()
}


@pytest.mark.parametrize("text", NO_NOTEBOOKS.values(), ids=NO_NOTEBOOKS)
def test_what_is_no_notebook_is_refused_in_words(text, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FeatlibError, match=r"JupyterLab|Get the file|at least one cell") as refused:
        slides.export(path, tmp_path)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00" * 100, bytes(range(256))])
def test_bytes_that_are_no_text_are_refused(content, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(FeatlibError, match="JupyterLab"):
        slides.export(path, tmp_path)


@pytest.mark.parametrize("value", [None, 3, "x", {}, [], {"cells": []}])
def test_html_and_arrange_refuse_what_is_no_notebook(value):
    for function in (slides.html, slides.arrange):
        with pytest.raises(FeatlibError, match="a notebook"):
            function(value)


def test_a_notebook_that_was_never_run_is_refused_with_the_way_on(tmp_path):
    path = tmp_path / "new.ipynb"
    cells = [HEADING, code("1 + 1")]
    nbformat.write(new_notebook(cells=cells), path)
    with pytest.raises(FeatlibError, match=r"new\.ipynb.*Run All Cells"):
        slides.export(path, tmp_path)
    cells[1].execution_count = 1  # it was run, and said nothing
    nbformat.write(new_notebook(cells=cells), path)
    assert slides.export(path, tmp_path).exists()


ERROR = new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])
PARTLY = {
    "half run": ([code("1", printed("1")), code("2")], "1 of 2 code cells was never run"),
    "cleared": ([new_code_cell("1", execution_count=1)], "no code cell shows anything"),
    "stopped": ([code("1 / 0", ERROR)], "a cell stopped with ZeroDivisionError"),
    "an error that is meant": (
        [new_code_cell("1 / 0", outputs=[ERROR], metadata={"tags": ["raises-exception"]})], "",
    ),
    "all run": ([code("1", printed("1")), new_code_cell("a = 1", execution_count=2)], ""),
    "no code": ([code(" ")], ""),
}  # fmt: skip


@pytest.mark.parametrize("case", PARTLY)
def test_what_was_not_run_is_said(case, tmp_path, caplog):
    cells, said = PARTLY[case]
    nbformat.write(new_notebook(cells=[HEADING, *cells]), tmp_path / "own.ipynb")
    slides.export(tmp_path / "own.ipynb", tmp_path)
    assert said in caplog.text
    assert bool(said) == ("Run All Cells" in caplog.text)


def test_an_old_page_stays_when_the_new_one_cannot_be_written(tmp_path, monkeypatch):
    page = slides.export(NOTEBOOKS[0], tmp_path)
    before = page.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(FeatlibError, match="No space left"):
        slides.export(NOTEBOOKS[0], tmp_path)
    assert page.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [page.name]


def test_lists_of_lines_are_text(figure):
    cells = [
        nbformat.from_dict(HEADING | {"source": ["## Fro", "zen"]}),
        code(["x\n", "y"], new_output("display_data", {"text/html": ["<b>a", "b</b>"]})),
        code("x", new_output("stream", text=["a\n", "b"])),
    ]
    page = slides.html(new_notebook(cells=cells))
    assert "Frozen" in page
    assert "<b>ab</b>" in page


def test_the_policy_comes_first_and_names_a_mark_that_the_notebook_cannot_know():
    pages = [slides.html(new_notebook(cells=[new_markdown_cell(f"## {n}")])) for n in (1, 2, 1)]
    found = [re.search(r"script-src 'nonce-(\w{32,})'", page)[1] for page in pages]
    assert found[0] == found[2] != found[1]
    for page, nonce in zip(pages, found, strict=True):
        assert page.index("Content-Security-Policy") < page.index("<title>")
        assert "default-src 'none'" in page
        assert re.findall("<script ([^ >]*)", page) == [f'nonce="{nonce}"'] * 3


def test_no_control_characters_get_into_a_page():
    evil = "a\x1b]0;x\x07\x1b[31mb\x00\x08\x7f"
    outputs = [printed(evil), new_output("display_data", {"text/plain": evil})]
    page = slides.html(new_notebook(cells=[new_markdown_cell(f"## {evil}"), code(evil, *outputs)]))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", page)


def test_a_script_or_a_widget_gives_way_to_the_words_beside_it():
    for kind in ("application/javascript", "application/vnd.jupyter.widget-view+json", "x/y"):
        page = show(new_output("display_data", {kind: "SCRIPT", "text/plain": "words beside"}))
        assert "words beside" in page
        assert "SCRIPT" not in page


@pytest.mark.parametrize("data", ["a", "é" * 40, "=" * 9, "iVBORw0KGgo", '"><b>'])
def test_a_figure_that_is_none_is_no_obstacle(data):
    output = new_output("display_data", {"image/png": data}, metadata={"image/png": 3})
    assert 'alt="Figure"' in show(output)


@pytest.mark.parametrize("said", [3, None, "slide", [], {"slide_type": []}, {"slide_type": {}}])
def test_slideshow_metadata_of_another_kind_are_as_none(said):
    cell = new_markdown_cell("A few words.", metadata={"slideshow": said})
    assert "A few words." in slides.html(new_notebook(cells=[cell]))


def test_colors_that_end_early_are_no_obstacle():
    for text in ("\x1b[38mx", "\x1b[38;5mx", "\x1b[48;2;1mx", "\x1b[" + "9" * 5000 + "mx"):
        assert "x</pre>" in show(printed(text))


HEAVY = {
    "colors": printed("\x1b[31mx" * 200_000),
    "open elements": new_output("display_data", {"text/html": "<div>" * 100_000}),
    "open lists": new_output("display_data", {"text/html": "<ul><li>" * 50_000}),
    "marks that begin again": new_output("display_data", {"text/html": "".join(
        f"<i title={n}>" for n in range(400)) + "<p>x" * 20_000}),
    "spaces": new_output("display_data", {"text/markdown": "a" + " " * 200_000 + "b"}),
    "environments": new_output("display_data", {"text/markdown": "\\begin{a}" * 20_000}),
}  # fmt: skip


@pytest.mark.parametrize("output", HEAVY.values(), ids=HEAVY)
def test_no_output_takes_for_ever(output):
    before = process_time()
    show(output)
    assert process_time() - before < 10  # seconds; each took minutes


def test_no_prose_takes_for_ever():
    heavy = ["a" + "\n" * 200_000 + "b", "$" + "{" * 20_000 + "}" * 20_000 + "$", "](" * 50_000]
    before = process_time()
    slides.html(new_notebook(cells=[new_markdown_cell(text) for text in ["## T", *heavy]]))
    assert process_time() - before < 10
