"""Flashcards as a widget: see the front, recall, turn, and say how well you knew it."""

import time
from pathlib import Path
from typing import Any, ClassVar

from featlib import checks, quiz
from featlib.engine.words import describe, printable
from featlib.quiz import flashcards, html
from featlib.quiz.progress import RATINGS
from featlib.widgets.base import Widget, script

__all__ = ["FlashcardsWidget", "show_flashcards"]


class FlashcardsWidget(Widget):
    """A deck of flashcards to review in the notebook.

    Parameters
    ----------
    deck : list of featlib.quiz.Flashcard
        The cards.
    progress : featlib.quiz.Progress
        Where reviews are kept.
    limit : int
        Cards in this sitting, at most.

    Attributes
    ----------
    deck : list of featlib.quiz.Flashcard
        The cards.
    progress : featlib.quiz.Progress
        Where reviews are kept.
    view : dict
        What the front end shows.

    Raises
    ------
    featlib.FeatlibError
        If one of these is of another kind.
    """

    _esm = script("flashcards")
    _invitation = "Run this cell to review the cards."
    _messages: ClassVar = {"card": {"card": str, "rating": str}}

    def __init__(
        self, deck: list[quiz.Flashcard], progress: quiz.Progress, limit: int = 20
    ) -> None:
        where, fix = "show_flashcards", "quiz.load_deck() returns one."
        if not isinstance(deck, list) or not all(isinstance(x, quiz.Flashcard) for x in deck):
            checks.refuse(where, "a list of Flashcards", describe(deck), fix)
        checks.instance(progress, quiz.Progress, where, "a Progress", "Pass quiz.Progress().")
        self.deck = deck
        self.progress = progress
        self._left = checks.whole_number(limit, where, "limit")
        super().__init__(view=self._next())

    def plain(self) -> tuple[str, str]:
        """Return the cards as text and as HTML.

        Returns
        -------
        text, html : str
        """
        return f"Flashcards({len(self.deck)})", html.cards(self.deck)

    def machine_readable(self) -> dict[str, dict[str, Any]]:
        """Return the cards as JSON by its MIME type, without any review.

        Returns
        -------
        dict of str to dict
            With the key `featlib.quiz.DECK_MIME`.
        """
        return {quiz.DECK_MIME: quiz.deck_to_dict(self.deck)}

    def _next(self) -> dict[str, Any]:
        """Return what to show: the card that is most due, or that there is none."""
        now, reviews = time.time(), self.progress.reviews()
        waiting = flashcards.due(self.deck, reviews, now)
        if not waiting or self._left <= 0:
            return {"card": None, "words": self._farewell(waiting, reviews)}
        card = waiting[0]
        away = flashcards.intervals(card, reviews, now)
        return {
            "card": card.id,
            "words": f"{min(len(waiting), self._left)} to go",
            "front": html.rich(card.front, "markdown"),
            "back": html.rich(card.back, "markdown"),
            "notebook": card.notebook,
            "ratings": [
                {"rating": rating, "words": f"{rating.capitalize()} · {flashcards.in_words(wait)}"}
                for rating, wait in away.items()
            ],
        }

    def _farewell(self, waiting: list[quiz.Flashcard], reviews: list[quiz.Review]) -> str:
        if waiting:
            return f"Done for today. {len(waiting)} more are waiting: run the cell again."
        dates = [card.due for card in flashcards.schedule(reviews).values()]
        if not dates:
            return "There are no cards."
        return f"Done. The next card is due on {min(dates).astimezone():%d %B, %H:%M}."

    def _do(self, kind: str, fields: dict[str, Any], mark: str | None) -> str:
        card, rating = fields["card"], fields["rating"]
        checks.one_of(rating, "FlashcardsWidget", "rating", RATINGS)
        if card != self.view["card"]:  # the second click on the same button
            return ""
        try:
            self.progress.add_review(card, rating)
        except (checks.FeatlibError, OSError) as error:
            return f"The review could not be saved: {printable(str(error))}"
        self._left -= 1
        self.view = self._next()
        return ""


def show_flashcards(name: str | Path = "flashcards", *, limit: int = 20) -> FlashcardsWidget:
    """Show the flashcards that are due, as the last line of a cell.

    Parameters
    ----------
    name : str or pathlib.Path
        The deck that comes with featlib, or the path of a file.
    limit : int
        Cards in this sitting, at most.

    Returns
    -------
    FlashcardsWidget

    Raises
    ------
    featlib.FeatlibError
        If there is no such deck, or its file is faulty.
    """
    wanted = "the name of a deck, or its file"
    checks.instance(name, (str, Path), "show_flashcards", wanted, 'Try "flashcards".')
    return FlashcardsWidget(quiz.load_deck(name), quiz.Progress(), limit)
