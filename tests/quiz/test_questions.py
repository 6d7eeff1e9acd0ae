"""Quiz files: what loads, and what is drawn from them."""

import subprocess
import sys

import pytest
from conftest import GOOD_QUIZ

from featlib import FeatlibError, quiz


def test_a_file_becomes_plain_data(write_quiz):
    loaded = quiz.load(write_quiz(GOOD_QUIZ))
    assert repr(loaded) == "Quiz('mine': 2 questions)"
    assert loaded.title == "A quiz"
    assert [question.id for question in loaded.questions] == ["one", "two"]


def test_the_files_of_jupyterquiz_load(write_quiz):
    loaded = quiz.load(
        write_quiz(
            [
                {
                    "question": "Choose",
                    "type": "multiple_choice",
                    "answer_cols": 2,
                    "code": "x = 1",
                    "answers": [
                        {"code": "x", "correct": True},
                        {"answer": "y", "correct": True},
                        {"answer": "z", "correct": False},
                    ],
                },
                {
                    "question": "Enter pi",
                    "type": "numeric",
                    "precision": 3,
                    "answers": [
                        {"type": "value", "value": 3.14, "correct": True, "feedback": "yes"},
                        {"type": "range", "range": [3, 4], "correct": False, "feedback": "near"},
                        {"type": "default", "feedback": "no"},
                    ],
                },
            ]
        )
    )
    choose, pi = loaded.questions
    assert choose.type == "many_choice"  # as JupyterQuiz does with several right answers
    assert (choose.columns, choose.code, choose.id) == (2, "x = 1", "question-1")
    assert quiz.mark(pi, "3.141").correct
    assert quiz.mark(pi, "3.5") == quiz.Mark(False, "near")
    assert quiz.mark(pi, "9") == quiz.Mark(False, "no")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(FeatlibError, match=r"00_start_here.*source_quiz"):
        quiz.load("nowhere")


def test_quizzes_load_without_widgets_and_without_torch():
    code = (
        "import sys; from featlib import quiz; quiz.load('source_quiz');"
        "print(sorted({'torch', 'ipywidgets', 'anywidget', 'IPython'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_drawn_quiz_takes_from_each_quiz_before_it_takes_a_second_time():
    drawn = quiz.draw(len(quiz.names()), seed=0)
    beginnings = {question.id[:2] for question in drawn.questions}
    assert len(beginnings) == len(drawn.questions) == len(quiz.names())
    assert not [question for question in drawn.questions if question.asks]


def test_the_same_seed_draws_the_same_questions():
    assert quiz.draw(10, seed=3) == quiz.draw(10, seed=3) != quiz.draw(10, seed=4)
    assert quiz.draw(10) != quiz.draw(10)


def test_more_questions_than_there_are_cannot_be_drawn():
    with pytest.raises(FeatlibError, match=r"quiz\.draw"):
        quiz.draw(10_000)
