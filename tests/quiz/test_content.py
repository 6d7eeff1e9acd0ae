"""What every quiz of the lesson keeps to, so that it teaches and gives nothing away."""

from collections import Counter
from pathlib import Path

import nbformat
import pytest

from featlib import quiz

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSON = [name for name in quiz.names() if name != "source_quiz"]
QUESTIONS = [(name, question) for name in quiz.names() for question in quiz.load(name).questions]
CHOICES = [(name, question) for name, question in QUESTIONS if question.type == "multiple_choice"]
IDS = [f"{name}-{question.id}" for name, question in QUESTIONS]


def test_there_is_a_quiz_for_each_notebook_and_enough_of_them():
    assert [name[:2] for name in LESSON] == [f"{number:02}" for number in range(13)]
    assert len(QUESTIONS) >= 70
    assert len(quiz.load("source_quiz").questions) == 3


@pytest.mark.parametrize("name", LESSON)
def test_a_quiz_is_long_enough_mixed_and_covers_its_objectives(name):
    loaded = quiz.load(name)
    assert len(loaded.questions) >= 5
    assert len({question.type for question in loaded.questions}) >= 3
    assert {question.objective for question in loaded.questions} == set(loaded.objectives)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_objectives_are_those_that_the_notebook_names(path):
    beginning = nbformat.read(path, as_version=4).cells[0].source
    promised = [line[2:] for line in beginning.splitlines() if line.startswith("- ")]
    assert set(quiz.load(path.stem).objectives.values()) == set(promised)


@pytest.mark.parametrize(("name", "question"), QUESTIONS, ids=IDS)
def test_a_question_has_all_that_a_learner_needs(name, question):
    assert question.objective
    assert question.hint
    assert question.explanation
    for answer in question.answers:
        assert answer.get("feedback"), answer
        # The widget says it already.
        assert not answer["feedback"].startswith(("Right", "Yes", "Not yet", "Wrong"))
    if question.type in ("numeric", "string", "shape"):
        assert question.answers[-1].get("type") == "default"


@pytest.mark.parametrize(("name", "question"), QUESTIONS, ids=IDS)
def test_a_choice_gives_nothing_away(name, question):
    if question.type not in ("multiple_choice", "many_choice"):
        return
    texts = [answer["answer"].casefold() for answer in question.answers]
    assert len(set(texts)) == len(texts) >= 4
    assert not [t for t in texts if "all of the" in t or "none of the" in t]
    right = sum(answer["correct"] for answer in question.answers)
    assert right == 1 if question.type == "multiple_choice" else 1 < right < len(texts)


def positions(rank):
    """Count the right choice's place after the choices are put in order."""
    return Counter(
        rank(question.answers).index(next(a for a in question.answers if a["correct"]))
        for _, question in CHOICES
    )


def test_right_answers_are_spread_evenly():
    found = positions(list)
    assert min(found[place] for place in range(4)) >= len(CHOICES) * 0.15
    assert max(found.values()) <= len(CHOICES) * 0.35


def test_length_does_not_tell_the_right_answer():
    found = positions(lambda answers: sorted(answers, key=lambda a: len(a["answer"])))
    assert max(found.values()) <= len(CHOICES) * 0.4


@pytest.mark.parametrize("name", LESSON)
def test_items_of_an_order_are_never_shown_in_the_right_order(name):
    from featlib.quiz.marking import shuffled

    for question in quiz.load(name).questions:
        if question.type == "order":
            assert shuffled(question) != list(range(len(question.items)))
