"""What a question asks and takes for right, in the words of a learning management system.

Such a system knows numbers from … to …, and texts; it knows no run of the learner's own. What it
cannot be told without making another question of it is left out, with the reason.
"""

from decimal import ROUND_CEILING, Context, Decimal
from math import inf, isfinite, nextafter
from typing import Any

from featlib.quiz.html import choice, code, rich
from featlib.quiz.numbers import rounded
from featlib.quiz.questions import CHOICES, Question

__all__ = ["LeftOut", "asked", "interval", "number", "otherwise", "typed"]

_SHARE = 1e-6  # of an interval's width: so far inside an end that does not belong to it


class LeftOut(Exception):
    """A question cannot be expressed; the message says why."""


def asked(question: Question) -> str:
    """Return what a question asks; refuse one that no such system can mark as featlib does.

    Parameters
    ----------
    question : featlib.quiz.Question
        The question.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    LeftOut
        If what is right follows from the learner's own run, may be written in many ways, or hangs
        on the spelling; if nothing is right; or if a choice is empty: Moodle drops those.
    """
    right = [answer for answer in question.answers if answer.get("correct")]
    if question.type == "string":
        right = [answer for answer in right if typed(answer) or "ask" in answer]
    if question.type == "shape":
        raise LeftOut("a shape can be written in many ways")
    if question.type != "order" and not right:
        raise LeftOut("no answer of it is right")
    if any("ask" in answer for answer in right):
        raise LeftOut("its right answer is a value of the learner's own run")
    if question.type == "string" and any(answer.get("match_case") for answer in right):
        raise LeftOut("capital letters count")
    if question.type == "string" and any(answer.get("fuzzy_threshold") for answer in right):
        raise LeftOut("what is nearly spelled right counts")
    if question.type in CHOICES:
        shown = [choice(question, answer) for answer in question.answers]
    else:
        shown = [rich(item, question.format) for item in question.items]
    if not all(map(str.strip, shown)):
        raise LeftOut("a choice or an item of it is empty")
    place = "<p>Give each its place: 1 comes first.</p>" if question.type == "order" else ""
    return rich(question.text, question.format) + code(question.code) + place


def typed(answer: dict[str, Any]) -> str:
    """Return what somebody types to give an answer of a question of type ``string``.

    Parameters
    ----------
    answer : dict
        One of the question's answers.

    Returns
    -------
    str
        On one line; empty if it is none to be typed.
    """
    return " ".join(answer.get("answer", "").split())


def interval(question: Question, answer: dict[str, Any]) -> tuple[float, float]:
    """Return which numbers match an answer.

    Parameters
    ----------
    question : featlib.quiz.Question
        Of type ``numeric``.
    answer : dict
        One of its answers, with ``value`` or ``range``.

    Returns
    -------
    tuple of float
        The lowest and the highest number; both belong to it. An end that featlib excludes, such as
        the upper one of a range, is moved inside by a millionth of the width.

    Raises
    ------
    LeftOut
        If a number is too large to be written.
    """
    low, high = _ends(question, answer)
    if not isfinite(low) or not isfinite(high):
        raise LeftOut("its numbers are too large")
    return low, high


def _ends(question: Question, answer: dict[str, Any]) -> tuple[float, float]:
    digits = question.precision
    if "range" in answer:
        low, high = map(float, answer["range"])
        if not digits:
            return low, high - (high - low) * _SHARE
    else:
        value = float(answer["value"])
        value = rounded(value, digits) if digits else value
        if not digits or value == question.tolerance == 0:
            return value - question.tolerance, value + question.tolerance
        around = question.tolerance + 1e-12 * abs(value)  # as marking allows
        low, high = value - around, nextafter(value + around, inf)
    (first, low), (beyond, high) = _edge(low, digits), _edge(high, digits)
    inside = (high - low) * _SHARE
    # What is exactly half is rounded away from zero: so an end may belong to it or not.
    return (
        low + inside * (rounded(low, digits) < first),
        high - inside * (rounded(high, digits) >= beyond),
    )


def _edge(number: float, digits: int) -> tuple[float, float]:
    """Return the first rounded number from this one on, and from where on it is rounded to."""
    context = Context(prec=digits, rounding=ROUND_CEILING)
    first = context.create_decimal_from_float(number)
    between = Context(prec=60).divide(first + context.next_minus(first), Decimal(2))
    return float(first), float(between)


def number(value: float) -> str:
    """Write a number as every program reads it.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
        With up to 15 digits.
    """
    return f"{value:.15g}"


def otherwise(question: Question) -> str:
    """Return what to say where no answer matches.

    Parameters
    ----------
    question : featlib.quiz.Question
        The question.

    Returns
    -------
    str
        In the question's format; empty where nothing is to be said.
    """
    if question.type in CHOICES:
        return ""
    if question.type == "order":
        return question.feedback["wrong"]
    return question.otherwise
