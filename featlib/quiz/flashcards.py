"""Flashcards, and when to show each again.

When is decided by FSRS, the Free Spaced Repetition Scheduler
(https://github.com/open-spaced-repetition/free-spaced-repetition-scheduler), through the library
`fsrs`. Only the ratings are kept; the schedule follows from them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsrs

from featlib import checks
from featlib.quiz import questions
from featlib.quiz.progress import RATINGS, Review

__all__ = [
    "DECK_MIME",
    "Flashcard",
    "deck_from_dict",
    "deck_to_dict",
    "due",
    "in_words",
    "intervals",
    "load_deck",
    "schedule",
]

DECK_MIME = "application/vnd.featlib.flashcards+json"  # of cards in a notebook's output

# Without a random part the same ratings always give the same schedule.
_SCHEDULER = fsrs.Scheduler(enable_fuzzing=False)
# A clock may be wrong. The last year leaves room for the longest interval, a hundred years, in
# what Python can count, and Windows can show.
_FIRST, _LAST = 0, datetime(2900, 1, 1, tzinfo=timezone.utc).timestamp()


@dataclass(frozen=True)
class Flashcard:
    """One card.

    Attributes
    ----------
    id : str
        Never used twice in a deck.
    front, back : str
        Question and answer, in Markdown.
    notebook : str
        Where it is explained; empty if nowhere.
    """

    id: str
    front: str
    back: str
    notebook: str = ""


def load_deck(name: str | Path = "flashcards") -> list[Flashcard]:
    """Read a deck of flashcards and check it.

    Parameters
    ----------
    name : str or pathlib.Path
        As for `find`.

    Returns
    -------
    list of Flashcard

    Raises
    ------
    featlib.FeatlibError
        If there is no such file, or anything in it is wrong; all faults are listed at once.
    """
    path = questions.find(name)
    data = questions.read(path)
    faults = questions.schema_faults(data, "deck") or _used_twice(data)
    questions.refuse_faults(f"quiz '{path}'", "a file as quizzes/schema.json says", faults)
    return [Flashcard(**card) for card in data["cards"]]


def deck_to_dict(deck: Iterable[Flashcard]) -> dict[str, Any]:
    """Return cards as plain data that `json.dumps` takes; always in the same order.

    Parameters
    ----------
    deck : iterable of Flashcard
        The cards.

    Returns
    -------
    dict
        With the key ``cards``: a dict for each card, with the fields of `Flashcard` as keys.
    """
    return {"cards": [asdict(card) for card in deck]}


def deck_from_dict(data: object) -> list[Flashcard]:
    """Make cards of what `deck_to_dict` returned, for example out of a notebook's output.

    Parameters
    ----------
    data : dict
        As `deck_to_dict` returns it.

    Returns
    -------
    list of Flashcard

    Raises
    ------
    featlib.FeatlibError
        If it is no deck of cards. All faults are listed at once, each with card and field.
    """
    where, wanted = "deck_from_dict", "cards as deck_to_dict returns them"
    plain = questions.plain_json(data, where, wanted)
    if not isinstance(plain, dict) or plain.keys() != {"cards"}:
        questions.refuse_faults(where, wanted, ["as a whole: no object with cards alone"])
    faults = questions.schema_faults(plain | {"title": "cards"}, "deck") or _used_twice(plain)
    questions.refuse_faults(where, wanted, faults)
    return [Flashcard(**card) for card in plain["cards"]]


def _used_twice(data: dict[str, Any]) -> list[str]:
    ids = [card["id"] for card in data["cards"]]
    return [
        f"card {i}, id: '{identity}' is used twice"
        for i, identity in enumerate(ids, 1)
        if identity in ids[: i - 1]
    ]


def schedule(reviews: Iterable[Review]) -> dict[str, fsrs.Card]:
    """Work out when each card is due.

    Parameters
    ----------
    reviews : sequence of featlib.quiz.Review
        Ratings, oldest first.

    Returns
    -------
    dict of str to fsrs.Card
        By the card's id; its ``due`` is a time in UTC. Cards without a review are missing.
    """
    cards: dict[str, fsrs.Card] = {}
    for review in reviews:
        card = cards.get(review.card) or fsrs.Card(card_id=0)
        cards[review.card] = _rate(card, review.rating, review.time)
    return cards


def due(deck: Sequence[Flashcard], reviews: Sequence[Review], now: float) -> list[Flashcard]:
    """Return the cards to show now: those that are due, the longest waiting first, then new ones.

    Parameters
    ----------
    deck : sequence of Flashcard
        The cards.
    reviews : sequence of featlib.quiz.Review
        Ratings, oldest first.
    now : float
        Seconds since 1970, UTC.

    Returns
    -------
    list of Flashcard
    """
    known = schedule(reviews)
    waiting = [card for card in deck if card.id in known and known[card.id].due <= _utc(now)]
    new = [card for card in deck if card.id not in known]
    return sorted(waiting, key=lambda card: known[card.id].due) + new


def intervals(card: Flashcard, reviews: Sequence[Review], now: float) -> dict[str, timedelta]:
    """Return how long each rating would put a card away.

    Parameters
    ----------
    card : Flashcard
        The card.
    reviews : sequence of featlib.quiz.Review
        Ratings, oldest first.
    now : float
        Seconds since 1970, UTC.

    Returns
    -------
    dict of str to datetime.timedelta
        By the rating.
    """
    known = schedule([review for review in reviews if review.card == card.id])
    before = known.get(card.id) or fsrs.Card(card_id=0)
    return {rating: _rate(before, rating, now).due - _utc(now) for rating in RATINGS}


def in_words(interval: timedelta) -> str:
    """Say an interval as people do.

    Parameters
    ----------
    interval : datetime.timedelta
        How long.

    Returns
    -------
    str
        Such as ``"10 minutes"`` or ``"3 days"``.
    """
    for unit, length in (
        ("day", timedelta(days=1)),
        ("hour", timedelta(hours=1)),
        ("minute", timedelta(minutes=1)),
    ):
        if interval >= length:
            count = round(interval / length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "1 minute"


def _rate(card: fsrs.Card, rating: str, time: float) -> fsrs.Card:
    checks.one_of(rating, "quiz.flashcards", "rating", RATINGS)
    return _SCHEDULER.review_card(card, fsrs.Rating(RATINGS.index(rating) + 1), _utc(time))[0]


def _utc(seconds: float) -> datetime:
    seconds = checks.number(seconds, "quiz.flashcards", "time", low=float("-inf"))
    return datetime.fromtimestamp(min(max(seconds, _FIRST), _LAST), timezone.utc)
