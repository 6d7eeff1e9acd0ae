"""Ways to write a number, each with its verdict."""

import pytest
from helpers import CHARACTERS
from hypothesis import given
from hypothesis import strategies as st

from featlib import quiz
from featlib.quiz.numbers import read_number, rounded
from featlib.quiz.questions import Question

# What is meant; several where both count.
READ = {
    "512": 512, " 512 ": 512, "512.0": 512, "5.": 5, ".5": 0.5, "007": 7, "+5": 5, "-5": -5,
    "- 5": -5, "−0.5": -0.5, "–5": -5, "—5": -5, "－5": -5, "-0": 0, "=512": 512, "~512": 512,
    "≈ 0.6": 0.6, "٥١٢": 512, "５１２": 512, "0．6": 0.6, "٣٫٥": 3.5,
    # with marks that nobody sees
    "\ufeff512": 512, "512\u200f": 512, "5\u200b12": 512, "\u2066-5\u2069": -5, "0.\u00ad5": 0.5,
    "\u061c٥١٢": 512, "1\u2060000": 1000,
    # a point is a point, whatever it may mean elsewhere; see Reading.other
    "1.234": 1.234, "12.345": 12.345, "1.000": 1,
    # thousands
    "1,000,000": 1e6, "1,234.5": 1234.5, "12,345": 12345, "-1,234": -1234, "1 000 000": 1e6,
    "12 345": 12345, "1\u202f000": 1000, "1\u00a0000": 1000, "1\u2009000.5": 1000.5, "1'000": 1000,
    "1’000": 1000, "1_000": 1000, "11,176,512": 11176512,
    # fractions
    "1/3": 1 / 3, "1 / 3": 1 / 3, "-1/3": -1 / 3, "1/-3": -1 / 3, "1⁄3": 1 / 3, "1÷4": 0.25,
    "½": 0.5, "2 1/2": 2.5, "2½": 2.5, "-2 1/2": -2.5, "5 12/13": 5 + 12 / 13, "7/2": 3.5,
    ".5/2": 0.25,
    # powers
    "1e6": 1e6, "1E6": 1e6, "1.2e+3": 1200, "1e-3": 1e-3, "10^6": 1e6, "10⁶": 1e6, "10⁻³": 1e-3,
    "2^10": 1024, "2**10": 1024, "1×10^6": 1e6, "1.5×10⁶": 1.5e6, "1.5·10^3": 1500,
    "1.5 x 10^6": 1.5e6, "1.5*10**3": 1500, "-1.5 × 10^−3": -1.5e-3, "1e300": 1e300,
    # percent
    "83%": (83, 0.83), "83 %": (83, 0.83), "83 percent": (83, 0.83), "0.5 %": (0.5, 0.005),
}  # fmt: skip
ASKED_BACK = [
    "0,6", "0,625", "0,512", "1,5", "12,5", "1.234,5", "1 234,5", "1,0000", "12,34,567", "1,5e3",
    "5,13", "5 12", "5 1 2", "1 2", "0 625", "1 000,000", "1,234 567", "1, 234", "2 3/2", "2 0/3",
    "10 000/3", "5 130/200", "1 000 1/2", "1,000/3", "0,0", "1.5 × 10 6", "12 34 567", "½½",
    "1.234.567", "-1.000.000", "1.000.000 %", "1.000.000,5", "٠،٥",
    "½5", "8²1", "10⁶5", "8²½",
]  # fmt: skip
NO_NUMBERS = [
    "", " ", ".", "-", "--5", "many", "512 px", "512px", "0x200", "inf", "-Infinity", "nan", "1/0",
    "0/0", "1e400", "1e999", "99^300", "0^-1", "1.2.3", "1/2/3", "²", "9" * 5000, "$5", "1e",
    "(512)", "5,", "e5", "\ud83d",
    "5₂", "₅", "x₅", "10₂+1", "1.23.456", "0.123.456", "1.2345.678", "\u200b", "5\u200d%5",
]  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_what_is_meant(text):
    wanted = READ[text] if isinstance(READ[text], tuple) else (READ[text],)
    assert read_number(text).values == pytest.approx(wanted, rel=1e-15)


def test_the_table_is_long():
    assert len(READ) + len(ASKED_BACK) + len(NO_NUMBERS) > 100


@pytest.mark.parametrize("text", ASKED_BACK)
def test_what_may_mean_two_numbers_is_asked_back(text):
    found = read_number(text)
    assert (found.values, found.other) == ((), ())
    assert "Write decimals with a point, like 0.6" in found.advice


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number(text):
    found = read_number(text)
    assert (found.values, found.advice[:19]) == ((), "That is no number. ")


def asking(value, **more):
    wrong = {"value": 999, "correct": False, "feedback": "those are others"}
    return Question("q", "numeric", "?", ({"value": value, "correct": True}, wrong), **more)


@pytest.mark.parametrize(
    ("value", "text", "right", "said"),
    [
        (512, "0,512", False, "more than one way"),
        (0.625, "0,625", False, "more than one way"),
        (1234, "1,234", True, ""),
        (1.234, "1,234", False, "more than one way"),  # a decimal comma: not wrong, not taken
        (1.234, "1,235", False, "Try again"),
        (1.234, "1,234,000", False, "Try again"),
        (1234, "1.234", False, "more than one way"),  # a point for a comma, likewise
        (-1234, "-1.234", False, "more than one way"),
        (1234, "1.235", False, "Try again"),
        (1.234, "1.234", True, ""),
        (234, "0.234", False, "Try again"),
        (12345, "12.34", False, "Try again"),
        (1234567, "1.234.567", False, "more than one way"),
        (999, "999", True, ""),
        (0.01234, "1,234 %", False, "more than one way"),
        (1234, "1,234e3", False, "more than one way"),
        (1.234e3, "1,234e0", True, ""),
        (0.83, "83 %", True, ""),
        (2.5, "2 1/2", True, ""),
    ],
)
def test_a_comma_is_never_taken_for_what_it_may_not_mean(value, text, right, said):
    found = quiz.mark(asking(value), text)
    assert found.correct is right
    assert said in found.feedback


@pytest.mark.parametrize(("text", "right"), [("83 %", True), ("0.83", True), ("83", False)])
@pytest.mark.parametrize("turn", [1, -1])
def test_percent_are_right_if_one_reading_is_whatever_stands_first(text, right, turn):
    answers = ({"value": 83, "correct": False}, {"value": 0.83, "correct": True})[::turn]
    assert quiz.mark(Question("q", "numeric", "?", answers), text).correct is right


def test_a_wrong_number_with_a_comma_gets_the_feedback_to_it():
    (given,) = ({"value": 1234, "correct": False, "feedback": "those are the images"},)
    asked = Question("q", "numeric", "?", (given, {"value": 5, "correct": True}))
    assert quiz.mark(asked, "1,234").feedback == "those are the images"


# What Number.prototype.toPrecision of JavaScript gives, from Node.js.
TO_PRECISION = [
    (0.125, 2, 0.13), (0.375, 2, 0.38), (0.625, 2, 0.63), (2.5, 1, 3), (-2.5, 1, -3), (12.5, 2, 13),
    (2.675, 3, 2.67), (1.005, 3, 1.0), (1.45, 2, 1.4), (1e21, 3, 1e21), (0, 2, 0), (9.995, 3, 9.99),
    (99.5, 2, 100), (5e-324, 1, 5e-324),
]  # fmt: skip


@pytest.mark.parametrize(("number", "digits", "wanted"), TO_PRECISION)
def test_rounding_is_that_of_jupyterquiz(number, digits, wanted):
    assert rounded(number, digits) == wanted


@pytest.mark.parametrize(
    ("value", "digits", "text", "right"),
    [(0.125, 2, "0.13", True), (0.125, 2, "0.125", True), (0.125, 2, "0.12", False),
     (0.125, 2, "1/8", True), (2.5, 1, "3", True), (2.5, 1, "2", False), (3.14, 2, "3.1", True),
     (3.14, 2, "3.06", True), (3.14, 2, "3.04", False)],
)  # fmt: skip
def test_precision(value, digits, text, right):
    assert quiz.mark(asking(value, precision=digits), text).correct is right


@given(st.text(CHARACTERS))
def test_any_text_is_read(text):
    found = read_number(text)
    assert all(isinstance(value, float) for value in (*found.values, *found.other))


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_with_commas_is_that_number(number):
    assert read_number(f"{number:,}").values == (number,)
    assert read_number(f"{number:_}").values == (number,)
