"""Flashcards: what is due when."""

import json
import time
from datetime import timedelta

import pytest

from featlib import FeatlibError, quiz
from featlib.quiz import flashcards
from featlib.quiz.flashcards import Flashcard
from featlib.quiz.progress import Review

DECK = [Flashcard(name, f"{name}?", f"{name}!") for name in ("a", "b", "c")]
DAY = 86_400
NOW = 1_700_000_000.0


def test_new_cards_come_in_the_decks_order():
    assert flashcards.due(DECK, [], NOW) == DECK


def test_what_you_knew_waits_longer_than_what_you_forgot():
    reviews = [Review("a", "again", NOW), Review("b", "easy", NOW)]
    soon = [card.id for card in flashcards.due(DECK, reviews, NOW + 3600)]
    assert soon == ["a", "c"]
    later = [card.id for card in flashcards.due(DECK, reviews, NOW + 60 * DAY)]
    assert later == ["a", "b", "c"]


def test_intervals_grow_with_every_time_that_you_know_it():
    reviews, now, waits = [], NOW, []
    for _ in range(5):
        wait = flashcards.intervals(DECK[0], reviews, now)["good"]
        reviews.append(Review("a", "good", now))
        now += wait.total_seconds()
        waits.append(wait)
    assert waits == sorted(waits)
    assert waits[-1] > timedelta(days=14)


def test_a_better_rating_never_comes_back_sooner():
    waits = list(flashcards.intervals(DECK[0], [Review("a", "good", NOW)], NOW + DAY).values())
    assert waits == sorted(waits)


def test_the_same_reviews_give_the_same_schedule():
    reviews = [Review("a", "good", NOW + i * 5 * DAY) for i in range(4)]
    first, second = (flashcards.schedule(reviews)["a"].due for _ in range(2))
    assert first == second


def test_a_clock_that_went_back_is_survived():
    reviews = [Review("a", "good", NOW), Review("a", "good", NOW - 30 * DAY)]
    assert flashcards.due(DECK[:1], reviews, NOW + 400 * DAY) == DECK[:1]


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (timedelta(seconds=20), "1 minute"),
        (timedelta(minutes=10), "10 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_intervals_in_words(interval, words):
    assert flashcards.in_words(interval) == words


def test_the_deck_that_comes_with_featlib():
    deck = quiz.load_deck()
    assert len(deck) >= 20
    assert all(card.front and card.back for card in deck)


def test_all_faults_of_a_deck_come_in_one_error(tmp_path):
    path = tmp_path / "deck.json"
    cards = [{"id": "a", "front": ""}, {"id": "b", "front": "?", "back": "!", "side": 1}]
    path.write_text(json.dumps({"title": "x", "cards": cards}))
    with pytest.raises(FeatlibError, match="3 faults") as error:
        quiz.load_deck(path)
    assert "card 1, front" in str(error.value)
    assert "card 2, as a whole" in str(error.value)


def test_a_card_used_twice(tmp_path):
    path = tmp_path / "deck.json"
    cards = [{"id": "a", "front": "?", "back": "!"}] * 2
    path.write_text(json.dumps({"title": "x", "cards": cards}))
    with pytest.raises(FeatlibError, match="card 2, id: 'a' is used twice"):
        quiz.load_deck(path)


def test_reviews_are_kept_in_the_progress_store(tmp_path):
    progress = quiz.Progress(tmp_path / "answers.jsonl")
    progress.add_review("a", "good")
    (review,) = progress.reviews()
    assert (review.card, review.rating) == ("a", "good")
    assert abs(review.time - time.time()) < 60


def test_a_deck_comes_back_from_its_dict():
    deck = quiz.load_deck()
    data = quiz.deck_to_dict(deck)
    assert json.loads(json.dumps(data)) == data
    assert quiz.deck_from_dict(data) == deck


CARD = {"id": "a", "front": "?", "back": "!", "notebook": ""}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "as a whole"),
        ([CARD], "as a whole"),
        ({"cards": [CARD], "reviews": []}, "as a whole"),
        ({"cards": []}, "cards"),
        ({"cards": [CARD | {"front": ""}]}, "card 1, front"),
        ({"cards": [CARD | {"side": 1}]}, "card 1, as a whole"),
        ({"cards": [CARD, CARD]}, "card 2, id: 'a' is used twice"),
        ({"cards": {1, 2}}, "what JSON cannot hold"),
    ],
)
def test_what_is_no_deck_is_refused(data, said):
    with pytest.raises(FeatlibError, match="deck_from_dict: wanted cards") as error:
        quiz.deck_from_dict(data)
    assert said in str(error.value)


FAR = [0.0, -62_135_596_800.0, 253_402_300_799.0, 1e300, -1e300]  # years 1970, 1, 9999, and none


@pytest.mark.parametrize("now", FAR)
@pytest.mark.parametrize("then", FAR)
def test_a_clock_that_is_wrong_is_no_reason_to_stop(then, now):
    reviews = [Review("a", rating, then) for rating in ("good", "easy", "easy")]
    assert flashcards.due(DECK, reviews, now)
    for wait in flashcards.intervals(DECK[0], reviews, now).values():
        flashcards.in_words(wait)
    [card] = flashcards.schedule(reviews).values()
    assert f"{card.due.astimezone():%d %B, %H:%M}"


@pytest.mark.parametrize("now", [None, "soon", float("nan")])
def test_a_time_that_is_none_is_refused(now):
    with pytest.raises(FeatlibError, match="time as a number"):
        flashcards.intervals(DECK[0], [], now)
