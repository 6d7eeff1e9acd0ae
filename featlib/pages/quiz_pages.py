"""The pages of a quiz, of flashcards and of a guess in a talk, from a notebook's outputs.

The cell of a quiz keeps its questions as JSON beside what it shows; the cell of flashcards keeps
its cards, and the cell of a guess its question. Pages are built from these, never from HTML.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from featlib import quiz
from featlib.checks import FeatlibError
from featlib.pages.safe_html import clean
from featlib.quiz import html

__all__ = ["Form", "find_form"]

CARDS = 4  # on a page


@dataclass(frozen=True)
class Form:
    """A quiz, a deck of flashcards or a question to guess, as pages.

    Attributes
    ----------
    name : str
        ``Quiz``, ``Flashcards`` or ``Guess``: the line at the top of each page.
    pages : tuple of str
        The HTML of each page; at least one.
    """

    name: str
    pages: tuple[str, ...]


def find_form(outputs: Iterable[Mapping[str, Any]]) -> Form | None:
    """Find a quiz, flashcards or a question to guess in the outputs of a cell.

    Parameters
    ----------
    outputs : iterable of nbformat.NotebookNode
        The outputs, as in a notebook file.

    Returns
    -------
    Form or None
        The first; None if there is none, or its data are damaged.
    """
    for output in outputs:
        data = output.get("data") or {}
        for mime, name, build in (
            (quiz.MIME, "Quiz", _quiz_pages),
            (quiz.DECK_MIME, "Flashcards", _deck_pages),
            (quiz.GUESS_MIME, "Guess", _guess_page),
        ):
            if mime in data and (pages := _pages(build, data[mime])):
                return Form(name, pages)
    return None


def _pages(build: Callable[[object], tuple[str, ...]], data: object) -> tuple[str, ...]:
    try:
        return build(data)
    except FeatlibError:  # damaged, or of another version: the HTML beside it is shown
        return ()


def _quiz_pages(data: object) -> tuple[str, ...]:
    """Return a page for each question, with its answer folded away."""
    found = quiz.Quiz.from_dict(data)
    title = f"<p><strong>{escape(found.title)}</strong> – {len(found.questions)} questions</p>"
    items = enumerate(map(html.question, found.questions), 1)
    return tuple(
        f'<div class="question">{title}<ol start="{number}">{item}</ol></div>'
        for number, item in items
    )


def _deck_pages(data: object) -> tuple[str, ...]:
    """Return a page for every four cards, with their backs folded away."""
    cards = list(map(html.card, quiz.deck_from_dict(data)))
    groups = (cards[i : i + CARDS] for i in range(0, len(cards), CARDS))
    return tuple(f'<div class="cards">{"".join(group)}</div>' for group in groups)


def _guess_page(data: object) -> tuple[str, ...]:
    """Return the page of a question to guess; the figure that follows has the answer."""
    found = quiz.GuessQuestion.from_dict(data)
    return (f'<div class="question guess">{clean(html.guess(found))}</div>',)
