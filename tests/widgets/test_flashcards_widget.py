"""The flashcards widget's Python side."""

import json

import pytest

import featlib
from featlib import quiz


@pytest.fixture(autouse=True)
def answers(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))
    return quiz.Progress()


def rate(widget, rating):
    widget._handle_custom_msg({"card": widget.view["card"], "rating": rating}, [])


def test_each_rating_brings_the_next_card_and_is_kept(answers):
    widget = featlib.show_flashcards()
    first = widget.view["card"]
    assert widget.view["words"] == "20 to go"
    rate(widget, "easy")
    assert widget.view["card"] != first
    assert widget.view["words"] == "19 to go"
    assert [(r.card, r.rating) for r in answers.reviews()] == [(first, "easy")]


def test_the_next_sitting_leaves_out_what_you_knew():
    widget = featlib.show_flashcards()
    known = widget.view["card"]
    rate(widget, "easy")
    again = featlib.show_flashcards(limit=1000)
    seen = set()
    while again.view["card"]:
        seen.add(again.view["card"])
        rate(again, "easy")
    assert known not in seen
    assert seen | {known} == {card.id for card in quiz.load_deck()}
    assert "The next card is due on" in again.view["words"]


def test_a_sitting_has_an_end():
    widget = featlib.show_flashcards(limit=2)
    rate(widget, "good")
    rate(widget, "good")
    assert widget.view["card"] is None
    assert "more are waiting" in widget.view["words"]


def test_a_message_that_makes_no_sense_changes_nothing(answers):
    widget = featlib.show_flashcards()
    before = widget.view
    for message in ({"card": "none", "rating": "good"}, {"card": before["card"]}, {}):
        widget._handle_custom_msg(message, [])
    assert widget.view == before
    assert answers.reviews() == []


def test_the_stored_output_has_all_cards_folded():
    bundle = featlib.show_flashcards()._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/html"].count("<details>") == len(quiz.load_deck())


def test_the_stored_output_has_the_cards_for_programs_and_no_reviews(answers):
    new = featlib.show_flashcards()._repr_mimebundle_()[0][quiz.DECK_MIME]
    assert quiz.deck_from_dict(json.loads(json.dumps(new))) == quiz.load_deck()
    widget = featlib.show_flashcards()
    rate(widget, "easy")
    assert answers.reviews()
    assert widget._repr_mimebundle_()[0][quiz.DECK_MIME] == new


def test_a_rating_of_a_card_that_is_no_longer_shown_does_not_count(answers):
    widget = featlib.show_flashcards()
    first = widget.view["card"]
    for _ in range(2):
        widget._handle_custom_msg({"card": first, "rating": "easy"}, [])
    assert len(answers.reviews()) == 1
