"""Quiz files: what loads, and what is said about one that is broken."""

import json
import subprocess
import sys

import pytest

from featlib import FeatlibError, quiz

GOOD = {
    "title": "A quiz",
    "objectives": {"shapes": "name shapes"},
    "questions": [
        {
            "id": "one",
            "type": "multiple_choice",
            "question": "Which?",
            "objective": "shapes",
            "answers": [{"answer": "a", "correct": True}, {"answer": "b", "correct": False}],
        },
        {
            "id": "two",
            "type": "numeric",
            "question": "How many?",
            "answers": [{"value": 3, "correct": True}],
        },
    ],
}


@pytest.fixture
def write(tmp_path):
    def write(data, name="mine.json"):
        path = tmp_path / name
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        return path

    return write


def changed(number, **fields):
    """Return the good quiz with fields of one question changed; None removes one."""
    data = json.loads(json.dumps(GOOD))
    for name, value in fields.items():
        if value is None:
            del data["questions"][number - 1][name]
        else:
            data["questions"][number - 1][name] = value
    return data


def test_a_file_becomes_plain_data(write):
    loaded = quiz.load(write(GOOD))
    assert repr(loaded) == "Quiz('mine': 2 questions)"
    assert loaded.title == "A quiz"
    assert [question.id for question in loaded.questions] == ["one", "two"]


def test_the_files_of_jupyterquiz_load(write):
    loaded = quiz.load(
        write(
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


FAULTS = [
    (changed(1, type="guess"), "question 1, type:"),
    (changed(1, type=None), 'question 1, as a whole: "type" is a required property'),
    (changed(2, question=None), 'question 2, as a whole: "question" is a required property'),
    (changed(2, question=""), "question 2, question:"),
    (changed(2, answers=None), 'question 2, as a whole: "answers" is a required property'),
    (changed(2, answers=[]), "question 2, answers:"),
    (changed(2, answers=[{"value": "3", "correct": True}]), "question 2, answers[0].value:"),
    (changed(2, answers=[{"range": [1], "correct": True}]), "question 2, answers[0].range:"),
    (changed(2, answers=[{"value": 3, "correct": False}]), "question 2, answers: none is correct"),
    (changed(2, precision=0), "question 2, precision:"),
    (changed(2, id="one"), "question 2, id: 'one' is used twice"),
    (changed(2, id="No spaces!"), "question 2, id:"),
    (changed(2, objective="size"), "question 2, objective: 'size' is none of shapes"),
    (changed(1, answers=[{"answer": "a", "correct": True}]), "question 1, answers:"),
    (changed(1, answers=[{"answer": "a"}, {"answer": "b"}]), "question 1, answers[0]:"),
    (changed(2, type="order"), 'question 2, as a whole: "items" is a required property'),
    (GOOD | {"questions": []}, "file, questions:"),
    (GOOD | {"titel": "A quiz"}, "titel"),
    ([], "the list holds no question"),
    (3, "file, as a whole:"),
]


@pytest.mark.parametrize(("data", "said"), FAULTS)
def test_a_fault_is_named_with_its_place(write, data, said):
    path = write(data)
    with pytest.raises(FeatlibError) as error:
        quiz.load(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_all_faults_come_in_one_error(write):
    data = changed(1, type="guess")
    data["questions"][1]["precision"] = "three"
    with pytest.raises(FeatlibError, match="2 faults") as error:
        quiz.load(write(data))
    assert "question 1, type" in str(error.value)
    assert "question 2, precision" in str(error.value)


@pytest.mark.parametrize("text", ['{"title": ', "", "[" * 100_000, "{'title': 1}"])
def test_a_file_that_is_no_json(write, text):
    with pytest.raises(FeatlibError, match="a JSON file in UTF-8"):
        quiz.load(write(text))


def test_a_file_in_another_encoding(tmp_path):
    path = tmp_path / "latin.json"
    path.write_bytes('[{"question": "Größe?"}]'.encode("latin-1"))
    with pytest.raises(FeatlibError, match="a JSON file in UTF-8"):
        quiz.load(path)


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
