"""Mark an answer: whether it is right, and what to say about it.

For JupyterQuiz's own question types the rules are JupyterQuiz's: ranges exclude their upper end,
fractions such as 1/3 count as numbers, precision counts significant digits and rounds as
`Number.prototype.toPrecision` of JavaScript does (ECMA-262, 21.1.3.5), and what comes closest in
spelling is found by edit distance (Levenshtein, 1966).
"""

import random
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn

from featlib import checks
from featlib.engine.words import describe
from featlib.quiz.numbers import plain, read_number, rounded, visible
from featlib.quiz.questions import Question

__all__ = ["Mark", "Value", "asked_number", "asked_texts", "mark", "shuffled"]

Value = float | str | Sequence[str]  # of the learner's own run; of several texts each is right

_LONGEST = 1000  # characters of an answer that are read
_THOUSANDS = re.compile(r"(?<=\d)[, ](?=\d{3}(?!\d))")  # what may part the thousands of a size


@dataclass(frozen=True)
class Mark:
    """What marking found.

    Attributes
    ----------
    correct : bool
        Whether the answer is right.
    feedback : str
        What to say beside right or wrong, in the question's own format.
    asked_back : bool
        Whether the text could not be read, or be read in two ways: it is neither right nor wrong,
        and no try.
    """

    correct: bool
    feedback: str
    asked_back: bool = False


def mark(question: Question, answer: object, values: Mapping[str, Value] | None = None) -> Mark:
    """Mark an answer.

    Parameters
    ----------
    question : featlib.quiz.Question
        The question.
    answer : int, list of int, or str
        For multiple choice the number of the choice, for many choice those of all that are chosen;
        for order the items' numbers as `shuffled` gave them, in the learner's order; else text.
        Anything else is refused.
    values : mapping of str to float, str or sequence of str, optional
        Values of the learner's own run, for questions that ask for one.

    Returns
    -------
    Mark

    Raises
    ------
    featlib.FeatlibError
        If the question or the answer is of no known kind, or a value that it asks for was not
        passed.
    """
    fix = "quiz.load(name).questions has them."
    checks.instance(question, Question, "quiz.mark", "a Question", fix)
    checks.one_of(question.type, f"question '{question.id}'", "type", _MARKERS)
    values = {} if values is None else values
    fix = "Pass values={'accuracy': 0.8}, or what the question asks for."
    checks.instance(values, Mapping, "quiz.mark", "values by their names", fix)
    return _MARKERS[question.type](question, answer, values)


def shuffled(question: Question) -> list[int]:
    """Return an order in which to show the items of an order question.

    Parameters
    ----------
    question : featlib.quiz.Question
        Of type ``order``.

    Returns
    -------
    list of int
        Numbers of `items`; always the same for the same question, and never the right order.
    """
    right = list(range(len(question.items)))
    order, chance = right[:], random.Random(question.id)
    while order == right and len(right) > 1:
        chance.shuffle(order)
    return order


def _choice(question: Question, answer: object, _: Mapping[str, Value]) -> Mark:
    chosen = _number_of_choice(question, answer)
    found = question.answers[chosen]
    return Mark(_is_right(found), _feedback(found))


def _choices(question: Question, answer: object, _: Mapping[str, Value]) -> Mark:
    if not isinstance(answer, list):
        _wrong_kind(question, answer, "a list of numbers of choices")
    chosen = {_number_of_choice(question, number) for number in answer}
    wanted = {i for i, a in enumerate(question.answers) if _is_right(a)}
    wrong = [question.answers[i].get("feedback", "") for i in sorted(chosen - wanted)]
    if wrong:
        return Mark(False, "\n\n".join(filter(None, wrong)) or _verdict(False))
    if missing := len(wanted - chosen):
        count = "one is" if missing == 1 else f"{missing} are"
        return Mark(False, f"What you chose is right, but {count} missing.")
    right = [question.answers[i].get("feedback", "") for i in sorted(chosen)]
    return Mark(True, "\n\n".join(filter(None, right)) or _verdict(True))


def _numeric(question: Question, answer: object, values: Mapping[str, Value]) -> Mark:
    text = checks.text(answer, f"question '{question.id}'", "the answer")[:_LONGEST]
    given = read_number(text)
    if not given.values:
        return Mark(False, given.advice, asked_back=True)
    found = _first_match(question, given.values, values)
    if given.other and not _is_right(found):
        other = _first_match(question, given.other, values)
        if _is_right(other):  # a comma for a point: it is neither wrong nor to be taken for granted
            return Mark(False, given.advice, asked_back=True)
    return Mark(_is_right(found), _feedback(found) if found else _default(question))


def _first_match(
    question: Question, readings: Sequence[float], values: Mapping[str, Value]
) -> dict[str, Any]:
    """Return the first answer that a number matches; an empty one if none does.

    83 % is 83 and 0.83: it is right if either is.
    """
    first = [
        next((a for a in question.answers if _matches_number(question, a, given, values)), {})
        for given in readings
    ]
    return next(filter(_is_right, first), next(filter(None, first), {}))


def _matches_number(
    question: Question, candidate: dict[str, Any], given: float, values: Mapping[str, Value]
) -> bool:
    if question.precision:
        given = rounded(given, question.precision)
    if "range" in candidate:
        low, high = candidate["range"]
        return low <= given < high
    if "ask" in candidate:
        wanted = asked_number(question, candidate["ask"], values)
    elif "value" in candidate:
        wanted = candidate["value"]
    else:
        return False
    if question.precision:
        wanted = rounded(wanted, question.precision)
    # The first also where both are the largest numbers, whose rounding may be infinite.
    return given == wanted or abs(given - wanted) <= question.tolerance + 1e-12 * abs(wanted)


def _string(question: Question, answer: object, values: Mapping[str, Value]) -> Mark:
    given = _text(question, answer)
    for candidate in question.answers:
        for wanted in _wanted_texts(question, candidate, values):
            ours, theirs = given, _tidy(wanted)
            if not candidate.get("match_case"):
                ours, theirs = ours.casefold(), theirs.casefold()
            if ours == theirs:
                return Mark(_is_right(candidate), _feedback(candidate))
            threshold = candidate.get("fuzzy_threshold")
            if threshold and _likeness(ours, theirs) >= threshold:
                return Mark(_is_right(candidate), f"(Nearly) {_feedback(candidate)}")
    return Mark(False, _default(question))


def _wanted_texts(
    question: Question, candidate: dict[str, Any], values: Mapping[str, Value]
) -> list[str]:
    """Return what a text is compared with; a run may have several values that are right."""
    if "ask" in candidate:
        return asked_texts(question, candidate["ask"], values)
    return [candidate["answer"]] if "answer" in candidate else []


def _shape(question: Question, answer: object, _: Mapping[str, Value]) -> Mark:
    text = " ".join(plain(_text(question, answer)).split())
    text = re.sub(r"^(?:torch\.)?size\((.*)\)$", r"\1", text)  # as PyTorch prints it
    asked_back = Mark(False, "Write a shape like (1000, 512) or 1000x512.", asked_back=True)
    if not re.fullmatch(r"[(\[]? ?\d+( ?[x*, ] ?\d+)* ?,? ?[)\]]?", text):
        return asked_back
    found = _match_of_shape(question, text)
    if not _is_right(found) and _is_right(_match_of_shape(question, _THOUSANDS.sub("", text))):
        return asked_back  # 1,000 x 512
    return Mark(_is_right(found), _feedback(found) if found else _default(question))


def _match_of_shape(question: Question, text: str) -> dict[str, Any]:
    """Return the answer with these sizes; an empty one if there is none."""
    given = [int(number) for number in re.findall(r"\d+", text)]
    return next((a for a in question.answers if a.get("shape") == given), {})


def _order(question: Question, answer: object, _: Mapping[str, Value]) -> Mark:
    if (
        not isinstance(answer, list)
        or not all(type(number) is int for number in answer)
        or sorted(answer) != list(range(len(question.items)))
    ):
        _wrong_kind(question, answer, f"the numbers 0 to {len(question.items) - 1} in some order")
    right = answer == sorted(answer)
    return Mark(right, question.feedback["correct" if right else "wrong"])


_MARKERS: dict[str, Callable[[Question, object, Mapping[str, Value]], Mark]] = {
    "multiple_choice": _choice,
    "many_choice": _choices,
    "numeric": _numeric,
    "string": _string,
    "shape": _shape,
    "order": _order,
}


def _number_of_choice(question: Question, answer: object) -> int:
    if (
        not isinstance(answer, int)
        or isinstance(answer, bool)
        or not 0 <= answer < len(question.answers)
    ):
        _wrong_kind(question, answer, f"the number of a choice, 0 to {len(question.answers) - 1}")
    return answer


def _text(question: Question, answer: object) -> str:
    if not isinstance(answer, str):
        _wrong_kind(question, answer, "a text")
    return _tidy(answer)


def _tidy(text: str) -> str:
    """Write a text in one way of several that look alike: composed letters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", visible(text[:_LONGEST])).split())


def _wrong_kind(question: Question, answer: object, wanted: str) -> NoReturn:
    fix = "Pass what the question's type asks for."
    checks.refuse(f"question '{question.id}'", wanted, describe(answer), fix)


def asked_number(question: Question, name: str, values: Mapping[str, Value]) -> float:
    """Return a value of the learner's own run as the number that an answer is compared with.

    Parameters
    ----------
    question : featlib.quiz.Question
        Who asks for it.
    name : str
        Of the value.
    values : dict of str to float or str or list of str
        Of the run.

    Returns
    -------
    float
        Finite.

    Raises
    ------
    featlib.FeatlibError
        If there is no such value, or it is no such number.
    """
    value: Any = _value(question, name, values)
    try:
        number = float(value)
    except Exception:  # text, a list, or whatever an object of somebody else's raises
        number = float("nan")
    if not isfinite(number):
        checks.refuse(
            f"question '{question.id}'",
            f"the value '{name}' as one number",
            describe(value),
            f"Pass it: show_quiz(…, values={{'{name}': …}}).",
        )
    return number


def asked_texts(question: Question, name: str, values: Mapping[str, Value]) -> list[str]:
    """Return a value of the learner's own run as the texts, each of which is right.

    Parameters
    ----------
    question, name, values
        As for `asked_number`.

    Returns
    -------
    list of str

    Raises
    ------
    featlib.FeatlibError
        If there is no such value, or it is no text and no list of texts.
    """
    value = _value(question, name, values)
    texts = value if isinstance(value, (list, tuple)) else [value]
    return [checks.text(one, f"question '{question.id}'", "each value") for one in texts]


def _value(question: Question, name: str, values: Mapping[str, Value]) -> Value:
    if name not in values:
        checks.refuse(
            f"question '{question.id}'",
            f"the value '{name}' of your own run",
            ", ".join(map(str, values)) or "no values",
            f"Pass it: show_quiz(…, values={{'{name}': …}}).",
        )
    return values[name]


def _likeness(a: str, b: str) -> float:
    """Return 1 − edit distance / length of the longer text (Levenshtein, 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return 1 - row[-1] / max(len(a), len(b), 1)


def _is_right(candidate: dict[str, Any]) -> bool:
    return bool(candidate.get("correct"))


def _feedback(candidate: dict[str, Any]) -> str:
    return candidate.get("feedback") or _verdict(_is_right(candidate))


def _default(question: Question) -> str:
    return question.otherwise or _verdict(False)


def _verdict(correct: bool) -> str:
    return "" if correct else "Try again."
