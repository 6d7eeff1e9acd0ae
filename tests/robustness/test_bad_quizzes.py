"""A row each: a quiz file that is faulty or hostile, and what is said or shown."""

import contextlib
import json
import os
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers import CHARACTERS, GOOD_QUIZ, without_roots_rights
from hypothesis import given
from hypothesis import strategies as st

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
    (changed(2, question=None, text="?"), 'question 2, as a whole: "question" is a required'),
    (changed(2, question=3), "question 2, question:"),
    (changed(2, answers=None), 'question 2, as a whole: "answers" is a required property'),
    (changed(2, answers=[]), "question 2, answers:"),
    (changed(2, answers=[{"value": "three", "correct": True}]), "question 2, answers[0].value:"),
    (changed(2, answers=[{"value": "1e999", "correct": True}]), "question 2, answers[0].value:"),
    (changed(2, answers=[{"value": None, "correct": True}]), "question 2, answers[0].value:"),
    (changed(2, answers=[{"range": [1], "correct": True}]), "question 2, answers[0].range:"),
    (changed(2, answers=[{"value": 3, "correct": False}]), "question 2, answers: none is correct"),
    (changed(2, precision=-1), "question 2, precision:"),
    (changed(2, id="one"), "question 2, id: 'one' is used twice"),
    (changed(2, id="No spaces!"), "question 2, id:"),
    (changed(2, objective="size"), "question 2, objective: 'size' is none of shapes"),
    (changed(1, answers=[{"answer": "a", "correct": True}]), "question 1, answers:"),
    (changed(1, answers=[{"answer": "a"}, {"answer": "b"}]), "question 1, answers[0]:"),
    (changed(2, type="order"), 'question 2, as a whole: "items" is a required property'),
    (GOOD_QUIZ | {"questions": []}, "file, questions:"),
    (GOOD_QUIZ | {"titel": "A quiz"}, "titel"),
    (changed(2, precision=1.0), "question 2, precision: 1.0 has a point; write 1"),
    (changed(2, precision=18), "question 2, precision:"),
    (changed(2, precision=10**30), "question 2, precision:"),
    (changed(1, answer_cols=10**30), "question 1, answer_cols:"),
    (changed(1, answer_cols=2.0), "question 1, answer_cols: 2.0 has a point; write 2"),
    (changed(2, answers=[{"correct": True}]), "add 'value'"),
    (changed(2, answers=[{"answer": "3", "correct": True}]), "add 'value'"),
    (changed(2, answers=[{"range": [3, 3], "correct": True}]), "no number is from 3 to below 3"),
    (changed(2, answers=[{"range": [5, 1], "correct": True}]), "question 2, answers[0].range:"),
    (changed(2, type="string", answers=[{"correct": True}]), "add 'answer'"),
    (changed(2, type="string", answers=[{"value": 3, "correct": True}]), "answers[0]:"),
    (changed(2, type="shape", answers=[{"ask": "n", "correct": True}]), "add 'shape'"),
    (
        changed(2, type="shape", answers=[{"shape": [3.0], "correct": True}]),
        "question 2, answers[0].shape: 3.0 has a point",
    ),
    (
        {
            "title": "t",
            "questions": [
                GOOD_QUIZ["questions"][1] | {"id": "question-2"},
                {k: v for k, v in GOOD_QUIZ["questions"][1].items() if k != "id"},
            ],
        },
        "question 2, id: 'question-2' is used twice",
    ),
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
    "an infinite number": '[{"tolerance": 1e999}]',
    "a number of 401 digits": f'[{{"precision": 1{"0" * 400}}}]',
    "brackets in brackets": f'[{{"more": {"[" * 300}{"]" * 300}}}]',
}


@pytest.mark.parametrize("case", ENCODED)
def test_json_that_no_page_can_show(case, write_quiz):
    said = r"half of a character|NaN is no number|too large a number|too many brackets"
    with pytest.raises(FeatlibError, match=said):
        quiz.load(write_quiz(ENCODED[case]))


def test_the_mark_that_some_editors_put_before_a_file_is_none_of_its_text(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(GOOD_QUIZ), encoding="utf-8-sig")
    assert quiz.load(tmp_path / "mine.json").title == GOOD_QUIZ["title"]


@pytest.mark.parametrize(
    "name", [None, 3, b"x", "", {"x"}, "a\0b", "~nobody-of-that-name/x.json", "x" * 5000 + ".json"]
)
@pytest.mark.parametrize("load", [quiz.find, quiz.load, quiz.load_deck])
def test_what_is_no_name_of_a_quiz_is_refused(load, name):
    with pytest.raises(FeatlibError, match=r"quiz\.find: wanted "):
        load(name)


@pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")
def test_a_file_that_may_not_be_read(write_quiz):
    path = write_quiz(GOOD_QUIZ)
    path.chmod(0)
    with without_roots_rights(), pytest.raises(FeatlibError, match="a file that can be read"):
        quiz.load(path)


@pytest.mark.parametrize("seed", ["x", 1.5, [], -1, True])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(FeatlibError, match="seed as a whole number"):
        quiz.draw(3, seed)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_never_reaches_the_terminal_raw(write_quiz):
    path = write_quiz(GOOD_QUIZ, "a\x1b[31m\nb.json")
    assert repr(quiz.load(path)) == r"Quiz('a\x1b[31m\nb': 2 questions)"
    with pytest.raises(FeatlibError) as error:
        quiz.load(write_quiz(changed(1, objective="x\x1b[2J\ny"), "a\x1b\nb.json"))
    assert str(error.value).count("\n") == 2, "the place, a line for the fault, and the way to fix"
    assert "\x1b" not in str(error.value)


# Whatever is loaded can be shown and marked


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**307), 10**307)
PARTS = {
    "value": NUMBERS,
    "answer": st.text(CHARACTERS, max_size=5),
    "range": st.lists(NUMBERS, min_size=2, max_size=2),
    "shape": st.lists(st.integers(0, 10**300) | st.just(3.0), min_size=1, max_size=3),
    "ask": st.just("own"),
    "correct": st.booleans(),
    "type": st.sampled_from(["value", "range", "default", "string"]),
    "code": st.just("x"),
    "fuzzy_threshold": st.floats(0, 1),
}
MORE = {
    "precision": st.integers(1, 20) | st.just(1.0) | st.just(10**30),
    "tolerance": st.floats(0, allow_infinity=False, allow_nan=False) | st.just(10**300),
    "answer_cols": st.integers(1, 101),
    "format": st.sampled_from(["text", "markdown"]),
    "items": st.lists(st.text(CHARACTERS, min_size=1, max_size=3), min_size=1, max_size=3),
    "feedback": st.just({"correct": "yes", "wrong": "no"}),
}
QUESTIONS = st.fixed_dictionaries(
    {
        "question": st.just("?"),
        "type": st.sampled_from(["multiple_choice", "many_choice", "numeric", "string", "shape"])
        | st.just("order"),
        "answers": st.lists(st.fixed_dictionaries({}, optional=PARTS), min_size=1, max_size=3),
    },
    optional=MORE,
)


@given(QUESTIONS, st.sampled_from([0.5, "0.5", "cat", 10**400, None, [0.5], ["cat", "dog"]]))
def test_whatever_is_loaded_can_be_shown_and_marked(entry, own):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mine.json")
        path.write_text(json.dumps([entry]), encoding="utf-8")
        try:
            loaded = quiz.load(path)
        except FeatlibError:
            return
    assert Quiz.from_dict(loaded.to_dict()) == loaded
    html.form(loaded)
    [question] = loaded.questions
    for answer in ("3", "1e300", "cat", "3×3", 0, [0], [1, 0], [], None, 10**5000, 2.5):
        with contextlib.suppress(FeatlibError):  # of another kind than the question
            assert isinstance(quiz.mark(question, answer, {"own": own}), quiz.Mark)


@given(NUMBERS, st.integers(0, 17))
def test_a_right_number_can_be_given(value, precision):
    asked = Question("q", "numeric", "?", ({"value": value, "correct": True},), precision=precision)
    assert quiz.mark(asked, repr(float(value))).correct


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
    shown = html.rich(text, "plain")
    assert "<" not in shown
    assert shown.count("&lt;") == text.count("<")


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize("text", HOSTILE)
def test_text_and_markdown_are_sanitized(text, format):
    for tag, attributes in Tags(html.rich(text, format)).found:
        assert tag not in ("script", "img", "svg", "iframe", "style")
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert not attributes.get("href", "").startswith("javascript")


def test_the_plain_form_escapes_code_and_choices():
    question = Question(
        "q", "multiple_choice", "<x>?", ({"answer": "<y>", "correct": True},), code="<u>"
    )
    form = html.form(Quiz("q", "<s>", {}, (question,)))
    assert not [tag for tag in ("<x>", "<y>", "<u>", "<s>") if tag in form]


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize(
    "text",
    ["<b>" * 2000, "\\(" * 9000, "[" * 19_000, "$a" * 9000, "`a" * 9000, "> " * 9000, "<" * 10**6],
)
def test_no_text_keeps_the_kernel_busy(text, format):
    before = time.process_time()
    html.rich(text, format)
    assert time.process_time() - before < 5
