"""A row each: a quiz file that is faulty or hostile, and what is said or shown."""

import json
from html.parser import HTMLParser

import pytest
from helpers import GOOD_QUIZ

from featlib import FeatlibError, quiz
from featlib.quiz import html
from featlib.quiz.questions import Question, Quiz


def changed(number, **fields):
    """Return the good quiz with fields of one question changed; None removes one."""
    data = json.loads(json.dumps(GOOD_QUIZ))
    for name, value in fields.items():
        if value is None:
            del data["questions"][number - 1][name]
        else:
            data["questions"][number - 1][name] = value
    return data


FAULTS = [
    (changed(1, type="guess"), "question 1, type:"),
    (changed(1, type=None), 'question 1, as a whole: "type" is a required property'),
    (changed(2, question=None), 'question 2, as a whole: "question" is a required property'),
    (changed(2, question=""), "question 2, question:"),
    (changed(2, answers=None), 'question 2, as a whole: "answers" is a required property'),
    (changed(2, answers=[]), "question 2, answers:"),
    (changed(2, answers=[{"value": "3", "correct": True}]), "question 2, answers[0].value:"),
    (changed(2, answers=[{"range": [1], "correct": True}]), "question 2, answers[0].range:"),
    (changed(2, answers=[{"value": 3, "correct": False}]), "question 2, answers: none is correct"),
    (changed(2, precision=0), "question 2, precision:"),
    (changed(2, id="one"), "question 2, id: 'one' is used twice"),
    (changed(2, id="No spaces!"), "question 2, id:"),
    (changed(2, objective="size"), "question 2, objective: 'size' is none of shapes"),
    (changed(1, answers=[{"answer": "a", "correct": True}]), "question 1, answers:"),
    (changed(1, answers=[{"answer": "a"}, {"answer": "b"}]), "question 1, answers[0]:"),
    (changed(2, type="order"), 'question 2, as a whole: "items" is a required property'),
    (GOOD_QUIZ | {"questions": []}, "file, questions:"),
    (GOOD_QUIZ | {"titel": "A quiz"}, "titel"),
    ([], "the list holds no question"),
    (3, "file, as a whole:"),
]


@pytest.mark.parametrize(("data", "said"), FAULTS)
def test_a_fault_is_named_with_its_place(write_quiz, data, said):
    path = write_quiz(data)
    with pytest.raises(FeatlibError) as error:
        quiz.load(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_all_faults_come_in_one_error(write_quiz):
    data = changed(1, type="guess")
    data["questions"][1]["precision"] = "three"
    with pytest.raises(FeatlibError, match="2 faults") as error:
        quiz.load(write_quiz(data))
    assert "question 1, type" in str(error.value)
    assert "question 2, precision" in str(error.value)


@pytest.mark.parametrize("text", ['{"title": ', "", "[" * 100_000, "{'title': 1}"])
def test_a_file_that_is_no_json(write_quiz, text):
    with pytest.raises(FeatlibError, match="a JSON file in UTF-8"):
        quiz.load(write_quiz(text))


def test_a_file_in_another_encoding(tmp_path):
    path = tmp_path / "latin.json"
    path.write_bytes('[{"question": "Größe?"}]'.encode("latin-1"))
    with pytest.raises(FeatlibError, match="a JSON file in UTF-8"):
        quiz.load(path)


ENCODED = {
    "half a character": '[{"question": "\\ud83d"}]',
    "a number that is none": '[{"question": NaN}]',
}


@pytest.mark.parametrize("case", ENCODED)
def test_json_that_no_page_can_show(case, write_quiz):
    with pytest.raises(FeatlibError, match=r"half of a character|NaN is no number"):
        quiz.load(write_quiz(ENCODED[case]))


def test_the_mark_that_some_editors_put_before_a_file_is_none_of_its_text(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(GOOD_QUIZ), encoding="utf-8-sig")
    assert quiz.load(tmp_path / "mine.json").title == GOOD_QUIZ["title"]


# Texts of quiz files as HTML: what is never let through


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


def test_the_plain_form_escapes_code_and_choices():
    question = Question(
        "q", "multiple_choice", "<b>?", ({"answer": "<i>", "correct": True},), code="<u>"
    )
    form = html.form(Quiz("q", "<s>", {}, (question,)))
    assert not [tag for tag in ("<b>", "<i>", "<u>", "<s>") if tag in form]
