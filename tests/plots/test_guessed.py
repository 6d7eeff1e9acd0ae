"""A guess drawn over the truth, and figures that are as ever without one."""

import pytest

from featlib import FeatlibError, plots, quiz
from featlib.quiz import Guess, GuessQuestion, Progress

RANGE = {"prompt": "How much?", "low": 0, "high": 1}
QUESTIONS = {
    "bars": RANGE | {"kind": "bars", "labels": ["pixels", "features"]},
    "one bar": RANGE | {"kind": "slider", "labels": ["pixels"]},
    "the highest": RANGE | {"kind": "slider"},
    "choice": {"prompt": "Which?", "kind": "choice", "labels": ["pixels", "features"]},
    "curve": RANGE | {"kind": "curve", "labels": ["training"], "x": [1, 2, 3]},
}
VALUES = {"pixels": 0.4, "noise": 0.1, "features": 0.9}
LINES = {"training": [0.5, 0.6, 0.7], "validation": [0.4, 0.5, 0.55]}
REPEATS = {"training": [[0.4, 0.6], [0.6], [0.7, 0.7]], "validation": [[0.4], [0.5], [0.5]]}
WORDS = {"title": "Title", "xlabel": "share", "ylabel": "name"}
GUESSED = {
    "bars": [0.2, 0.7], "one bar": 0.3, "the highest": 0.5, "choice": "pixels",
    "curve": [0.1, 0.2, 0.3],
}  # fmt: skip
CHARTS = {
    "bars": lambda **more: plots.bars(VALUES, **WORDS, **more),
    "bars with a line": lambda **more: plots.bars(VALUES, line=("chance", 0.1), **WORDS, **more),
    "class_bars": lambda **more: plots.class_bars(
        list(VALUES.values()), list(VALUES), title="Title", xlabel="share", **more
    ),
    "curves": lambda **more: plots.curves(LINES, **WORDS, **more),
    "bands": lambda **more: plots.bands(REPEATS, x=[1, 2, 3], **WORDS, **more),
}
HORIZONTAL = ("bars", "bars with a line", "class_bars")
# What is drawn: places and numbers, and the truth that is kept.
ON_BARS = {
    "bars": ([0.2, 0.7], [0, 2], (0.4, 0.9)),
    "one bar": ([0.3], [0], 0.4),
    "the highest": ([0.5], [2], 0.9),
    "choice": ([0.4], [0], "features"),
}


@pytest.fixture
def guess(tmp_path):
    """Return a function that gives the guess of a question."""

    def make(name, **changes):
        asked = GuessQuestion.from_dict({"id": "mine"} | QUESTIONS[name] | changes)
        return Guess(asked, Progress(tmp_path / "answers.jsonl"))

    return make


def drawn(figure):
    return next(line for line in figure.axes[0].lines if line.get_label() == "your guess")


def legends(figure):
    found = [*figure.legends, *filter(None, [figure.axes[0].get_legend()])]
    return [text.get_text() for legend in found for text in legend.get_texts()]


@pytest.mark.parametrize("chart", CHARTS)
def test_without_a_guess_the_picture_is_the_same_byte_for_byte(chart, guess):
    plain = CHARTS[chart]()
    figure = CHARTS[chart](guess=guess("the highest"))
    assert figure.png() == plain.png()
    assert figure.alt == plain.alt
    assert not guess("the highest").progress.path.exists()


@pytest.mark.parametrize("name", ON_BARS)
@pytest.mark.parametrize("chart", HORIZONTAL)
def test_a_guess_is_drawn_over_bars_and_the_truth_is_kept(chart, name, guess):
    guess(name).put(GUESSED[name])
    figure = CHARTS[chart](guess=guess(name))
    numbers, places, truth = ON_BARS[name]
    line = drawn(figure)
    assert list(line.get_xdata()) == numbers
    assert list(line.get_ydata()) == places
    assert (line.get_marker(), line.get_linestyle()) == ("D", "None")
    assert line.get_markerfacecolor() == "white"
    assert legends(figure)[-1] == "your guess"
    assert "; your guess: " in figure.alt
    assert figure.alt.endswith(".")
    assert not figure.alt.endswith("..")
    assert guess(name).measured == truth


@pytest.mark.parametrize("chart", ["curves", "bands"])
def test_a_curve_is_drawn_over_lines(chart, guess):
    guess("curve").put(GUESSED["curve"])
    figure = CHARTS[chart](guess=guess("curve"))
    line = drawn(figure)
    assert list(line.get_xdata()) == [1, 2, 3]
    assert list(line.get_ydata()) == [0.1, 0.2, 0.3]
    assert (line.get_marker(), line.get_linestyle()) == ("D", "--")
    assert "your guess" in legends(figure)
    assert "; your guess: 0.10, 0.20, 0.30." in figure.alt
    assert guess("curve").measured == pytest.approx((0.5, 0.6, 0.7))


@pytest.mark.parametrize(
    ("name", "number", "truth"),
    [("one bar", 0.3, 0.55), ("the highest", 0.5, 0.7), ("choice", 0.55, "training")],
)
def test_one_number_is_drawn_at_the_end_of_its_line(name, number, truth, guess):
    labels = {"one bar": ["validation"], "choice": ["validation", "training"]}
    more = {"labels": labels[name]} if name in labels else {}
    value = "validation" if name == "choice" else GUESSED[name]
    guess(name, **more).put(value)
    line = drawn(plots.curves(LINES, **WORDS, guess=guess(name, **more)))
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([3], [number])
    assert guess(name, **more).measured == truth


def test_bars_that_are_left_out_do_not_hide_the_others(guess):
    many = {f"name {i}": i / 100 for i in range(40)}
    mine = guess("bars", labels=["name 39", "name 0"])
    mine.put([0.5, 0.6])
    line = drawn(plots.bars(many, **WORDS, guess=mine))
    assert list(line.get_xdata()) == [0.5]
    assert mine.measured == (0.39, 0.0)


def test_a_training_that_diverged_or_stopped_has_no_truth(guess):
    for lines in ({"training": [0.5, float("nan"), 0.7]}, {"training": [0.5, 0.6]}):
        guess("curve").put(GUESSED["curve"])
        figure = plots.curves(lines, **WORDS, guess=guess("curve"))
        assert list(drawn(figure).get_ydata()) == [0.1, 0.2, 0.3]
        assert guess("curve").measured is None


FOREIGN = {
    "another name": ("bars", "one bar", {"labels": ["other"]}, "about pixels or noise or features"),
    "half of them": ("bars", "bars", {"labels": ["pixels", "other"]}, "got pixels, other"),
    "no name": ("curves", "curve", {"labels": []}, "got no labels"),
    "a curve over bars": ("bars", "curve", {}, "guess 'mine' of the kind curve"),
    "a curve over classes": ("class_bars", "curve", {}, "guess 'mine' of the kind curve"),
    "another line": ("bands", "curve", {"labels": ["test"]}, "about training or validation"),
    "a choice of others": ("curves", "choice", {}, "about training or validation"),
}


@pytest.mark.parametrize("case", FOREIGN)
@pytest.mark.parametrize("guessed", [False, True])
def test_a_guess_of_another_figure_is_refused_with_and_without_a_guess(case, guessed, guess):
    chart, name, changes, said = FOREIGN[case]
    changes = {k: v for k, v in changes.items() if v}
    mine = guess(name, **changes)
    if case == "no name":
        asked = {k: v for k, v in QUESTIONS[name].items() if k != "labels"}
        mine = Guess(GuessQuestion.from_dict({"id": "mine"} | asked), mine.progress)
    if guessed:
        mine.progress.add_guess(mine.question, _some(mine.question))
    with pytest.raises(FeatlibError, match="guess") as error:
        CHARTS[chart](guess=mine)
    assert said in str(error.value)
    assert mine.measured is None


def _some(asked):
    if asked.kind == "choice":
        return asked.labels[0]
    return 0.5 if asked.kind == "slider" else [0.5] * len(asked.parts)


@pytest.mark.parametrize("wrong", [0.5, "03-neighbors", [0.1], {}, object(), False])
@pytest.mark.parametrize("chart", CHARTS)
def test_what_is_no_guess_is_refused(chart, wrong):
    with pytest.raises(FeatlibError, match="guess as featlib"):
        CHARTS[chart](guess=wrong)


@pytest.mark.parametrize("name", ["00-proof", "03-neighbors"])
def test_the_examples_of_the_lesson_are_drawn(name, tmp_path):
    mine = Guess(quiz.find_guess(name), Progress(tmp_path / "answers.jsonl"))
    mine.put(_some(mine.question))
    values = dict.fromkeys(mine.question.labels, 0.7)
    assert "your guess" in plots.bars(values, **WORDS, guess=mine).alt
