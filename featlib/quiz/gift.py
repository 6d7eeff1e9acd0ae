r"""Questions for Moodle, in its text format GIFT.

All texts are HTML, as the notebooks show them, on one line: a blank line would end the question.
What GIFT gives a meaning to (``~ = # { } :`` and the backslash) has a backslash before it. See
https://docs.moodle.org/en/GIFT_format.

Moodle stops importing at the first question that it objects to: so such a question is left out.

Moodle gives a part of the mark for some of several right choices, or some items in their place;
featlib wants all. A wrong choice takes the whole mark. GIFT has no place for hints.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from featlib.engine.words import readable
from featlib.quiz.accepted import LeftOut, asked, interval, number, otherwise, typed
from featlib.quiz.html import choice, rich
from featlib.quiz.marking import shuffled
from featlib.quiz.questions import Question

__all__ = ["item", "package"]

# Into how many equal parts Moodle can divide a mark.
_PARTS = {*range(1, 11), 20}
_FEWEST = 3  # items that Moodle's question with pairs must have
_LONGEST = 255  # characters of a category's name


def package(quizzes: Sequence[tuple[str, str, Sequence[str]]]) -> bytes:
    """Return a text file that Moodle imports: each quiz is a category of its question bank.

    Parameters
    ----------
    quizzes : sequence of tuple
        Name and title of each quiz, and what `item` returned for its questions.

    Returns
    -------
    bytes
    """
    parts = []
    for name, title, items in quizzes:
        words = " ".join(f"{name} {title}".replace("\\", " ").split())  # nothing is unescaped here
        category = words[:_LONGEST].strip().replace("/", "//")
        parts += [f"$CATEGORY: featlib/{category}", *items]
    return readable("\n\n".join(parts) + "\n").encode()


def item(name: str, question: Question) -> str:
    """Return a question in GIFT.

    Parameters
    ----------
    name : str
        Of the quiz.
    question : featlib.quiz.Question
        The question.

    Returns
    -------
    str
        One line.

    Raises
    ------
    featlib.quiz.accepted.LeftOut
        If GIFT cannot express it.
    """
    body = asked(question)
    answers = _ANSWERS[question.type](question)
    if question.explanation:
        answers += f" ####{_html(question, question.explanation)}"
    return f"::{_escape(f'{name} {question.id}')}::[html]{_escape(body)} {{{answers}}}"


def _choices(question: Question) -> str:
    return " ".join(
        ("=" if answer["correct"] else "~") + _choice(question, answer)
        for answer in question.answers
    )


def _many_choices(question: Question) -> str:
    right = sum(bool(answer["correct"]) for answer in question.answers)
    if right not in _PARTS:
        raise LeftOut(f"Moodle cannot divide a mark into {right} parts")
    weights = {True: f"{100 / right:.7g}", False: "-100"}
    return " ".join(
        f"~%{weights[bool(answer['correct'])]}%{_choice(question, answer)}"
        for answer in question.answers
    )


def _choice(question: Question, answer: dict[str, Any]) -> str:
    shown = _marked(choice(question, answer), "html")
    return shown + _feedback(question, answer.get("feedback", ""))


def _numbers(question: Question) -> str:
    said = [
        f"={_weight(answer)}{_numbers_of(question, answer)}"
        f"{_feedback(question, answer.get('feedback', ''))}"
        for answer in question.answers
        if "value" in answer or "range" in answer
    ]
    wrong = otherwise(question)
    return " ".join(["#", *said, *([f"~{_feedback(question, wrong)}"] if wrong else [])])


def _numbers_of(question: Question, answer: dict[str, Any]) -> str:
    ends = interval(question, answer)
    if "range" in answer or question.precision:
        return "..".join(map(number, ends))
    return f"{number(answer['value'])}:{number(question.tolerance)}"


def _texts(question: Question) -> str:
    said = []
    for answer in question.answers:
        if (text := typed(answer)) and "ask" not in answer:
            if "->" in text:
                raise LeftOut("GIFT takes -> in an answer for a pair")
            if "&&0" in text:
                raise LeftOut("Moodle's import takes && and a number in an answer for another sign")
            plain = _marked(text.replace("*", "\\*"), "plain")  # a star stands for any letters
            feedback = _feedback(question, answer.get("feedback", ""))
            said.append(f"={_weight(answer)}{plain}{feedback}")
    if wrong := otherwise(question):
        said.append(f"=%0%*{_feedback(question, wrong)}")
    return " ".join(said)


def _pairs(question: Question) -> str:
    if len(question.items) < _FEWEST:
        raise LeftOut(f"Moodle wants {_FEWEST} items to put in order")
    places = shuffled(question)
    return " ".join(f"={_html(question, question.items[at])} -> {at + 1}" for at in places)


_ANSWERS: dict[str, Callable[[Question], str]] = {
    "multiple_choice": _choices,
    "many_choice": _many_choices,
    "numeric": _numbers,
    "string": _texts,
    "order": _pairs,
}


def _weight(answer: dict[str, Any]) -> str:
    return "" if answer.get("correct") else "%0%"


def _feedback(question: Question, text: str) -> str:
    return f"#{_html(question, text)}" if text else ""


def _html(question: Question, text: str) -> str:
    return _marked(rich(text, question.format), "html")


def _marked(text: str, format: str) -> str:
    """Escape a text; where it might seem to begin with a weight or a format, say its own."""
    return (f"[{format}]" if text.startswith(("[", "%")) else "") + _escape(text)


def _escape(text: str) -> str:
    text = re.sub(r"[\\~=#{}:]", r"\\\g<0>", text)
    return re.sub(r"\r\n?|[\n\v\f\x1c-\x1e\x85\u2028\u2029]", r"\\n", text)
