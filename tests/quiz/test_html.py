"""Texts of quiz files as HTML: what is shown, and what is never let through."""

from html.parser import HTMLParser

import pytest

from featlib import quiz
from featlib.quiz import html
from featlib.quiz.questions import Question, Quiz

HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<svg/onload=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "![x](https://example.org/spy.png)",
    "<iframe src='https://example.org'></iframe>",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$</math><script>alert(1)</script>$",
    "<style>*{display:none}</style>",
    "\u29830\u2984",  # what stands for a formula while Markdown is rendered
]


class Tags(HTMLParser):
    """Collect what a browser would take for a tag."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_text_is_shown_as_it_is(text):
    shown = html.rich(text)
    assert "<" not in shown
    assert shown.count("&lt;") == text.count("<")


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_is_sanitized(text):
    for tag, attributes in Tags(html.rich(text, "markdown")).found:
        assert tag not in ("script", "img", "svg", "iframe", "style")
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert not attributes.get("href", "").startswith("javascript")


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


def test_the_plain_form_escapes_code_and_choices():
    question = Question(
        "q", "multiple_choice", "<b>?", ({"answer": "<i>", "correct": True},), code="<u>"
    )
    form = html.form(Quiz("q", "<s>", {}, (question,)))
    assert not [tag for tag in ("<b>", "<i>", "<u>", "<s>") if tag in form]
