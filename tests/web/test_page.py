"""What is made for a web page: its script, its places, and what is refused."""

import json
import re
from pathlib import Path

import pytest

import featlib.widgets
from featlib import FeatlibError, quiz, web

CHOICE = {"answer": "</script><b>", "correct": True, "feedback": "<!-- <script>"}
ASKED = quiz.load([{"type": "multiple_choice", "question": "?", "answers": [CHOICE, CHOICE]}])
OWN = quiz.load(
    [
        {"type": "numeric", "question": "?", "answers": [{"ask": "share", "correct": True}]},
        {"type": "string", "question": "?", "answers": [{"ask": "name", "correct": True}]},
    ]
)


def test_the_script_has_the_front_ends_of_the_notebook_and_needs_nothing_else():
    script = web.script()
    folder = Path(featlib.widgets.__file__).parent
    own = ("own_shrink", "own_files", "own_camera", "own_class", "own_images", "my_picture")
    for name in ("dom", "place", "quiz", "guess", "flashcards", *own):
        text = (folder / f"{name}.js").read_text(encoding="utf-8")
        assert script.count(text.partition("export default")[0]) == 1, name
    assert not re.search(r"^(import|export)\b|\bimport\(|\bfetch\(|</script|<!--", script, re.M)


def test_nothing_in_a_place_ends_its_data():
    place = web.embed("quiz", web.data(ASKED))
    (held,) = re.findall(r'<script type="application/json">(.*?)</script>', place)
    assert place.count("<script") == 1
    question = json.loads(held)["questions"][0]["question"]
    assert question["answers"][0] == CHOICE


def test_values_are_those_of_the_run_that_is_shown():
    own = web.data(OWN, {"share": "0.83", "name": ("cat", 2)})["questions"]
    assert [entry["values"] for entry in own] == [{"share": 0.83}, {"name": ["cat", "2"]}]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: web.data("03_feature_extraction"), "wanted a Quiz, a GuessQuestion, or a list"),
        (lambda: web.data(["card"]), "a list of Flashcards"),
        (lambda: web.data(OWN), "nothing for name, share"),
        (lambda: web.data(OWN, {"share": "many", "name": "cat"}), "'share' as one number"),
        (lambda: web.data(ASKED, measured=1), "Leave 'measured' out"),
        (lambda: web.data([], {"share": 1}), "Leave 'values' out"),
        (lambda: web.embed("slides", {}), "one of 'quiz', 'guess', 'flashcards', 'lab'"),
        (lambda: web.embed("guess", web.data(ASKED)), "data for 'guess'"),
        (lambda: web.embed("quiz", None), "data as web.data returns it"),
    ],
)
def test_what_is_refused(made, said):
    with pytest.raises(FeatlibError, match=re.escape(said)):
        made()
