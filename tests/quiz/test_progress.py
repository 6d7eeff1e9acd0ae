"""What is kept of the learner's answers, and that nothing loses it."""

import csv
import json
import threading

import pytest
from filelock import FileLock

from featlib.quiz import Answer, Progress, Review
from featlib.quiz import progress as module


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "answers.jsonl")


def test_answers_are_there_in_the_next_run(progress):
    progress.add("03", "shape", "(512,)", False)
    progress.add("03", "shape", "(1000, 512)", True, hint=True)
    again = Progress(progress.path)
    assert [answer.answer for answer in again.answers("03")] == ["(512,)", "(1000, 512)"]
    assert again.last("03")["shape"].correct
    assert again.last("04") == {}


def test_the_summary_counts_tries(progress):
    progress.add("03", "shape", "(512,)", False)
    progress.add("03", "shape", "(1000, 512)", True, hint=True)
    progress.add("04", "count", 2, True)
    assert progress.summary() == [
        {
            "quiz": "03",
            "question": "shape",
            "tries": 2,
            "first_try": False,
            "correct": True,
            "hint": True,
            "answer": "(1000, 512)",
        },
        {
            "quiz": "04",
            "question": "count",
            "tries": 1,
            "first_try": True,
            "correct": True,
            "hint": False,
            "answer": 2,
        },
    ]


def test_a_reset_forgets_one_quiz_or_all(progress):
    progress.add("03", "shape", "x", False)
    progress.add("04", "count", 2, True)
    progress.add_review("frozen", "good")
    progress.reset("03")
    assert [answer.quiz for answer in progress.answers()] == ["04"]
    assert len(progress.reviews()) == 1
    progress.reset()
    assert progress.answers() == progress.reviews() == []
    progress.add("03", "shape", "y", True)
    assert len(progress.answers()) == 1


def test_export_for_people_and_programs(progress, tmp_path):
    progress.add("03", "words", 'say "hi",\nÄpfel', False)
    progress.add("03", "words", "right", True)
    progress.add_review("frozen", "good")
    with open(progress.export(tmp_path / "p.csv"), encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["quiz"], row["tries"], row["answer"]) == ("03", "2", "right")
    everything = json.loads(progress.export(tmp_path / "p.json").read_text("utf-8"))
    assert [answer["answer"] for answer in everything["answers"]] == ['say "hi",\nÄpfel', "right"]
    assert everything["reviews"][0]["card"] == "frozen"
    assert everything["summary"] == progress.summary()


@pytest.mark.parametrize(
    ("write", "kept"),
    [
        (lambda progress: progress.add("03", "shape", "x", True), "answers"),
        (lambda progress: progress.add_review("frozen", "good"), "reviews"),
    ],
)
def test_a_writer_waits_while_another_holds_the_lock(progress, monkeypatch, write, kept):
    at_the_lock = threading.Event()

    class Watched(FileLock):
        def acquire(self, *args, **kwargs):
            at_the_lock.set()
            return super().acquire(*args, **kwargs)

    monkeypatch.setattr(module, "FileLock", Watched)
    writer = threading.Thread(target=write, args=(progress,))
    with FileLock(f"{progress.path}.lock"):
        writer.start()
        assert at_the_lock.wait(timeout=30), "it does not ask for the lock"
        assert not progress.path.exists()
    writer.join(timeout=30)
    assert len(getattr(progress, kept)()) == 1


def test_a_reader_waits_too(progress, monkeypatch):
    progress.add("03", "shape", "x", True)
    monkeypatch.setattr(module, "FileLock", lambda path, timeout: FileLock(path, timeout=0))
    with FileLock(f"{progress.path}.lock"), pytest.raises(TimeoutError):
        progress.answers()


ANSWER = {
    "quiz": "03", "question": "shape", "answer": [1], "correct": True, "hint": False, "time": 5
}  # fmt: skip
REVIEW = {"card": "frozen", "rating": "good", "time": 5.5}


def test_a_record_is_made_of_an_entry():
    assert Answer.of(ANSWER) == Answer("03", "shape", [1], True, False, 5)
    assert Review.of(REVIEW) == Review("frozen", "good", 5.5)


@pytest.mark.parametrize(
    ("kind", "entry", "said"),
    [
        (Answer, [], "no entry with fields"),
        (Answer, {k: v for k, v in ANSWER.items() if k != "hint"}, "'hint' is missing"),
        (Answer, ANSWER | {"correct": 1}, "'correct' is of the wrong type"),
        (Answer, ANSWER | {"time": True}, "'time' is of the wrong type"),
        (Answer, ANSWER | {"time": -1}, "'time' is no time"),
        (Answer, ANSWER | {"more": 1}, "'more' is unknown"),
        (Answer, REVIEW, "'quiz' is missing"),
        (Review, REVIEW | {"card": 7}, "'card' is of the wrong type"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(kind, entry, said):
    with pytest.raises(ValueError, match=said):
        kind.of(entry)
