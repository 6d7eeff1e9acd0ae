"""What a web page needs to know of a quiz, a question to guess, flashcards, or another widget.

All HTML is made here: making what somebody wrote safe is Python's task. The scripts beside this
file mark, and choose among what was made.
"""

import base64
import io
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from featlib import checks, lesson, weights
from featlib.engine.data_address import data_address
from featlib.engine.words import describe, printable
from featlib.preprocess import Transform
from featlib.quiz import Flashcard, Guess, GuessQuestion, Progress, Question, Quiz, guesses, html
from featlib.quiz.marking import Value, asked_number, asked_texts
from featlib.web.lab_data import lab_data
from featlib.widgets.flashcards import FlashcardsWidget
from featlib.widgets.guess import GuessWidget
from featlib.widgets.lab import LabWidget
from featlib.widgets.my_picture import MyPictureWidget
from featlib.widgets.own_images import OwnImagesWidget
from featlib.widgets.quiz import QuizWidget

__all__ = ["data"]

_LIMIT = 20  # cards in a sitting, as in a notebook
_KEPT = (
    "It is kept in the memory of this page, and sent nowhere: once you leave the page, it is gone."
)
_ALL_KEPT = (
    "They are kept in the memory of this page, and sent nowhere: once you leave the page, they are "
    "gone."
)


def data(
    of: Quiz | GuessQuestion | list[Flashcard] | LabWidget | OwnImagesWidget | MyPictureWidget,
    values: Mapping[str, Value] | LabWidget | None = None,
    measured: object = None,
) -> dict[str, Any]:
    """Return what a web page needs to know of a quiz, a question to guess, or another widget.

    Parameters
    ----------
    of : featlib.quiz.Quiz, featlib.quiz.GuessQuestion, list of featlib.quiz.Flashcard, or widget
        What is asked; or what `show_lab`, `show_own_images` or `show_my_picture` returned. No
        picture that was given to such a widget gets into the page.
    values : dict of str to float or str or list of str, or featlib.widgets.LabWidget, optional
        For a quiz: values of the run that the page shows, for questions that ask for one. Of a lab
        they are `LabWidget.values`, and on the page those of the visitor's own run: each new run
        opens the questions again.
    measured : float, str, sequence of float, or dict of str to float, optional
        For a question to guess: what was measured, as `GuessQuestion.truth` takes it. The page
        shows it once a guess is made. Left out, the guess is only kept.

    Returns
    -------
    dict
        What `embed` takes; `json.dumps` takes it, too. The answers are in it.

    Raises
    ------
    featlib.FeatlibError
        If it is of another kind, or what was passed beside it is missing or does not fit it.

    Examples
    --------
    >>> from featlib import quiz, web
    >>> found = web.data(quiz.load("03_feature_extraction"))
    >>> sorted(found)
    ['kind', 'name', 'plain', 'questions', 'view']
    """
    fix = "quiz.load, quiz.find_guess and quiz.load_deck return one."
    wanted = "a Quiz, a GuessQuestion, or a list of Flashcards; or a lab, or own pictures"
    kinds = (Quiz, GuessQuestion, list, LabWidget, OwnImagesWidget, MyPictureWidget)
    checks.instance(of, kinds, "web.data", wanted, fix)
    _only(of, Quiz, "values", values)
    _only(of, GuessQuestion, "measured", measured)
    if isinstance(of, LabWidget):
        return _lab(of)
    if isinstance(of, OwnImagesWidget):
        return _own_images()
    if isinstance(of, MyPictureWidget):
        return _my_picture()
    with tempfile.TemporaryDirectory() as folder:
        nothing = Progress(Path(folder) / "nothing.jsonl")
        if isinstance(of, Quiz):
            return _quiz(of, nothing, values)
        if isinstance(of, GuessQuestion):
            return _guess(GuessWidget(Guess(of, nothing)), measured)
        return _deck(FlashcardsWidget(of, nothing, _LIMIT))


def _only(of: object, kind: type, name: str, value: object) -> None:
    """Refuse what has no meaning for what is asked."""
    if value is not None and not isinstance(of, kind):
        wanted = f"'{name}' only with a {kind.__name__}"
        checks.refuse("web.data", wanted, f"it with {describe(of)}", f"Leave '{name}' out.")


def _quiz(
    of: Quiz, nothing: Progress, values: Mapping[str, Value] | LabWidget | None
) -> dict[str, Any]:
    follows = isinstance(values, LabWidget)
    widget = QuizWidget(of, nothing, values.values if follows else values)
    questions = [_question(question, widget.values) for question in of.questions]
    shown = _shown(widget) | {"kind": "quiz", "name": of.name, "questions": questions}
    return shown | {"follows": True} if follows else shown


def _guess(widget: GuessWidget, measured: object) -> dict[str, Any]:
    question = widget.guess.question
    truth = None if measured is None else question.truth(measured)
    known = None
    if truth is not None:
        known = {"value": truth, "words": guesses.in_words(question, truth)}
    return _shown(widget) | {
        "kind": "guess",
        "key": question.key,
        "question": question.to_dict(),
        "words": [printable(label) for label in question.labels],
        "measured": known,
    }


def _deck(widget: FlashcardsWidget) -> dict[str, Any]:
    cards = [
        {
            "id": card.id,
            "front": html.rich(card.front, "markdown"),
            "back": html.rich(card.back, "markdown"),
            "notebook": card.notebook,
        }
        for card in widget.deck
    ]
    plain = widget.plain()[1]
    widget.close()
    return {"kind": "flashcards", "cards": cards, "limit": _LIMIT, "plain": plain}


def _lab(widget: LabWidget) -> dict[str, Any]:
    shown = {"view": widget.view | {"sent": None}, "plain": widget.plain()[1]}
    return shown | {"kind": "lab"} | lab_data(widget)


def _own_images() -> dict[str, Any]:
    shown = _shown(OwnImagesWidget())
    shown["view"] |= {"kept": _ALL_KEPT, "machine": False}
    transform = weights.read_weights().transform
    return shown | {"kind": "own_images", "transform": _transform(transform)}


def _my_picture() -> dict[str, Any]:
    """Return the cat, the head of the lesson, and what it says of the cat."""
    finished = lesson.run(baselines=False, progress=False)
    pictures, row = finished.images, finished.example()
    shares = finished.predict(row).probabilities.tolist()
    file = io.BytesIO()
    pictures.picture(row).save(file, "PNG")
    head = torch.cat([finished.head.weight.detach().flatten(), finished.head.bias.detach()])
    return {
        "kind": "my_picture",
        "plain": f"<p>One picture of yours, and what the lesson says of it. {_KEPT}</p>",
        "view": {
            "src": data_address(file.getvalue(), "image/png"),
            "caption": pictures.captions[row],
            "own": False,
            "words": "",
            "title": "A picture of your own",
            "kept": _KEPT,
            "shares": [*zip(pictures.classes, shares, strict=True)],
        },
        "classes": pictures.classes,
        "head": base64.b64encode(head.numpy().astype("<f4").tobytes()).decode(),
        "transform": _transform(finished.weights.transform),
    }


def _transform(transform: Transform) -> dict[str, Any]:
    return {"mean": transform.mean, "std": transform.std}


def _shown(widget: QuizWidget | GuessWidget | OwnImagesWidget) -> dict[str, Any]:
    """Return what a widget shows before anything was done, and its form without a script."""
    shown = {"view": dict(widget.view), "plain": widget.plain()[1]}
    widget.close()
    return shown


def _question(question: Question, values: Mapping[str, Value]) -> dict[str, Any]:
    """Return what marking a question takes, and the HTML of all that can be said to an answer."""
    plain = {name: value for name, value in question.to_dict().items() if value}
    return {
        "key": question.key,
        "question": plain,  # as an export holds it: what is left out is empty or 0
        "values": {name: _value(question, name, values) for name in sorted(question.asks)},
        "html": {text: html.rich(text, question.format) for text in _sayings(question)},
        "hint": html.rich(question.hint, question.format),
        "explanation": html.rich(question.explanation, question.format),
    }


def _sayings(question: Question) -> Iterable[str]:
    """Return the texts of the file that an answer can get; the others hold nothing to format."""
    said = [*question.feedback.values()]
    for answer in question.answers:
        text = answer.get("feedback", "")
        said += [text, f"(Nearly) {text}"] if answer.get("fuzzy_threshold") else [text]
    return sorted({*filter(None, said)})


def _value(question: Question, name: str, values: Mapping[str, Value]) -> list[str] | float:
    """Return a value as marking compares with it: texts for a text, else a number."""
    read = asked_texts if question.type == "string" else asked_number
    return read(question, name, values)
