"""The quiz widget's Python side: what it shows, marks and keeps. The browser tests do the rest."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

import featlib
from featlib import FeatlibError, quiz
from featlib.widgets.quiz import QuizWidget


@pytest.fixture(autouse=True)
def answers(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))
    return quiz.Progress()


@pytest.fixture
def widget():
    return featlib.show_quiz("03_feature_extraction")


def send(widget, **message):
    """Do what the front end does, and return what it is told."""
    said = []
    widget.send = said.append
    widget._handle_custom_msg(message, [])
    return [message["status"] for message in said]


def shown(widget, identity):
    return next(q for q in widget.view["questions"] if q["id"] == identity)


def test_a_new_quiz_has_no_answers_and_gives_none_away(widget):
    assert {q["state"] for q in widget.view["questions"]} == {"open"}
    sent = json.dumps(widget.view)
    for question in widget.quiz.questions:
        for hidden in (question.hint, question.explanation):
            assert hidden not in sent
    assert "correct" not in sent


def test_a_wrong_answer_gets_its_feedback_and_the_hint(widget):
    assert send(widget, check="identity", answer=0) == ["Not right."]
    now = shown(widget, "identity")
    assert now["state"] == "wrong"
    assert "no weights at all" in now["feedback"]
    assert now["hint"]
    assert not now["explanation"]


UNREADABLE = [
    ({"type": "numeric", "answers": [{"value": 512, "correct": True}]}, "many"),
    ({"type": "numeric", "answers": [{"value": 0.625, "correct": True}]}, "0,625"),
    ({"type": "numeric", "answers": [{"value": 1.234, "correct": True}]}, "1,234"),
    ({"type": "shape", "answers": [{"shape": [8, 512], "correct": True}]}, "eight rows"),
]


@pytest.mark.parametrize(("question", "answer"), UNREADABLE)
def test_what_is_asked_back_is_no_try_and_opens_no_hint(question, answer, answers):
    asked = {"id": "a", "question": "How many?", "hint": "Count.", **question}
    widget = featlib.show_quiz([asked])
    assert send(widget, check="a", answer=answer) == ["Not counted: please write it otherwise."]
    now = shown(widget, "a")
    assert (now["state"], now["hint"]) == ("asked back", "")
    assert "Write" in now["feedback"]
    assert not answers.last(widget.quiz)


NUMBER = {"type": "numeric", "answers": [{"value": 1, "correct": True}]}
MANY = {
    "id": "a", "type": "many_choice", "question": "Which?", "answers": [
        {"answer": "a", "correct": True}, {"answer": "b", "correct": False}
    ],
}  # fmt: skip
WORD = {
    "id": "a", "type": "string", "question": "?", "answers": [{"answer": "height", "correct": True}]
}  # fmt: skip


@pytest.mark.parametrize(
    ("question", "answer"), [(MANY, []), (WORD, ""), (WORD, " \u200b\n"), (WORD | NUMBER, "")]
)
def test_nothing_is_no_answer_and_no_try(question, answer, answers):
    widget = featlib.show_quiz([question])
    assert send(widget, check="a", answer=answer) == ["Give an answer first."]
    assert shown(widget, "a")["state"] == "open"
    assert answers.answers() == []


def test_where_no_choice_is_right_to_choose_none_is_the_answer():
    none = [choice | {"correct": False} for choice in MANY["answers"]]
    widget = featlib.show_quiz([MANY | {"answers": none}])
    assert send(widget, check="a", answer=[0]) == ["Not right."]
    assert send(widget, check="a", answer=[]) == ["Right."]


def test_a_question_whose_text_stands_in_the_notebook():
    widget = featlib.show_quiz([MANY | {"question": ""}])
    assert shown(widget, "a")["text"] == "Question 1: what is asked stands beside it."
    assert send(widget, check="a", answer=[0]) == ["Right."]


def test_a_right_answer_gets_the_explanation(widget):
    send(widget, check="identity", answer=0)
    assert send(widget, check="identity", answer=1) == ["Right."]
    now = shown(widget, "identity")
    assert (now["state"], now["hint"]) == ("right", "")
    assert now["explanation"]


def test_answers_are_kept_at_once_and_shown_again(widget, answers):
    send(widget, check="identity", answer=0)
    send(widget, check="identity", answer=1)
    first, second = answers.answers()
    assert (first.correct, first.hint) == (False, False)
    assert (second.correct, second.hint) == (True, True)
    again = featlib.show_quiz("03_feature_extraction")
    assert shown(again, "identity") == shown(widget, "identity")


def test_a_reset_clears_this_quiz_only(widget, answers):
    send(widget, check="identity", answer=1)
    answers.add("04_train_linear_head", "loop", [0], False)
    assert send(widget, reset=True) == ["All answers are cleared."]
    assert {q["state"] for q in widget.view["questions"]} == {"open"}
    assert [answer.quiz for answer in answers.answers()] == ["04_train_linear_head"]


def test_an_answer_of_the_wrong_kind_is_said_and_not_kept(widget, answers):
    (status,) = send(widget, check="identity", answer="b")
    assert "the number of a choice" in status
    assert answers.answers() == []


def test_an_answer_that_cannot_be_saved_is_marked_all_the_same(widget, tmp_path):
    (tmp_path / "data").write_text("in the way")
    (status,) = send(widget, check="identity", answer=1)
    assert status.startswith("Right. But the answer could not be saved")
    assert shown(widget, "identity")["state"] == "right"


def test_an_old_answer_that_no_longer_fits_is_asked_again(answers):
    answers.add("03_feature_extraction", "identity", 17, True)
    assert shown(featlib.show_quiz("03_feature_extraction"), "identity")["state"] == "open"


def test_values_of_the_learners_own_run():
    widget = featlib.show_quiz("06_prediction_trace", values={"top_class": "animal"})
    send(widget, check="class", answer="cat")
    assert "no class is called so" in shown(widget, "class")["feedback"]
    send(widget, check="class", answer=" Animal ")
    assert shown(widget, "class")["state"] == "right"


def test_missing_values_are_named():
    with pytest.raises(FeatlibError, match=r"show_quiz.*values.*top_class"):
        featlib.show_quiz("06_prediction_trace")


def test_an_unknown_mode():
    with pytest.raises(FeatlibError, match="'one', 'all'"):
        featlib.show_quiz("source_quiz", mode="some")


def test_the_stored_output_has_a_form_for_where_no_kernel_runs(widget):
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert quiz.form(widget.quiz) in data["text/html"]
    n = len(widget.quiz.questions)
    assert data["text/plain"] == f"Quiz('03_feature_extraction': {n} questions)"
    assert "application/vnd.jupyter.widget-view+json" in data


def test_the_stored_output_has_the_quiz_for_programs_and_no_answers():
    values = {"top_class": "SECRET VALUE"}
    widget = featlib.show_quiz("06_prediction_trace", values=values)
    new = widget._repr_mimebundle_()[0][quiz.MIME]
    assert quiz.Quiz.from_dict(json.loads(json.dumps(new))) == widget.quiz
    assert new["questions"] == json.loads(json.dumps([*map(asdict, widget.quiz.questions)]))
    assert [*new] == ["title", "name", "objectives", "questions"]
    send(widget, check="class", answer="MY ANSWER", sent="MARK")
    answered = json.dumps(widget._repr_mimebundle_()[0][quiz.MIME])
    assert answered == json.dumps(new)
    assert "MY ANSWER" in json.dumps(widget.view)
    assert not [word for word in ("SECRET", "MY ANSWER", "MARK") if word in answered]


def test_a_reply_carries_the_mark_of_its_answer(widget):
    send(widget, check="identity", answer=0, sent="first")
    assert shown(widget, "identity")["sent"] == "first"
    seen = []
    widget.observe(seen.append, "view")
    send(widget, check="identity", answer=0, sent="second")  # the same again is answered, too
    assert len(seen) == 1
    assert shown(widget, "identity")["sent"] == "second"


def test_every_reset_is_told(widget):
    for times in (1, 2):
        send(widget, reset=True)
        assert widget.view["cleared"] == times
    assert {q["sent"] for q in widget.view["questions"]} == {None}


def test_hostile_text_reaches_the_front_end_as_text(tmp_path):
    path = tmp_path / "hostile.json"
    evil = "<img src=x onerror=alert(1)>"
    choices = [
        {"answer": evil, "correct": False, "feedback": evil},
        {"answer": "b", "correct": True},
    ]
    question = {"id": "q", "type": "multiple_choice", "question": evil, "code": evil, "hint": evil}
    path.write_text(json.dumps([question | {"answers": choices}]))
    widget = QuizWidget(quiz.load(path), quiz.Progress(tmp_path / "answers.jsonl"))
    send(widget, check="q", answer=0)
    assert "<img" not in json.dumps(widget.view)


def test_a_drawn_quiz_is_shown_and_kept_like_any_other(answers):
    drawn = quiz.draw(10, seed=0)
    widget = featlib.show_quiz(drawn)
    question = next(q for q in drawn.questions if q.type == "multiple_choice")
    right = next(i for i, answer in enumerate(question.answers) if answer["correct"])
    send(widget, check=question.id, answer=right)
    assert shown(featlib.show_quiz(drawn), question.id)["state"] == "right"
    assert answers.answers("final")[0].question == question.id


@pytest.mark.parametrize(
    "message",
    [{}, {"check": "no such question", "answer": 0}, {"check": "identity"}, {"check": None}],
)
def test_a_message_that_makes_no_sense_changes_nothing(widget, answers, message):
    before = widget.view
    (status,) = send(widget, **message)
    assert "wanted" in status
    assert widget.view == before
    assert answers.answers() == []


@pytest.mark.parametrize("number", [np.float32, np.float64, torch.tensor])
def test_values_of_numpy_and_torch_are_numbers(number):
    question = {
        "id": "loss", "type": "numeric", "text": "Which loss?", "tolerance": 0.01,
        "answers": [{"ask": "loss", "correct": True}],
    }  # fmt: skip
    asked = quiz.Quiz.from_dict(
        {"name": "own", "title": "Own", "objectives": {}, "questions": [question]}
    )
    widget = featlib.show_quiz(asked, values={"loss": number(0.5)})
    assert send(widget, check="loss", answer="0.5") == ["Right."]


@pytest.mark.parametrize(
    ("kind", "answers", "example"),
    [
        ("shape", [{"shape": [3, 64, 64], "correct": True}], "such as (3, 8, 8)"),
        ("shape", [{"shape": [32, 3, 64, 64], "correct": True}], "such as (4, 3, 8, 8)"),
        ("shape", [{"shape": [512], "correct": True}], "such as (8,)"),
        ("shape", [{"shape": [3, 8, 8], "correct": True}], "such as (4, 9, 9)"),
        ("shape", [{"shape": [2] * 6, "correct": True}], "such as (8, 8, 4, 3, 8, 8)"),
        (
            "shape",
            [{"shape": [1, 2, 3, 4], "correct": False}, {"shape": [9, 9], "correct": True}],
            "such as (8, 8)",
        ),
        ("numeric", [{"value": 5, "correct": True}], "a number"),
        ("string", [{"answer": "height", "correct": True}], ""),
    ],
)
def test_an_empty_field_shows_an_example_of_the_same_kind(kind, answers, example):
    question = {"id": "q", "type": kind, "text": "Which?", "answers": answers}
    asked = quiz.Quiz.from_dict(
        {"name": "own", "title": "Own", "objectives": {}, "questions": [question]}
    )
    assert shown(featlib.show_quiz(asked), "q")["example"] == example
