"""An answer belongs to the question that was asked, wherever the question lies."""

import json
import shutil
from dataclasses import replace

import pytest

import featlib
from featlib import FeatlibError, quiz
from featlib.pages import class_report
from featlib.quiz import Progress
from featlib.quiz.questions import Question


def numeric(text, right, **more):
    answers = [{"type": "value", "value": right, "correct": True, "feedback": "Yes."}]
    return {"question": text, "type": "numeric", "answers": answers} | more


SPIDER = numeric("How many legs has a spider?", 8)
HOURS = numeric("How many minutes are two hours?", 120)
HALF = numeric("Half of sixteen?", 8)


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def write(tmp_path):
    def write(place, *questions):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(questions), encoding="utf-8")
        return path

    return write


def answer(source, text, n=0):
    """Answer a question as a learner does, in the widget."""
    widget = featlib.show_quiz(source)
    widget._receive(widget, {"check": widget.view["questions"][n]["id"], "answer": text}, [])


def states(source):
    return [question["state"] for question in featlib.show_quiz(source).view["questions"]]


def test_files_of_one_name_share_nothing(write):
    weeks = [write(f"week{i}/questions.json", q) for i, q in enumerate((SPIDER, HOURS, HALF))]
    answer(weeks[0], "8")
    assert [states(week) for week in weeks] == [["right"], ["open"], ["open"]]
    answer(weeks[1], "7")
    assert [states(week) for week in weeks] == [["right"], ["wrong"], ["open"]]
    widget = featlib.show_quiz(weeks[1])
    widget._receive(widget, {"reset": True}, [])
    assert [states(week) for week in weeks] == [["right"], ["open"], ["open"]]


def test_a_file_that_is_moved_or_changed_in_its_order_keeps_its_answers(write):
    old = write("a/one.json", SPIDER, HOURS)
    answer(old, "8")
    answer(old, "9", n=1)
    new = shutil.move(old, old.with_name("another.json"))
    assert states(new) == ["right", "wrong"]
    assert states(write("b/third.json", HALF, HOURS, SPIDER)) == ["open", "wrong", "right"]


def test_a_list_has_the_answers_of_the_same_questions_in_a_file(write):
    answer([SPIDER], "8")
    assert states(write("x.json", SPIDER)) == states(SPIDER) == ["right"]


STRING = {
    "id": "q", "type": "string", "question": "?", "hint": "h", "explanation": "e", "code": "x = 1",
    "answers": [
        {"answer": "a", "correct": True, "feedback": "yes"},
        {"type": "default", "feedback": "no"},
    ],
}  # fmt: skip
CHOICE = {
    "id": "q", "type": "multiple_choice", "question": "?", "answers": [
        {"answer": "a", "correct": True, "feedback": "yes"},
        {"answer": "b", "code": "c", "correct": False, "feedback": "no"},
    ],
}  # fmt: skip
ORDER = {
    "id": "q", "type": "order", "question": "?", "items": ["a", "b", "c"],
    "feedback": {"correct": "yes", "wrong": "no"},
}  # fmt: skip
NUMBER = numeric("?", 8, precision=2, tolerance=0.1, id="q")
RANGE = {"id": "q", "type": "numeric", "question": "?", "answers": [
    {"range": [0, 1], "correct": True}]}  # fmt: skip
SHAPE = {"id": "q", "type": "shape", "question": "?", "answers": [
    {"shape": [1, 2], "correct": True}]}  # fmt: skip


def key(question):
    return quiz.load([question]).questions[0].key


def with_answer(question, n, **changes):
    answers = [dict(each) for each in question["answers"]]
    answers[n] |= changes
    return question | {"answers": answers}


SAME = [
    (STRING, STRING | {"id": "other"}),
    (STRING, STRING | {"hint": "another", "explanation": "another", "objective": "o"}),
    (STRING, with_answer(STRING, 0, feedback="another")),
    (STRING, with_answer(STRING, 1, feedback="another")),
    (STRING, with_answer(STRING, 0, match_case=False)),
    (STRING, STRING | {"answers": STRING["answers"][:1]}),
    (STRING, STRING | {"answers": [*STRING["answers"], {"answer": "z", "correct": False}]}),
    (STRING, STRING | {"answers": STRING["answers"][::-1]}),
    (CHOICE, with_answer(CHOICE, 1, feedback="another")),
    (CHOICE, CHOICE | {"answer_cols": 2}),
    (ORDER, ORDER | {"feedback": {"correct": "other", "wrong": "other"}}),
    (NUMBER, with_answer(NUMBER, 0, value=8.0)),
    (RANGE, with_answer(RANGE, 0, range=[0.0, 1.0])),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_changes_neither_what_is_asked_nor_what_is_right_keeps_the_answer(one, other):
    assert key(one) == key(other)


OTHER = [
    (STRING, STRING | {"question": "??"}),
    (STRING, STRING | {"code": "x = 2"}),
    (STRING, with_answer(STRING, 0, answer="b")),
    (STRING, with_answer(STRING, 0, match_case=True)),
    (STRING, with_answer(STRING, 0, fuzzy_threshold=0.8)),
    (STRING, STRING | {"round": "exam"}),
    (CHOICE, with_answer(CHOICE, 1, correct=True)),
    (CHOICE, with_answer(CHOICE, 1, answer="z")),
    (CHOICE, with_answer(CHOICE, 1, code="z")),
    (CHOICE, CHOICE | {"answers": CHOICE["answers"][::-1]}),  # an answer is a choice's number
    (ORDER, ORDER | {"items": ["b", "a", "c"]}),
    (NUMBER, with_answer(NUMBER, 0, value=9)),
    (NUMBER, with_answer(NUMBER, 0, value=0)),
    (NUMBER, NUMBER | {"precision": 3}),
    (NUMBER, NUMBER | {"tolerance": 0.2}),
    (RANGE, with_answer(RANGE, 0, range=[0, 2])),
    (SHAPE, with_answer(SHAPE, 0, shape=[2, 1])),
    (SHAPE, SHAPE | {"type": "numeric", "answers": [{"value": 1, "correct": True}]}),
]


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_changes_one_of_them_is_another_question(one, other):
    assert key(one) != key(other)


def test_questions_whose_text_stands_in_the_notebook_are_told_apart_by_number_and_choices():
    bare = CHOICE | {"question": ""}
    loaded = quiz.load([bare | {"id": "a"}, bare | {"id": "b"}, CHOICE | {"id": "c"}]).questions
    assert len({question.key for question in loaded}) == 3
    assert all(question.text for question in loaded)
    assert key(bare) == loaded[0].key
    assert Question(**loaded[0].to_dict()).key == loaded[0].key


def test_no_two_questions_of_the_lesson_are_the_same():
    keys = [q.key for found in quiz.bundled_quizzes() for q in found.pool]
    assert len(set(keys)) == len(keys)


def test_a_question_that_is_changed_is_open_again(write):
    answer(write("x.json", SPIDER), "8")
    assert states(write("x.json", SPIDER | {"question": "How many legs has a crab?"})) == ["open"]


def test_the_final_quiz_asks_anew():
    drawn = quiz.draw(1, seed=0)
    (question,) = drawn.questions
    (lesson,) = (
        q for found in quiz.bundled_quizzes() for q in found.pool
        if replace(q, id=question.id, round="final") == question
    )  # fmt: skip
    progress = Progress()
    progress.add("lesson", lesson, 0, True)
    assert progress.last(drawn) == {}
    progress.add("final", question, 0, True)
    progress.reset(drawn)
    assert [a.key for a in progress.answers()] == [lesson.key]


# Files of before answers had keys


def old(progress, *entries):
    """Write answers as they were kept before they had keys: quiz, question, answer, right."""
    names = ("quiz", "question", "answer", "correct")
    more = {"hint": False, "time": 1.0}
    lines = [json.dumps(dict(zip(names, entry, strict=True)) | more) for entry in entries]
    progress.path.parent.mkdir(parents=True, exist_ok=True)
    progress.path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_old_answers_to_the_lesson_are_found(tmp_path):
    found = quiz.load("03_feature_extraction")
    shape = next(q for q in found.questions if q.type == "shape")
    right = next("x".join(map(str, a["shape"])) for a in shape.answers if a["correct"])
    old(Progress(), (found.name, shape.id, "1x2", False), (found.name, shape.id, right, True))
    at = next(s for s in quiz.standings(Progress()) if s.quiz == found.name)
    assert (at.answered, at.right, at.first_try) == (1, 1, 0)
    n = found.questions.index(shape)
    assert states(found.name)[n] == "right"
    copy = shutil.copy(quiz.find(found.name), tmp_path / "renamed.json")
    assert states(copy)[n] == "right"
    Progress().reset(found.name)
    assert states(found.name)[n] == "open"


def test_old_answers_to_the_final_quiz_are_found():
    drawn = quiz.draw(3, seed=0)
    old(Progress(), *(("final", q.id, 0, True) for q in drawn.questions))
    assert Progress().last(drawn).keys() == {q.id for q in drawn.questions}


def test_old_answers_to_an_own_quiz_are_taken_by_the_first_question_that_they_fit(write):
    weeks = [write(f"week{i}/questions.json", q) for i, q in enumerate((HOURS, SPIDER, HALF))]
    other = write("other.json", SPIDER)
    old(Progress(), ("questions", "question-1", "3", False), ("questions", "question-1", "8", True))
    assert states(other) == ["open"], "another name"
    assert states(weeks[0]) == ["open"], "another verdict"
    assert states(weeks[1]) == ["right"]
    assert states(weeks[2]) == ["open"], "they are taken"
    assert states(other) == ["right"], "it is the same question"
    assert Progress().summary()[0]["tries"] == 2
    exported = json.loads(Progress().export(other.with_name("ada.json")).read_text("utf-8"))
    assert [a["key"] for a in exported["answers"]] == [key(SPIDER)] * 2
    assert exported["questions"].keys() == {key(SPIDER)}


@pytest.mark.parametrize("given", [0, [1, 0], None, {"a": 1}])
def test_an_old_answer_that_a_question_cannot_take_stays_in_the_file(given, write):
    old(Progress(), ("questions", "question-1", given, True))
    assert states(write("questions.json", SPIDER)) == ["open"]
    assert [a.answer for a in Progress().answers()] == [given]


def test_an_old_reset_counts_still(write):
    old(Progress(), ("questions", "question-1", "8", True))
    with open(Progress().path, "a", encoding="utf-8") as file:
        file.write('{"reset": "questions", "time": 2.0}\n')
    assert states(write("questions.json", SPIDER)) == ["open"]


def test_old_answers_can_be_shown_where_nothing_can_be_written(write, monkeypatch):
    old(Progress(), ("questions", "question-1", "8", True))

    def fail(*_):
        raise OSError("read-only")

    monkeypatch.setattr(Progress, "_append", fail)
    assert states(write("questions.json", SPIDER)) == ["right"]


# Reports


def test_an_edited_copy_is_judged_by_what_it_asks(tmp_path, write):
    data = json.loads(quiz.find("03_feature_extraction").read_text("utf-8"))
    n = next(i for i, q in enumerate(data["questions"]) if q["type"] == "multiple_choice")
    edited = data["questions"][n]
    edited["question"] = "A question of the teacher's own?"
    wrong = next(i for i, a in enumerate(edited["answers"]) if not a["correct"])
    edited["answers"][wrong] |= {"answer": "Edited choice", "feedback": "Edited feedback"}
    copy = tmp_path / "class" / "03_feature_extraction.json"
    copy.parent.mkdir()
    copy.write_text(json.dumps(data), encoding="utf-8")
    answer(copy, wrong, n)
    copy.unlink()
    for number, learner in enumerate(("ada", "ben", "cleo")):  # of fewer, nothing is shown
        export = Progress().export(copy.with_name(f"{learner}.json"))
        theirs = json.loads(export.read_text("utf-8"))
        theirs["answers"][0]["mark"] = number / 10  # else it is a copy
        export.write_text(json.dumps(theirs), encoding="utf-8")
    report = class_report.read(copy.parent)
    (found,) = report.difficulties
    assert (found.quiz, found.text) == ("other 03_feature_extraction", edited["question"])
    assert (found.wrong[0].text, found.wrong[0].feedback) == ("Edited choice", "Edited feedback")
    at = next(s for s in quiz.standings(Progress()) if s.quiz == "03_feature_extraction")
    assert at.answered == 0


def test_an_export_of_before_is_judged_by_the_lesson(tmp_path):
    found = quiz.load("03_feature_extraction")
    entry = {"quiz": found.name, "question": found.questions[0].id, "answer": 0, "correct": False,
             "hint": False, "time": 1.0}  # fmt: skip
    (tmp_path / "ada.json").write_text(json.dumps({"answers": [entry]}))
    Progress().add(found.name, found.questions[0], "1x2", True)
    Progress().export(tmp_path / "ben.json")
    (only,) = class_report.read(tmp_path).difficulties
    assert (only.learners, only.first_try) == (2, 0.5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda q: {k: v | {"text": "Insult"} for k, v in q.items()}, "was changed"),
        (lambda q: dict.fromkeys(q, 3), "is none"),
        (lambda q: dict.fromkeys(q, "x"), "is none"),
        (lambda q: list(q), "'questions' is of the wrong type"),
    ],
)
def test_a_question_that_was_changed_in_an_export_is_refused(change, said, tmp_path):
    answer([SPIDER], "8")
    path = Progress().export(tmp_path / "ada.json")
    data = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(data | {"questions": change(data["questions"])}))
    with pytest.raises(FeatlibError, match=said):
        class_report.read(tmp_path)


def test_a_question_is_kept_once(tmp_path):
    progress = Progress(tmp_path / "a.jsonl")
    (question,) = quiz.load([SPIDER]).questions
    for i in range(3):
        progress.add("x", question, str(i), False)
        Progress(tmp_path / "b.jsonl").add("x", question, str(i), False)
    for name in ("a", "b"):
        assert (tmp_path / f"{name}.jsonl").read_text("utf-8").count('"asked"') == 1
    progress.path.unlink()
    progress.add("x", question, "8", True)
    assert progress.path.read_text("utf-8").count('"asked"') == 1


def test_a_question_knows_its_key_wherever_it_is_made():
    (question,) = quiz.load([SPIDER]).questions
    assert quiz.Quiz.from_dict(quiz.load([SPIDER]).to_dict()).questions[0].key == question.key
    assert Question(**question.to_dict()).key == question.key
