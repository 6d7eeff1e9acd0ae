"""What is kept of the learner's answers, and that nothing loses it."""

import csv
import errno
import json
import os
import threading

import pytest
from filelock import FileLock
from helpers import without_roots_rights

from featlib import FeatlibError, quiz
from featlib.engine import words
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
        (Review, REVIEW | {"rating": "great"}, "'rating' is none of again, hard, good, easy"),
        (Answer, ANSWER | {"time": 10**400}, "'time' is no time"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(kind, entry, said):
    with pytest.raises(ValueError, match=said):
        kind.of(entry)


UNWRITABLE = {
    "an infinite number": lambda p: p.add("03", "q", float("inf"), True),
    "a number that no float can be": lambda p: p.add("03", "q", 10**400, True),
    "a number that Python does not print": lambda p: p.add("03", "q", 10**5000, True),
    "a set": lambda p: p.add("03", "q", {1}, True),
    "an object": lambda p: p.add("03", "q", object(), True),
    "lists in lists": lambda p: p.add("03", "q", eval("[" * 150 + "]" * 150), True),
    "a number as quiz": lambda p: p.add(3, "q", 1, True),
    "nothing as question": lambda p: p.add("03", None, 1, True),
    "an unknown rating": lambda p: p.add_review("card", "great"),
    "a list as rating": lambda p: p.add_review("card", ["good"]),
    "a list as card": lambda p: p.add_review(["card"], "good"),
    "a number to forget": lambda p: p.reset(3),
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_what_would_be_damage_when_it_is_read_is_never_written(case, progress):
    progress.add("03", "shape", "x", True)
    before = progress.path.read_bytes()
    with pytest.raises(FeatlibError):
        UNWRITABLE[case](progress)
    assert progress.path.read_bytes() == before


@pytest.mark.parametrize("path", [3, "", b"x", "a\0b", "~nobody-of-that-name/x", "x" * 5000])
def test_what_is_no_path_is_refused(path, progress):
    with pytest.raises(FeatlibError):
        Progress(path)
    with pytest.raises(FeatlibError):
        progress.export(path)


def fail_to_lock(monkeypatch, error):
    def acquire(self, *_, **__):
        raise error

    words.say_once.cache_clear()
    monkeypatch.setattr(FileLock, "acquire", acquire)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOLCK, "No locks available"), NotImplementedError("no flock here")],
    ids=["ENOLCK", "not implemented"],
)
def test_where_a_disk_has_no_locks_answers_are_kept_and_it_is_said(
    error, progress, monkeypatch, caplog
):
    fail_to_lock(monkeypatch, error)
    progress.add("03", "shape", "x", True)
    progress.add_review("frozen", "good")
    assert len(progress.answers()) == len(progress.reviews()) == 1
    assert len(caplog.messages) == 1
    assert "is used without a lock: " in caplog.text
    damaged = progress.path.read_bytes() + b'{"quiz": "written now by ano'
    progress.path.write_bytes(damaged)
    assert len(progress.answers()) == 1
    assert progress.path.read_bytes() == damaged, "the line that another writes now stays"


@pytest.mark.skipif(os.name != "posix", reason="flock of Unix")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EIO])
def test_whatever_a_network_disk_says_of_locks(code, progress, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    progress.add("03", "shape", "x", True)
    assert len(progress.answers()) == 1


@pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")
@pytest.mark.parametrize("damage", [b"", b"{cut"])
def test_answers_in_a_folder_that_is_read_only_are_shown(progress, damage, caplog):
    progress.add("03", "shape", "x", True)
    (progress.path.parent / "answers.jsonl.lock").unlink(missing_ok=True)
    progress.path.write_bytes(progress.path.read_bytes() + damage)
    progress.path.chmod(0o400)
    progress.path.parent.chmod(0o500)
    words.say_once.cache_clear()
    try:
        with without_roots_rights():
            assert len(progress.answers()) == len(progress.last("03")) == 1
            with pytest.raises(OSError, match="Permission denied"):
                progress.add("03", "shape", "y", True)
    finally:
        progress.path.parent.chmod(0o700)
    assert "is used without a lock: Permission denied" in caplog.text


def test_an_export_has_of_a_time_the_day_and_a_mark(progress, tmp_path, monkeypatch):
    """The mark tells copies, and stays the same from export to export; the hour is nobody's."""
    when = 1_700_000_000.123456
    monkeypatch.setattr(module.time, "time", lambda: when)
    progress.add("quiz", "question", 1, True)
    progress.add_review("card", "good")
    asked = next(q for q in quiz.load_guesses().values() if q.kind == "slider")
    progress.add_guess(asked, asked.low)
    for name in ("first", "second"):
        data = json.loads(progress.export(tmp_path / f"{name}.json").read_text("utf-8"))
        for entry in (*data["answers"], *data["reviews"], *data["guesses"]):
            assert (entry["time"], entry["mark"]) == (when // 86_400 * 86_400, when % 1)
        read = Answer.of(data["answers"][0])
        assert read.time == pytest.approx(when // 86_400 * 86_400 + when % 1, abs=1e-6)
    assert progress.answers()[0].time == when


@pytest.mark.parametrize("mark", [1, -0.1, "0", None, True, float("nan")])
def test_a_mark_that_is_none_is_refused(mark):
    entry = {"quiz": "q", "question": "a", "answer": 1, "correct": True, "hint": False, "time": 0.0}
    assert Answer.of(entry | {"mark": 0.25}).time == 0.25
    with pytest.raises(ValueError, match="'mark' is no number from 0 to 1"):
        Answer.of(entry | {"mark": mark})


@pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")
def test_of_answers_that_cannot_be_read_nothing_is_shown_and_nothing_exported(
    progress, tmp_path, caplog
):
    progress.add("03", "shape", "x", True)
    progress.path.chmod(0)
    words.say_once.cache_clear()
    with without_roots_rights():
        assert progress.last("03") == {}
        assert progress.reviews() == []
        for ending in ("csv", "json"):
            with pytest.raises(PermissionError):
                progress.export(tmp_path / f"ada.{ending}")
    assert caplog.text.count("cannot be read; nothing of it is shown: Permission denied") == 1
    assert not list(tmp_path.glob("ada*"))


@pytest.mark.skipif(os.name != "posix", reason="pipes of Unix")
def test_a_pipe_in_place_of_the_answers_is_not_waited_for(progress):
    os.mkfifo(progress.path)
    assert progress.last("03") == {}
    with pytest.raises(OSError, match="no regular file"):
        progress.add("03", "shape", "x", True)


@pytest.mark.parametrize("ending", ["csv", "json", "JSON"])
def test_an_export_that_fails_leaves_the_earlier_one(progress, tmp_path, monkeypatch, ending):
    progress.add("03", "shape", "x", True)
    path = progress.export(tmp_path / f"ada.{ending}")
    before = path.read_bytes()
    assert (before[:1] == b"{") == (ending != "csv")
    progress.add("03", "shape", "y", True)

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(FeatlibError, match=r"to write .*No space left on device\. Give a name"):
        progress.export(path)
    assert path.read_bytes() == before


def test_an_export_where_a_folder_is(progress, tmp_path):
    with pytest.raises(FeatlibError, match="featlib progress: wanted to write"):
        progress.export(tmp_path)


# Many answers, and several writers


def lines(n):
    return b"".join(json.dumps(ANSWER | {"answer": i}).encode() + b"\n" for i in range(n))


def test_saving_an_answer_reads_nothing_of_what_was_kept(progress, monkeypatch):
    (question,) = quiz.load([QUESTION]).questions
    progress.path.write_bytes(lines(20_000))
    progress.last(quiz.load([QUESTION]))
    progress.add("own", question, "1", False)  # from here on, the file holds the question
    progress.answers()
    parsed = []
    of = module._entry
    monkeypatch.setattr(module, "_entry", lambda line: parsed.append(line) or of(line))
    for i in range(10):
        progress.add("own", question, str(i), False)
    assert len(parsed) <= 20, "its own line, and the last one of the file"
    assert len(progress.answers()) == 20_011
    assert len(parsed) <= 40


def test_the_first_answer_to_a_question_reads_nothing_either(progress, monkeypatch):
    progress.path.write_bytes(lines(100))
    asked = quiz.load([QUESTION | {"question": f"{i}?"} for i in range(9)])
    progress.last(asked)  # as showing the quiz does
    monkeypatch.setattr(module, "_look", lambda *_: pytest.fail("the file was read again"))
    for question in (*asked.questions, *asked.questions):
        progress.add("own", question, "1", True)
    monkeypatch.undo()
    assert progress.path.read_bytes().count(b'"asked"') == 9
    assert len(progress.answers()) == 118


QUESTION = {"question": "1?", "type": "numeric", "answers": [{"value": 1, "correct": True}]}


def test_what_others_add_and_change_is_seen(progress):
    progress.path.write_bytes(lines(3))
    assert [a.answer for a in progress.answers()] == [0, 1, 2]
    with open(progress.path, "ab") as file:
        file.write(lines(1))
    assert [a.answer for a in progress.answers()] == [0, 1, 2, 0]
    progress.path.write_bytes(lines(4)[::-1].replace(b"0", b"7")[::-1])
    assert [a.answer for a in progress.answers()] == [7, 1, 2, 3]
    progress.path.write_bytes(lines(1))
    assert [a.answer for a in progress.answers()] == [0]
    progress.path.unlink()
    assert progress.answers() == []


@pytest.mark.parametrize("damage", [b"{cut", b"{cut\n", b"\0" * 70_000, b"\n"])
def test_damage_that_came_since_the_last_look_is_set_aside(damage, progress):
    progress.path.write_bytes(lines(3))
    progress.answers()
    with open(progress.path, "ab") as file:
        file.write(damage)
    progress.add("03", "shape", "after", True)
    (aside,) = progress.path.parent.glob("answers-damaged-*.jsonl")
    assert aside.read_bytes() == lines(3) + damage
    assert [a.answer for a in progress.answers()] == [0, 1, 2, "after"]


def test_damage_amid_good_lines_is_set_aside_when_it_is_read(progress):
    progress.path.write_bytes(lines(2) + b"{cut\n" + lines(1))
    progress.add("03", "shape", "after", True)
    assert [a.answer for a in progress.answers()] == [0, 1, 0, "after"]
    assert len(list(progress.path.parent.glob("answers-damaged-*.jsonl"))) == 1
    assert b"cut" not in progress.path.read_bytes()


@pytest.mark.parametrize(
    "line",
    [{"asked": 3, "question": {}}, {"asked": "k", "question": 3}, {"asked": "k"},
     {"taken": "q", "key": "k"}, {"taken": ["q", "i"], "key": 3}],
)  # fmt: skip
def test_lines_of_questions_may_be_damaged_too(line, progress):
    progress.path.write_bytes(lines(1) + json.dumps(line).encode() + b"\n")
    assert len(progress.answers()) == 1
    assert len(list(progress.path.parent.glob("answers-damaged-*.jsonl"))) == 1


@pytest.mark.parametrize("keys", [3, "k", [3], [["k"]], [None]])
def test_odd_keys_of_a_reset_stop_nothing(keys, progress):
    progress.path.write_bytes(lines(1) + json.dumps({"reset": "x", "keys": keys}).encode() + b"\n")
    assert len(progress.answers()) == 1
