"""The Python side of a guess in a notebook: what it shows, checks and keeps."""

import json
import logging

import pytest

import featlib
from featlib import FeatlibError, plots, quiz
from featlib.pages import quiz_pages
from featlib.quiz import Progress
from featlib.widgets import base
from featlib.widgets import guess as module
from featlib.widgets.guess import GuessWidget, predict_first

RANGE = {"prompt": "How **much**, <script>$1</script>?", "low": 0, "high": 1, "unit": "share <b>"}
QUESTIONS = {
    "slider": RANGE | {"kind": "slider"},
    "bars": RANGE | {"kind": "bars", "labels": ["raw pixels", "<i>features</i>"]},
    "choice": {"kind": "choice", "prompt": "Which?", "labels": ["cat", "dog"]},
    "curve": RANGE | {"kind": "curve", "x": [1, 2], "xlabel": "epoch"},
}
GOOD = {"slider": 0.6, "bars": [0.3, 0.9], "choice": "dog", "curve": [0.4, 0.6]}
TRUE = {"slider": 0.8, "bars": [0.4, 0.8], "choice": "cat", "curve": [0.5, 0.6]}
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def answers(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))
    return Progress()


@pytest.fixture
def make():
    return lambda kind: GuessWidget(predict_first(kind, file=QUESTIONS))


def send(widget, **message):
    """Do what the front end does, and return the replies."""
    replies = []
    widget.send = replies.append
    widget._handle_custom_msg(message, [])
    return replies


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_guess_is_kept_and_shown_again(kind, make, answers):
    widget = make(kind)
    assert (widget.view["value"], widget.view["known"]) == (None, "")
    (reply,) = send(widget, guess=GOOD[kind], sent="m")
    assert reply["done"] == "m"
    assert reply["status"].startswith("Your guess is kept.")
    assert (widget.view["value"], widget.view["sent"]) == (GOOD[kind], "m")
    assert make(kind).view["value"] == GOOD[kind]
    assert [kept.guess for kept in answers.guesses().values()] == [kind]


@pytest.mark.parametrize("kind", QUESTIONS)
def test_the_result_is_told_at_once_and_closes_the_question(kind, make):
    widget = make(kind)
    send(widget, guess=GOOD[kind])
    widget.guess.record(TRUE[kind])
    assert widget.view["known"].startswith("Measured: ")
    assert "You guessed" in widget.view["known"]
    assert "<" not in widget.view["known"]
    (reply,) = send(widget, guess=TRUE[kind])
    assert "wanted a guess before the result" in reply["status"]
    assert widget.view["value"] == GOOD[kind]
    (reply,) = send(widget, forget=True)
    assert reply["status"] == "Your guess is forgotten."
    assert (widget.view["value"], widget.view["known"], widget.view["cleared"]) == (None, "", 1)
    send(widget, guess=TRUE[kind])
    assert widget.view["value"] == TRUE[kind]


def test_the_figure_tells_the_widget(make):
    widget = make("bars")
    send(widget, guess=[0.3, 0.9])
    values = {"raw pixels": 0.4, "<i>features</i>": 0.8}
    plots.bars(values, title="t", xlabel="x", ylabel="y", guess=widget.guess)
    assert "Measured: raw pixels 0.40, &lt;i&gt;features" in widget.view["known"]


WRONG = {
    "nothing": None, "text": "0.5", "too high": 7, "a list": [0.5], "an object": {"a": 1},
    "a switch": True, "escapes": "\x1b[31m", "half a character": "\ud83d", "NaN": float("nan"),
    "huge": 10**400, "long": "x" * 10**6, "deep": [[[[]]]],
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_message_is_refused_in_one_line_and_nothing_is_kept(case, make, answers, caplog):
    widget = make("slider")
    before = widget.view
    (reply,) = send(widget, guess=WRONG[case], sent="m")
    assert reply["done"] == "m"
    assert reply["status"].isprintable()
    assert 0 < len(reply["status"]) < 500
    assert widget.view == before
    assert answers.guesses() == {}
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("message", [{}, {"guesses": 1}, {"forget": 1}, {"forget": "yes"}])
def test_an_unknown_message_is_refused(message, make):
    widget = make("slider")
    (reply,) = send(widget, **message)
    assert "wanted" in reply["status"]


def test_a_full_disk_is_said_and_the_guess_counts_all_the_same(make, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    widget = make("slider")
    monkeypatch.setattr(Progress, "_append", fail)
    (reply,) = send(widget, guess=0.6)
    assert "could not be saved: [Errno 28] No space left on device" in reply["status"]
    assert widget.guess.value == widget.view["value"] == 0.6
    (reply,) = send(widget, forget=True)
    assert "could not be forgotten" in reply["status"]


@pytest.mark.parametrize("kind", QUESTIONS)
def test_what_is_saved_is_the_same_with_and_without_a_guess(kind, make):
    def saved(widget):
        data, _ = widget._repr_mimebundle_()
        return {mime: value for mime, value in data.items() if mime != VIEW}

    widget = make(kind)
    before = saved(widget)
    send(widget, guess=GOOD[kind])
    widget.guess.record(TRUE[kind])
    assert saved(widget) == saved(make(kind)) == before
    assert before.keys() == {"text/plain", "text/html", quiz.GUESS_MIME}
    assert "<em>Run this cell to answer.</em>" in before["text/html"]
    assert before["text/plain"].startswith("Guess first: ")
    assert quiz.GuessQuestion.from_dict(before[quiz.GUESS_MIME]) == widget.guess.question
    json.dumps(before, allow_nan=False)


@pytest.mark.parametrize("kind", QUESTIONS)
def test_the_plain_form_asks_the_same_and_is_safe(kind, make):
    html = make(kind).plain()[1]
    assert "Guess first:" in html
    assert "<script" not in html
    assert "<i>features" not in html
    wanted = {
        "slider": ["a number, from 0.00 to 1.00", "share &lt;b&gt;"],
        "bars": ["a number for each, from 0.00 to 1.00", "<li>raw pixels</li>"],
        "choice": ["one of these", "<li>cat</li><li>dog</li>"],
        "curve": ["<li>epoch 1</li><li>epoch 2</li>"],
    }
    assert all(words in html for words in wanted[kind])


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_talk_shows_the_question_without_an_answer(kind, make):
    widget = make(kind)
    data = widget.machine_readable()
    form = quiz_pages.find_form([{"data": data}])
    assert (form.name, len(form.pages)) == ("Guess", 1)
    assert widget.plain()[1].partition(">")[2].removesuffix("</section>") in form.pages[0]
    assert "<section" not in form.pages[0], "it would be a slide of its own"
    assert "details" not in form.pages[0]


@pytest.mark.parametrize("data", [3, {}, {"id": 3}, {"id": "a", "kind": "pie"}, [], None])
def test_a_damaged_question_has_no_page(data):
    assert quiz_pages.find_form([{"data": {quiz.GUESS_MIME: data}}]) is None


def test_plain_python_prints_the_question(capsys):
    predict_first("03-neighbors")
    assert capsys.readouterr().out.startswith("Guess first: ")


def test_a_notebook_shows_the_widget_at_once(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(module.InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr(module, "display", shown.append)
    guess = featlib.predict_first("03-neighbors")
    (widget,) = shown
    assert widget.guess is guess
    assert repr(guess) == "Guess('03-neighbors')"
    assert capsys.readouterr().out == ""


DRAWN = {"slider": 1, "bars": 0, "choice": 0, "curve": 0}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_notebook_draws_one_number_only_where_it_was_guessed(kind, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(module.InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr(module, "display", shown.append)
    guess = featlib.predict_first(kind, file=QUESTIONS)
    shown.clear()
    guess.reveal(TRUE[kind])
    assert shown == []
    guess.put(GOOD[kind])
    guess.reveal(TRUE[kind])
    assert [isinstance(figure, plots.Figure) for figure in shown] == [True] * DRAWN[kind]
    assert capsys.readouterr().out.count("Measured: ") == 2


def test_the_saved_output_is_the_plain_form_once_the_view_is_drawn(make, monkeypatch):
    found = {}
    monkeypatch.setattr(
        base, "display", lambda data, *, display_id, **_: found.update({display_id: data})
    )
    monkeypatch.setattr(
        base, "update_display", lambda data, *, display_id, **_: found.update({display_id: data})
    )
    widget = make("slider")
    widget._ipython_display_()
    assert VIEW in next(iter(found.values()))
    widget.set_state({"_drawn": 1})
    (data,) = found.values()
    assert VIEW not in data
    assert f'data-featlib="{widget._place}"' in data["text/html"]


@pytest.mark.parametrize("wrong", [None, 3, "03-neighbors", QUESTIONS["slider"]])
def test_what_is_no_guess_is_refused(wrong):
    with pytest.raises(FeatlibError, match="wanted a Guess"):
        GuessWidget(wrong)
