"""Texts of quiz files as HTML: what is shown."""

import pytest

from featlib import quiz
from featlib.quiz import html


def test_markdown_renders_code_and_formulas():
    assert html.rich("call `fit` *now*", "markdown") == "call <code>fit</code> <em>now</em>"
    formula = html.rich("$e^0 = 1$", "markdown")
    assert "<msup><mi>e</mi><mn>0</mn></msup>" in formula
    assert "$" not in formula


def test_what_is_no_formula_is_shown_as_source():
    assert html.rich("costs $\\frac$", "markdown") == "costs <code>\\frac</code>"


@pytest.mark.parametrize("name", quiz.names())
def test_the_plain_form_holds_every_question_and_folds_the_answers(name):
    loaded = quiz.load(name)
    form = html.form(loaded)
    assert form.count("<details>") == form.count("</details>") == len(loaded.questions)
    for question in loaded.questions:
        assert html.rich(question.text, question.format) in form
        assert html.rich(question.explanation, question.format) in form


def test_a_choice_is_its_text_its_code_or_both():
    question = quiz.load("source_quiz").questions[0]
    both = {"answer": "a < b", "code": "x < 1"}
    assert html.choice(question, both) == "a &lt; b<pre><code>x &lt; 1</code></pre>"
    assert html.choice(question, {"code": "x"}) == "<pre><code>x</code></pre>"
    assert html.code("") == ""
