"""Quiz files: what loads, and what is drawn from them."""

import copy
import json
import subprocess
import sys

import pytest
from helpers import GOOD_QUIZ

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


def asked(*answers, **more):
    return [{"question": "?", "type": "numeric", "answers": list(answers)} | more]


# As they stand in books that are written with JupyterQuiz.
FOUND = {
    "no digits that count": (asked({"value": 0.125, "correct": True}, precision=0), "0.125"),
    "a number in quotes": (asked({"value": "0.0498", "correct": True}), "0.0498"),
    "a negative one": (asked({"value": "-15", "correct": True}, precision=2), "-15"),
    "false for 0": (asked({"value": False, "correct": True}), "0"),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_jupyterquiz_bears(case):
    questions, right = FOUND[case]
    loaded = quiz.load(questions)
    assert quiz.mark(loaded.questions[0], right).correct
    assert not quiz.mark(loaded.questions[0], "7").correct
    assert quiz.Quiz.from_dict(loaded.to_dict()) == loaded


def test_a_number_in_quotes_is_the_same_question():
    keys = {
        quiz.load(asked({"value": v, "correct": True})).questions[0].key for v in (15, 15.0, "15")
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("kind", "answers", "answer", "folded"),
    [
        ("multiple_choice", [{"answer": "a", "correct": False}] * 2, 1, "None of these."),
        ("many_choice", [{"answer": "a", "correct": False}] * 2, [1], "None of these."),
        ("numeric", [{"value": 1, "correct": False}], "1", "None is given."),
        ("string", [{"answer": "a", "correct": False}], "a", "None is given."),
    ],
)
def test_a_list_may_ask_what_has_no_right_answer(write_quiz, kind, answers, answer, folded):
    entry = {"question": "?", "type": kind, "answers": answers}
    loaded = quiz.load(write_quiz([entry]))
    assert not quiz.mark(loaded.questions[0], answer).correct
    assert quiz.Quiz.from_dict(loaded.to_dict()) == loaded
    assert folded in quiz.form(loaded)
    if kind != "many_choice":  # of which to choose none may be right
        with pytest.raises(FeatlibError, match="question 1, answers: none is correct"):
            quiz.load(write_quiz({"title": "T", "questions": [entry]}))


@pytest.mark.parametrize("end", [",]", " ,\n ]\n", ",\r\n]"])
def test_a_comma_may_stand_after_the_last_entry(write_quiz, end):
    right = '{"value": 1, "correct": true, "feedback": "a ,] b",}'
    text = f'[{{"question": "\\",]", "type": "numeric", "answers": [{right},],}}{end}'
    (question,) = quiz.load(write_quiz(text)).questions
    assert (question.text, quiz.mark(question, "1").feedback) == ('",]', "a ,] b")


@pytest.mark.parametrize("text", ["[,]", "[1,,]", '[{"question": "?"},,]', "[1, 2"])
def test_other_commas_are_named_with_their_place(write_quiz, text):
    with pytest.raises(FeatlibError, match=r"JSON file in UTF-8|holds no question"):
        quiz.load(write_quiz(text))


ASKED = '[{"question": "Größe?", "type": "numeric", "answers": [{"value": 1, "correct": true}]%s}]'


@pytest.mark.parametrize("comma", ["", ","])
@pytest.mark.parametrize(
    ("encoding", "right"),
    [("utf-8", True), ("utf-8-sig", True), ("latin-1", False), ("utf-16", False)],
)
def test_a_file_of_another_encoding_is_refused_whatever_its_commas(
    encoding, right, comma, tmp_path
):
    path = tmp_path / "quiz.json"
    path.write_bytes((ASKED % comma).encode(encoding))
    if right:
        assert quiz.load(path).questions[0].text == "Größe?"
    else:
        with pytest.raises(FeatlibError, match=r"a JSON file in UTF-8, got .*codec can't decode"):
            quiz.load(path)


def test_of_value_and_range_and_of_two_defaults_that_counts_which_jupyterquiz_looks_at():
    both = {"type": "range", "range": [0, 9], "value": 5, "correct": True, "feedback": "yes"}
    said = [{"type": "default", "feedback": text} for text in ("first", "last", "")]
    (found,) = quiz.load(asked(said[0], both, *said[1:])).questions
    assert quiz.mark(found, "5") == quiz.Mark(True, "yes")
    assert quiz.mark(found, "4") == quiz.Mark(False, "last")


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


@pytest.mark.parametrize("name", quiz.names())
def test_a_quiz_comes_back_from_its_dict(name):
    loaded = quiz.load(name)
    data = loaded.to_dict()
    assert quiz.Quiz.from_dict(data) == loaded
    written = json.loads(json.dumps(data))
    assert written == data
    assert quiz.Quiz.from_dict(written) == loaded
    assert quiz.Quiz.from_dict(written).to_dict() == data


def test_a_drawn_quiz_and_one_of_jupyterquiz_come_back_too(write_quiz):
    choices = [{"answer": "a", "correct": True}, {"answer": "b", "correct": True}]
    bare = [{"question": "Which?", "type": "multiple_choice", "answers": choices}]
    for loaded in (quiz.draw(20, seed=0), quiz.load(write_quiz(bare))):
        assert quiz.Quiz.from_dict(loaded.to_dict()) == loaded


def test_the_dict_is_the_same_in_every_process():
    code = (
        "import json; from featlib import quiz;"
        "print(json.dumps([quiz.load(name).to_dict() for name in quiz.names()]))"
    )
    here = json.dumps([quiz.load(name).to_dict() for name in quiz.names()])
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == here


def test_a_dict_shares_nothing_with_its_quiz():
    loaded = quiz.load("source_quiz")
    before = copy.deepcopy(loaded.to_dict())
    data = loaded.to_dict()
    data["questions"][0]["answers"][0]["correct"] = "changed"
    data["objectives"].clear()
    assert loaded.to_dict() == before


def changed(**changes):
    """Return the dict of a quiz with one question, with changes to it."""
    data = quiz.load("source_quiz").to_dict()
    question = data["questions"][0] | changes
    return data | {"questions": [{k: v for k, v in question.items() if v is not None}]}


def test_fields_with_a_default_may_be_missing():
    (question,) = quiz.Quiz.from_dict(changed(hint=None, precision=None, items=None)).questions
    assert (question.hint, question.precision, question.items) == ("", 0, ())


GOOD = changed()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "as a whole"),
        ([], "as a whole"),
        ({}, "as a whole"),
        (GOOD | {"answers": ["mine"]}, "as a whole"),
        (GOOD | {"name": ""}, "name: no text"),
        (GOOD | {"title": 3}, "title"),
        (GOOD | {"objectives": ["purpose"]}, "objectives"),
        (GOOD | {"objectives": {"other": "x"}}, "question 1, objective"),
        (GOOD | {"questions": []}, "questions"),
        (GOOD | {"questions": {"a": 1}}, "questions: no list"),
        (GOOD | {"questions": ["a"]}, "question 1, as a whole"),
        (GOOD | {"questions": GOOD["questions"] * 2}, "used twice"),
        (changed(id=None), "question 1, id: missing"),
        (changed(text=None), "question 1, as a whole"),
        (changed(script="x"), "question 1, script: unknown"),
        (changed(type="essay"), "question 1, type"),
        (changed(answers=[]), "question 1, as a whole"),
        (changed(columns=-1), "question 1, answer_cols"),
        (changed(hint={1, 2}), "what JSON cannot hold"),
        (changed(tolerance=float("nan")), "what JSON cannot hold"),
        (changed(hint="\ud83d"), "what JSON cannot hold"),
    ],
)
def test_what_is_no_quiz_is_refused(data, said):
    with pytest.raises(FeatlibError, match=r"Quiz\.from_dict: wanted a quiz") as error:
        quiz.Quiz.from_dict(data)
    assert said in str(error.value)


def test_what_is_for_review_is_kept_apart_and_drawn(write_quiz):
    first, second = GOOD_QUIZ["questions"]
    data = GOOD_QUIZ | {"questions": [first, second | {"review": True, "kind": "debug"}]}
    loaded = quiz.load(write_quiz(data))
    assert [question.id for question in loaded.questions] == ["one"]
    assert [question.id for question in loaded.reserve] == ["two"]
    assert [question.id for question in loaded.pool] == ["one", "two"]
    assert [question.kind for question in loaded.pool] == ["", "debug"]
    assert [entry["id"] for entry in loaded.to_dict()["questions"]] == ["one"]
    plain = quiz.load(write_quiz(GOOD_QUIZ))
    assert [q.key for q in loaded.pool] == [q.key for q in plain.questions]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([{"review": True}, {"review": True}], "each question has"),
        ([{}, {"review": 1}], "question 2, review"),
        ([{}, {"kind": "riddle"}], "question 2, kind"),
    ],
)
def test_what_a_review_cannot_be_is_refused(write_quiz, changes, said):
    pairs = zip(GOOD_QUIZ["questions"], changes, strict=True)
    data = GOOD_QUIZ | {"questions": [question | change for question, change in pairs]}
    with pytest.raises(FeatlibError, match=said):
        quiz.load(write_quiz(data))


def test_a_review_asks_for_no_value_of_a_run(write_quiz):
    asking = {
        "id": "run",
        "question": "How much?",
        "type": "numeric",
        "review": True,
        "answers": [{"ask": "accuracy", "correct": True}],
    }
    data = {"title": "T", "questions": [GOOD_QUIZ["questions"][0], asking]}
    data["questions"][0] = {k: v for k, v in data["questions"][0].items() if k != "objective"}
    with pytest.raises(FeatlibError, match="question 2, review: it asks for a value"):
        quiz.load(write_quiz(data))
