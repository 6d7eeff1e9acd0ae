"""Marking, as tables: question, answer, verdict, and what is said."""

import pytest
from helpers import CHARACTERS
from hypothesis import given
from hypothesis import strategies as st

from featlib import FeatlibError, quiz
from featlib.quiz.marking import shuffled
from featlib.quiz.questions import Question

DEFAULT = {"type": "default", "correct": False, "feedback": "neither"}


def question(type, *answers, **more):
    return Question(id="q", type=type, text="?", answers=answers, **more)


def numeric(*answers, **more):
    return question("numeric", *answers, DEFAULT, **more)


EXACT = numeric(
    {"value": 512, "correct": True, "feedback": "yes"},
    {"value": 1000, "correct": False, "feedback": "those are the images"},
)
THIRD = numeric({"value": 1 / 3, "correct": True})
RANGE = numeric({"range": [1, 2], "correct": True, "feedback": "inside"})
ROUNDED = numeric({"value": 3.14159, "correct": True}, precision=3)
NEAR = numeric({"value": 0.78, "correct": True}, tolerance=0.01)
OWN = numeric({"ask": "accuracy", "correct": True}, tolerance=0.006)
BIG = numeric({"value": 5130, "correct": True})
NEGATIVE = numeric({"value": -2.5, "correct": True})

NUMBERS = [
    # question, answer, right?, feedback
    (EXACT, "512", True, "yes"),
    (EXACT, "512.0", True, "yes"),
    (EXACT, " 512 ", True, "yes"),
    (EXACT, "5.12e2", True, "yes"),
    (EXACT, "٥١٢", True, "yes"),  # Arabic digits
    (EXACT, "1000", False, "those are the images"),
    (EXACT, "7", False, "neither"),
    (EXACT, "", False, "That is no number. Write it like 512, 0.6 or 1/3."),
    (EXACT, "many", False, "That is no number. Write it like 512, 0.6 or 1/3."),
    (EXACT, "5.1.2", False, "That is no number. Write it like 512, 0.6 or 1/3."),
    (EXACT, "1/0", False, "That is no number. Write it like 512, 0.6 or 1/3."),
    (EXACT, "nan", False, "That is no number. Write it like 512, 0.6 or 1/3."),
    (EXACT, "inf", False, "That is no number. Write it like 512, 0.6 or 1/3."),
    (EXACT, "1e999", False, "That is no number. Write it like 512, 0.6 or 1/3."),
    (EXACT, "9" * 5000, False, "That is no number. Write it like 512, 0.6 or 1/3."),
    (THIRD, "1/3", True, ""),
    (THIRD, "2/6", True, ""),
    (THIRD, "0.333", False, "neither"),
    (RANGE, "1", True, "inside"),
    (RANGE, "1.99", True, "inside"),
    (RANGE, "2", False, "neither"),  # as in JupyterQuiz: without the upper end
    (ROUNDED, "3.14", True, ""),
    (ROUNDED, "3.1416", True, ""),
    (ROUNDED, "3.15", False, "neither"),
    (NEAR, "0.77", True, ""),
    (NEAR, "0.79", True, ""),
    (NEAR, "78 %", True, ""),
    (NEAR, "78%", True, ""),
    (NEAR, "78", False, "neither"),
    (OWN, "0.775", True, ""),
    (OWN, "0.80", False, "neither"),
    (BIG, "5,130", True, ""),
    (BIG, "5 130", True, ""),
    (NEGATIVE, "-2.5", True, ""),
    (NEGATIVE, "−2.5", True, ""),  # the minus sign of a text
]


@pytest.mark.parametrize(("asked", "answer", "right", "said"), NUMBERS)
def test_numbers(asked, answer, right, said):
    asked_back = said.startswith("That is no number")
    assert quiz.mark(asked, answer, {"accuracy": 0.78}) == quiz.Mark(right, said, asked_back)


WORD = question("string", {"answer": "height", "correct": True, "feedback": "yes"}, DEFAULT)
CASE = question("string", {"answer": "ReLU", "correct": True, "match_case": True}, DEFAULT)
FUZZY = question(
    "string",
    {"answer": "convolution", "correct": True, "fuzzy_threshold": 0.8, "feedback": "yes"},
    DEFAULT,
)
SAID = question("string", {"ask": "label", "correct": True}, DEFAULT)
ARABIC = question("string", {"answer": "صورة", "correct": True}, DEFAULT)

TEXTS = [
    (WORD, "height", True, "yes"),
    (WORD, "  HEIGHT ", True, "yes"),
    (WORD, "width", False, "neither"),
    (WORD, "", False, "neither"),
    (WORD, "height" * 500, False, "neither"),
    (WORD, "<b>height</b>", False, "neither"),
    (CASE, "ReLU", True, ""),
    (CASE, "relu", False, "neither"),
    (FUZZY, "convolution", True, "yes"),
    (FUZZY, "convolutoin", True, "(Nearly) yes"),  # two of eleven letters: 0.82
    (FUZZY, "convoluted", False, "neither"),
    (SAID, "animal", True, ""),
    (SAID, "food", False, "neither"),
    (ARABIC, "صورة", True, ""),
    (question("string", {"answer": "naïve", "correct": True}), "nai\u0308ve", True, ""),
    (WORD, "\ufeffhei\u200bght\u200e", True, "yes"),  # marks that nobody sees
    (question("string", {"answer": "a\u00adb", "correct": True}), "ab", True, ""),
]


@pytest.mark.parametrize(
    ("answer", "right"), [("food animal", True), ("Hand Food", True), ("animal food", False)]
)
def test_a_run_may_have_several_values_that_are_right(answer, right):
    values = {"label": ["food animal", "hand food"]}
    assert quiz.mark(SAID, answer, values).correct is right


@pytest.mark.parametrize(("asked", "answer", "right", "said"), TEXTS)
def test_texts(asked, answer, right, said):
    assert quiz.mark(asked, answer, {"label": "animal"}) == quiz.Mark(right, said)


FEATURES = question(
    "shape",
    {"shape": [1000, 512], "correct": True, "feedback": "yes"},
    {"shape": [512, 1000], "correct": False, "feedback": "turned"},
    DEFAULT,
)


@pytest.mark.parametrize(
    ("answer", "right", "said"),
    [
        ("(1000, 512)", True, "yes"),
        ("[1000, 512]", True, "yes"),
        ("1000x512", True, "yes"),
        ("1000 × 512", True, "yes"),
        ("1000*512", True, "yes"),
        ("1000 512", True, "yes"),
        ("(1000, 512,)", True, "yes"),
        ("1000X512", True, "yes"),
        ("torch.Size([1000, 512])", True, "yes"),
        ("Size([1000, 512])", True, "yes"),
        ("（１０００，\u200b５１２）", True, "yes"),
        ("512x1000", False, "turned"),
        ("1,000 x 512", False, "Write a shape like (1000, 512) or 1000x512."),
        ("(1,000, 512)", False, "Write a shape like (1000, 512) or 1000x512."),
        ("1 000 × 512", False, "Write a shape like (1000, 512) or 1000x512."),
        ("1,000 x 513", False, "neither"),
        ("1000₁ x 512", False, "Write a shape like (1000, 512) or 1000x512."),
        ("10² x 512", False, "Write a shape like (1000, 512) or 1000x512."),
        ("1000", False, "neither"),
        ("a lot", False, "Write a shape like (1000, 512) or 1000x512."),
        ("", False, "Write a shape like (1000, 512) or 1000x512."),
        ("1000,-512", False, "Write a shape like (1000, 512) or 1000x512."),
    ],
)
def test_shapes(answer, right, said):
    assert quiz.mark(FEATURES, answer) == quiz.Mark(right, said, said.startswith("Write"))


ONE = question(
    "multiple_choice",
    {"answer": "a", "correct": False, "feedback": "not a"},
    {"answer": "b", "correct": True},
)
SOME = question(
    "many_choice",
    {"answer": "a", "correct": True, "feedback": "a, yes"},
    {"answer": "b", "correct": False, "feedback": "not b"},
    {"answer": "c", "correct": True, "feedback": "c, yes"},
)
STAGES = question("order", items=("1", "2", "3"), feedback={"correct": "yes", "wrong": "no"})


@pytest.mark.parametrize(
    ("asked", "answer", "right", "said"),
    [
        (ONE, 0, False, "not a"),
        (ONE, 1, True, ""),
        (SOME, [0, 2], True, "a, yes\n\nc, yes"),
        (SOME, [2, 0], True, "a, yes\n\nc, yes"),
        (SOME, [0, 1, 2], False, "not b"),
        (SOME, [0], False, "What you chose is right, but one is missing."),
        (SOME, [], False, "What you chose is right, but 2 are missing."),
        (STAGES, [0, 1, 2], True, "yes"),
        (STAGES, [1, 0, 2], False, "no"),
    ],
)
def test_choices_and_orders(asked, answer, right, said):
    assert quiz.mark(asked, answer) == quiz.Mark(right, said)


@pytest.mark.parametrize(
    ("asked", "answer", "wanted"),
    [
        (ONE, 2, "the number of a choice, 0 to 1"),
        (ONE, -1, "the number of a choice, 0 to 1"),
        (ONE, "b", "the number of a choice, 0 to 1"),
        (ONE, True, "the number of a choice, 0 to 1"),
        (SOME, 0, "a list of numbers of choices"),
        (SOME, [7], "the number of a choice, 0 to 2"),
        (STAGES, [0, 0, 1], "the numbers 0 to 2 in some order"),
        (STAGES, ["0", 1, 2], "the numbers 0 to 2 in some order"),
        (WORD, 3, "a text"),
        (FEATURES, None, "a text"),
        (OWN, "0.5", "the value 'accuracy' of your own run"),
    ],
)
def test_what_is_no_answer_to_the_question_is_refused(asked, answer, wanted):
    with pytest.raises(FeatlibError, match="question 'q'") as error:
        quiz.mark(asked, answer)
    assert wanted in str(error.value)


def test_items_are_shown_shuffled_but_always_the_same_way():
    assert sorted(shuffled(STAGES)) == [0, 1, 2]
    assert shuffled(STAGES) == shuffled(STAGES) != [0, 1, 2]


@given(st.text(CHARACTERS))
def test_any_text_gets_a_verdict(text):
    for asked in (EXACT, RANGE, ROUNDED, FUZZY, FEATURES):
        assert isinstance(quiz.mark(asked, text), quiz.Mark)


@pytest.mark.parametrize("own", ["cat", None, float("nan"), float("inf"), 10**400, [0.5], object()])
def test_a_value_of_the_own_run_that_is_no_number_is_refused(own):
    with pytest.raises(FeatlibError, match="the value 'accuracy' as one number"):
        quiz.mark(OWN, "0.5", {"accuracy": own})


@pytest.mark.parametrize("values", [3, "accuracy", ["accuracy"]])
def test_values_without_names_are_refused(values):
    with pytest.raises(FeatlibError, match="values by their names"):
        quiz.mark(OWN, "0.5", values)


@pytest.mark.parametrize("asked", [None, "q", question("essay")])
def test_what_is_no_question_is_refused(asked):
    with pytest.raises(FeatlibError):
        quiz.mark(asked, "0.5")


def test_an_answer_that_is_not_called_right_is_wrong():
    quiet = numeric({"value": 3, "feedback": "no"}, {"value": 4, "correct": True})
    assert quiz.mark(quiet, "3") == quiz.Mark(False, "no")
    assert quiz.mark(question("string", {"answer": "a"}), "a") == quiz.Mark(False, "Try again.")


def test_a_single_item_has_one_order():
    assert shuffled(question("order", items=("a",))) == [0]
