"""Messages that no front end of ours sends, and handlers that fail: no button stays dead."""

import itertools
import logging
from types import SimpleNamespace

import pytest
import torch

import featlib
from featlib import FeatlibError, quiz
from featlib.widgets.guess import GuessWidget
from featlib.widgets.lab import LabWidget


@pytest.fixture(autouse=True, scope="module")
def answers(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEATLIB_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="module")
def rows():
    return torch.randn(1000, 4, generator=torch.Generator().manual_seed(0))


MAKE = {
    "quiz": lambda *_: featlib.show_quiz("source_quiz"),
    "flashcards": lambda *_: featlib.show_flashcards(),
    "own images": lambda *_: featlib.show_own_images(),
    "my picture": lambda *_: featlib.show_my_picture(),
    "guess": lambda *_: GuessWidget(quiz.Guess(quiz.find_guess("00-proof"), quiz.Progress())),
    "lab": lambda pictures, rows: LabWidget(pictures, {"pretrained": rows}),
}


GOOD = {
    "quiz": {"check": "purpose", "answer": 2},
    "flashcards": {"card": "x", "rating": "good"},
    "own images": {"folder": "/nowhere"},
    "my picture": {"cat": True},
    "guess": {"forget": True},
    "lab": {"settings": {"epochs": 1}},
}


@pytest.fixture(params=MAKE, scope="module")
def widget(request, emoji10, rows, answers):
    """Return each widget, one for all tests: no wrong message changes it."""
    made = MAKE[request.param](emoji10, rows)
    made.good = GOOD[request.param]
    return made


def tell(widget, content, buffers=()):
    """Send a message, and return the replies with what the widget shows as words."""
    replies = []
    widget.send = replies.append
    if "words" in widget.view:
        widget.view = widget.view | {"words": ""}
    widget._handle_custom_msg(content, buffers)
    return replies


def said(widget, replies):
    return " ".join(reply.get("status", "") for reply in replies) or widget.view["words"]


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


ENDLESS = {}
ENDLESS["check"] = ENDLESS["train"] = ENDLESS["settings"] = ENDLESS

WRONG = {
    "none": None, "text": "check", "number": 3, "list": [1], "bytes": b"x", "empty": {},
    "unknown": {"explode": True}, "another case": {"Check": 1, "TRAIN": 1},
    "nothing in it": dict.fromkeys(("check", "settings", "card", "upload", "answer", "rating")),
    "lists": {key: [] for key in ("check", "settings", "card", "upload")},
    "numbers": dict.fromkeys(("check", "settings", "card", "folder"), 7),
    "a switch": dict.fromkeys(("check", "settings", "card", "upload", "clear"), True),
    "text for a dict": {"settings": "x", "train": "x", "check": "x", "card": "x"},
    "half of it": {"check": "purpose", "card": "x", "upload": 0, "settings": None},
    "nan": dict.fromkeys(("check", "settings", "card", "clear"), float("nan")),
    "an object": {"check": object(), "settings": object(), "card": object(), "train": object()},
    "bytes in it": dict.fromkeys(("check", "settings", "card", "folder"), b"x"),
    "a set": {key: {1, 2} for key in ("check", "settings", "card", "train")},
    "10^5000": dict.fromkeys(("check", "settings", "card", "clear"), 10**5000),
    "huge": dict.fromkeys(("check", "settings", "card", "folder"), "x" * 10**7),
    "deep": dict.fromkeys(("check", "settings", "card", "train"), deep(50_000)),
    "endless": ENDLESS,
    "keys of numbers": {1: 2, None: 3},
    "escapes": {"check": "\x1b[31m", "answer": 1, "card": "\x1b]0;x\x07", "rating": "\x1b",
                "folder": "\x1b[2J", "settings": {"\x1b[31m": 1}},
    "halves": {"check": "\ud83d", "answer": "\ud83d", "card": "\ud83d", "rating": "\ud83d",
               "folder": "/\ud83d", "settings": {"\ud83d": 1}},
}  # fmt: skip


def one_line(words):
    return words.isprintable() and 0 < len(words) < 500


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_wrong_message_is_refused_in_one_line_and_answered(widget, content, caplog):
    before = widget.view
    if isinstance(content, dict):
        content = content | {"sent": "m"}
    replies = tell(widget, content)
    assert [reply["done"] for reply in replies] == ["m" if isinstance(content, dict) else None]
    assert one_line(said(widget, replies))
    assert {**widget.view, "words": 0} == {**before, "words": 0}
    assert not caplog.records  # refused, not fallen over


@pytest.mark.parametrize("buffers", [[b"x"], [b"x", b"y"], [3], "x", {"a": b"x"}, 3])
@pytest.mark.parametrize("message", [{"upload": 0, "file": "a.png"}, {"try": "a.png"}])
def test_files_of_another_number_or_kind_are_refused(buffers, message):
    widget = featlib.show_own_images()
    replies = tell(widget, message | {"sent": "m"}, buffers)
    assert replies == [{"done": "m"}]
    assert not any(one["pictures"] for one in widget.view["classes"])
    if buffers == [b"x"] and "upload" in message:  # a file, but no picture
        assert "a.png: no PNG" in widget.view["classes"][0]["refused"][0]
    else:
        assert "wanted" in widget.view["words"]


def test_a_file_that_nobody_asked_for_is_refused(widget):
    replies = tell(widget, widget.good, [b"x"])
    assert "with 0 files" in said(widget, replies)


def test_a_file_that_is_too_large_is_refused():
    widget = featlib.show_own_images()
    tell(widget, {"upload": 0, "file": "a.png"}, [memoryview(bytes(10_000_001))])
    assert "at most 10 MB" in widget.view["words"]


@pytest.mark.parametrize("number", [-1, 10, 10**9, 10**400])
def test_a_class_of_an_impossible_number_is_refused(number):
    widget = featlib.show_own_images()
    tell(widget, {"upload": number, "file": "a.png"}, [b"x"])
    assert "class" in widget.view["words"]
    assert not any(one["pictures"] for one in widget.view["classes"])


@pytest.mark.parametrize("names", [{}, {"0": None, "1": 3}, {"0": ["a"], "1": {}}, {"a": "b"}])
def test_names_of_classes_that_are_no_text_are_refused(names):
    widget = featlib.show_own_images()
    for number in (0, 1):
        tell(widget, {"upload": number, "file": "a.png"}, [b"x"])
    replies = tell(widget, {"train": names, "sent": "m"})
    assert replies == [{"done": "m"}]
    assert "name" in widget.view["words"]


RAISED = [
    ValueError("v"), TypeError(), KeyError("k"), RuntimeError("two\nlines"), MemoryError(),
    RecursionError("deep"), OSError(28, "No space left on device"), AssertionError("\x1b[31m"),
    UnicodeEncodeError("utf-8", "\ud83d", 0, 1, "surrogates"), FeatlibError("refused"),
]  # fmt: skip


def fails_with(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_a_handler_raises_is_said_and_answered(widget, error, monkeypatch, caplog):
    monkeypatch.setattr(widget, "_do", fails_with(error))
    replies = tell(widget, widget.good | {"sent": "m"})
    assert [reply["done"] for reply in replies] == ["m"]
    words = said(widget, replies)
    assert one_line(words)
    expected = isinstance(error, (FeatlibError, OSError))
    logged = [record.getMessage() for record in caplog.records]
    assert len(logged) == (not expected)
    assert all("Traceback" in text and "fail" in text and "\x1b" not in text for text in logged)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupt_is_answered_and_goes_on(widget, error, monkeypatch):
    monkeypatch.setattr(widget, "_do", fails_with(error))
    replies = []
    widget.send = replies.append
    with pytest.raises(type(error)):
        widget._handle_custom_msg(widget.good | {"sent": "m"}, [])
    assert [reply["done"] for reply in replies] == ["m"]
    assert "stopped" in said(widget, replies)


def test_what_the_library_below_raises_is_said(monkeypatch, emoji10, rows, picture_folder):
    lab = MAKE["lab"](emoji10, rows)
    monkeypatch.setattr("featlib.head.train", fails_with(RuntimeError("no memory")))
    assert "no memory" in said(lab, tell(lab, GOOD["lab"]))
    own = featlib.show_own_images()
    monkeypatch.setattr("featlib.lesson.run", fails_with(RuntimeError("no memory")))
    tell(own, {"folder": str(picture_folder)})
    assert "no memory" in own.view["words"]
    cards = featlib.show_flashcards()
    cards.progress = SimpleNamespace(add_review=fails_with(RuntimeError("no memory")))
    message = {"card": cards.view["card"], "rating": "good"}
    assert "no memory" in said(cards, tell(cards, message))
    asked = MAKE["quiz"]()
    asked.progress = SimpleNamespace(add=fails_with(RuntimeError("no memory")))
    assert "no memory" in said(asked, tell(asked, GOOD["quiz"]))


@pytest.mark.parametrize("mark", [3, None, ["a"], {}, "x" * 10**6, "\ud83d", float("nan")])
def test_a_mark_that_is_none_is_not_sent_back(widget, mark):
    (reply,) = tell(widget, {"sent": mark})
    assert reply["done"] is None


@pytest.mark.parametrize("view", [{}, None, 3, "x"])
def test_the_page_cannot_change_what_the_kernel_shows(widget, view):
    before = widget.view
    data = {"method": "update", "state": {"view": view}, "buffer_paths": []}
    widget._handle_msg({"content": {"data": data}, "buffers": []})
    assert widget.view == before


ANSWERS = [
    None, True, -1, 10**300, 1e308, float("nan"), float("inf"), "", "x" * 50_000, "\0", "１",
    "1e999", "9" * 5000, [], [[]], [1, "a", None], {}, {"a": 1}, "\x1b[31m", "\ud83d", "(" * 900,
]  # fmt: skip


@pytest.mark.parametrize("name", quiz.names())
def test_any_answer_to_any_question_is_marked_or_refused(name, caplog):
    found = quiz.load(name)
    asked = {value for question in found.questions for value in question.asks}
    widget = featlib.show_quiz(name, values=dict.fromkeys(asked, 0.5))
    widget.progress = SimpleNamespace(add=lambda *_: None)  # the disk would take the most time
    for question, answer in itertools.product(found.questions, ANSWERS):
        replies = tell(widget, {"check": question.id, "answer": answer, "sent": "m"})
        assert [reply["done"] for reply in replies] == ["m"]
        assert one_line(said(widget, replies))
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []
