"""The quiz as a widget.

Marking happens here, in Python. The front end (quiz.js) only shows what `view` says and sends back
what the learner did; an answer travels inside the message that asks to check it.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

from featlib import checks, quiz
from featlib.engine.words import describe, printable
from featlib.quiz import html
from featlib.quiz.marking import Value, shuffled
from featlib.quiz.numbers import visible
from featlib.quiz.questions import CHOICES
from featlib.widgets.base import Widget, script

__all__ = ["QuizWidget", "show_quiz"]

_MODES = ("one", "all")
_EXAMPLE = (4, 3, 8, 8)  # sizes of a shape
_STATUS = {
    "open": "Give an answer first.",
    "right": "Right.",
    "wrong": "Not right.",
    "asked back": "Not counted: please write it otherwise.",
}


class QuizWidget(Widget):
    """A quiz to answer in the notebook.

    Parameters
    ----------
    quiz : featlib.quiz.Quiz
        The questions.
    progress : featlib.quiz.Progress
        Where answers are kept.
    values : dict of str to float or str or list of str, optional
        Values of the learner's own run, for questions that ask for one.
    mode : {"one", "all"}
        One question at a time, or all at once.

    Attributes
    ----------
    quiz, progress, values
        As passed.
    view : dict
        What the front end shows.

    Raises
    ------
    featlib.FeatlibError
        If one of these is of another kind, or a value that the quiz asks for is missing.
    """

    _esm = script("quiz")
    _invitation = "Run this cell to answer."
    _messages: ClassVar = {"check": {"check": str, "answer": object}, "reset": {"reset": bool}}

    def __init__(
        self,
        quiz: quiz.Quiz,
        progress: quiz.Progress,
        values: Mapping[str, Value] | None = None,
        mode: str = "one",
    ) -> None:
        _check(quiz, progress, mode)
        self.quiz = quiz
        self.progress = progress
        self.values = _checked_values(quiz, {} if values is None else values)
        self._by_id = {question.id: question for question in quiz.questions}
        self._hints: set[str] = set()
        shown = {"title": quiz.title, "mode": mode, "cleared": 0, "questions": self._questions()}
        super().__init__(view=shown)

    def plain(self) -> tuple[str, str]:
        """Return the questions as text and as HTML.

        Returns
        -------
        text, html : str
        """
        return repr(self.quiz), html.form(self.quiz)

    def machine_readable(self) -> dict[str, dict[str, Any]]:
        """Return the questions as JSON by its MIME type, without the learner's answers and values.

        Returns
        -------
        dict of str to dict
            With the key `featlib.quiz.MIME`.
        """
        return {quiz.MIME: self.quiz.to_dict()}

    def _questions(self) -> list[dict[str, Any]]:
        """Return what to show of all questions, with the answers of earlier runs."""
        last = self.progress.last(self.quiz, self.values)
        shown = []
        for question in self.quiz.questions:
            answer = last[question.id].answer if question.id in last else None
            try:
                shown.append(self._show(question, answer))
            except checks.FeatlibError:
                # The file was changed since, and the old answer does not fit it: ask again.
                shown.append(self._show(question))
        return shown

    def _show(self, question: quiz.Question, answer: object = None) -> dict[str, Any]:
        """Return what the front end needs to show of a question."""
        mark = None if answer is None else quiz.mark(question, answer, self.values)
        done = mark is not None and mark.correct
        return {
            "id": question.id,
            "type": question.type,
            "text": html.rich(question.text, question.format) + html.code(question.code),
            "choices": self._choices(question),
            "items": self._items(question),
            "columns": question.columns,
            "example": _example(question),
            "answer": answer,
            "state": _state(mark),
            "feedback": html.rich(mark.feedback, question.format) if mark else "",
            "hint": self._hint(question, mark),
            "explanation": html.rich(question.explanation, question.format) if done else "",
            "sent": None,
        }

    def _choices(self, question: quiz.Question) -> list[str]:
        if question.type not in CHOICES:
            return []
        return [html.choice(question, answer) for answer in question.answers]

    def _items(self, question: quiz.Question) -> list[dict[str, Any]]:
        """Return the items of an order question: HTML to show, and words for a button's label."""
        if question.type != "order":
            return []
        items = [(i, question.items[i]) for i in shuffled(question)]
        return [
            {"number": i, "html": html.rich(item, question.format), "words": item}
            for i, item in items
        ]

    def _hint(self, question: quiz.Question, mark: quiz.Mark | None) -> str:
        """Return the hint, once an answer was wrong."""
        if question.hint and _state(mark) == "wrong":
            self._hints.add(question.id)
        shown = question.id in self._hints and not (mark and mark.correct)
        return html.rich(question.hint, question.format) if shown else ""

    def _do(self, kind: str, fields: dict[str, Any], mark: str | None) -> str:
        if kind == "check":
            return self._check(fields["check"], fields["answer"], mark)
        return self._reset() if fields["reset"] else ""

    def _check(self, identity: str, answer: object, sent: str | None) -> str:
        checks.one_of(identity, "QuizWidget", "check", self._by_id)
        question = self._by_id[identity]
        if _is_blank(question, answer):
            return _STATUS["open"]
        hint = identity in self._hints
        shown = self._show(question, answer) | {"sent": sent}
        state = str(shown["state"])
        status = _STATUS[state]
        if state in ("right", "wrong"):
            try:
                self.progress.add(self.quiz.name, question, answer, state == "right", hint)
            except (checks.FeatlibError, OSError) as error:
                status += f" But the answer could not be saved: {printable(str(error))}"
        questions = [shown if q["id"] == identity else q for q in self.view["questions"]]
        self.view = self.view | {"questions": questions}
        return status

    def _reset(self) -> str:
        try:
            self.progress.reset(self.quiz)
        except (checks.FeatlibError, OSError) as error:
            return f"The answers could not be cleared: {printable(str(error))}"
        self._hints.clear()
        view: dict[str, Any] = self.view
        cleared = view["cleared"] + 1
        self.view = view | {"questions": self._questions(), "cleared": cleared}
        return "All answers are cleared."


def _is_blank(question: quiz.Question, answer: object) -> bool:
    """Whether nothing was answered. Where no choice is right, to choose none is an answer."""
    if isinstance(answer, str):
        return not visible(answer).strip()
    return answer == [] and any(choice.get("correct") for choice in question.answers)


def _state(mark: quiz.Mark | None) -> str:
    if mark is None:
        return "open"
    return "asked back" if mark.asked_back else "right" if mark.correct else "wrong"


def _example(question: quiz.Question) -> str:
    """Return what stands in an empty field: a number, or a shape with as many as the right one."""
    if question.type == "numeric":
        return "a number"
    if question.type != "shape":
        return ""
    right = next((a["shape"] for a in question.answers if a["correct"] and "shape" in a), _EXAMPLE)
    sizes = [_EXAMPLE[i % len(_EXAMPLE)] for i in range(-len(right), 0)]
    if sizes == list(right):  # it must not be the answer
        sizes = [size + 1 for size in sizes]
    return f"such as {tuple(sizes)}"


def show_quiz(
    name: str | bytes | Path | Sequence[dict[str, Any]] | Mapping[str, Any] | quiz.Quiz,
    *,
    values: Mapping[str, Value] | None = None,
    mode: str = "one",
) -> QuizWidget:
    """Show a quiz, as the last line of a cell.

    Parameters
    ----------
    name : str, bytes, pathlib.Path, list of dict, dict, or featlib.quiz.Quiz
        Such as ``"03_feature_extraction"``, the path or the address of a quiz file, or what
        `quiz.draw` returns; or questions as JupyterQuiz takes them, see `quiz.load`.
    values : dict of str to float or str or list of str, optional
        Values of your own run, for questions that ask for one. Of a list, each text is right.
    mode : {"one", "all"}
        One question at a time, or all at once.

    Returns
    -------
    QuizWidget

    Raises
    ------
    featlib.FeatlibError
        If there is no such quiz, its file is faulty, or a value that it asks for is missing.
    """
    wanted = "the name of a quiz, its file, questions, or a Quiz"
    fix = "quiz.names() lists those that there are."
    kinds = (str, bytes, Path, list, tuple, dict, quiz.Quiz)
    checks.instance(name, kinds, "show_quiz", wanted, fix)
    loaded = name if isinstance(name, quiz.Quiz) else quiz.load(name)
    return QuizWidget(loaded, quiz.Progress(), values, mode)


def _check(questions: object, progress: object, mode: str) -> None:
    checks.instance(questions, quiz.Quiz, "show_quiz", "a Quiz", "quiz.load(name) returns one.")
    checks.instance(progress, quiz.Progress, "show_quiz", "a Progress", "Pass quiz.Progress().")
    checks.one_of(mode, "show_quiz", "mode", _MODES)


def _checked_values(questions: quiz.Quiz, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values that a quiz asks for, those of NumPy and torch as Python's own."""
    asked = sorted(set().union(*(question.asks for question in questions.questions)))
    wanted = f"the values {', '.join(asked) or '(none)'} of your own run"
    if not isinstance(values, Mapping):
        fix = f"Pass values={{{asked[0]!r}: …}}." if asked else "Leave `values` out."
        checks.refuse("show_quiz", wanted, describe(values), fix)
    if missing := [name for name in asked if name not in values]:
        got, fix = f"nothing for {', '.join(missing)}", f"Pass values={{{missing[0]!r}: …}}."
        checks.refuse("show_quiz", wanted, got, fix)
    return {name: _value(name, values[name]) for name in asked}


def _value(name: str, value: Any) -> Value:
    if hasattr(value, "tolist") and str(getattr(value, "device", "cpu")) != "meta":
        value = value.tolist()  # of NumPy or torch
    texts = value if isinstance(value, (list, tuple)) and value else [value]
    if any(isinstance(one, bool) or not isinstance(one, (str, Real)) for one in texts):
        wanted = f"a number, a text, or a list of texts as the value {name!r}"
        checks.refuse("show_quiz", wanted, describe(value), "Pass what your run printed.")
    return value
