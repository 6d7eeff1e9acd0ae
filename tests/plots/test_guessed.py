"""A guess drawn over the truth, and figures that are as ever without one."""

import pytest
import torch

from featlib import FeatlibError, plots, quiz, validation
from featlib.plots import guessed
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
    # The guess is about the second numbers, and the truth with it.
    "pairs": lambda **more: plots.pairs(
        {name: (0.7, value) for name, value in VALUES.items()}, ("old", "new"), **WORDS, **more
    ),
}
HORIZONTAL = ("bars", "bars with a line", "class_bars", "pairs")
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


PLACES = ("1", "2", "4")


@pytest.mark.parametrize("value", [None, "2"])
def test_a_choice_of_a_place_is_a_line_across_and_its_truth_is_told_by_reveal(value, guess):
    mine = guess("choice", labels=list(PLACES))
    if value:
        mine.put(value)
    figure = plots.curves(LINES, x=[1, 2, 4], **WORDS, guess=mine)
    assert ("your guess" in legends(figure)) == ("your guess: 2." in figure.alt) == bool(value)
    if value:
        assert list(drawn(figure).get_xdata()) == [2, 2]
        assert mine.measured is None
        mine.reveal("1")
        assert mine.measured == "1"


TIES = {
    "the highest": ({"pixels": 0.4, "noise": 0.9, "features": 0.9}, "features", "features"),
    "the other": ({"pixels": 0.4, "noise": 0.9, "features": 0.9}, "noise", "noise"),
    "neither": ({"pixels": 0.4, "noise": 0.9, "features": 0.9}, "pixels", "noise"),
}


@pytest.mark.parametrize("case", TIES)
def test_of_several_that_are_equally_high_each_is_right(case, guess):
    values, value, truth = TIES[case]
    mine = guess("choice", labels=["pixels", "noise", "features"])
    mine.put(value)
    plots.bars(values, **WORDS, guess=mine)
    assert mine.measured == truth


def report(*pairs):
    """Return a report of cats, dogs and birds: of each picture what is true, and what is said."""
    truth, said = torch.tensor(pairs).T
    names = ["cat", "dog", "bird"]
    return validation.evaluate(torch.nn.Identity(), 9 * torch.eye(3)[said], truth, names)


# Cat: 2 of 4, dog: 1 of 3. Then cat and dog: 1 of 2. There is no bird.
LOWEST = {
    "dog": [(0, 0), (0, 0), (0, 1), (0, 1), (1, 1), (1, 0), (1, 0)],
    "cat or dog": [(0, 0), (0, 1), (1, 1), (1, 0)],
}
MISSED = [("dog", "cat", "dog"), ("dog", "dog", "dog"), ("cat or dog", "dog", "dog"),
          ("cat or dog", "cat", "cat")]  # fmt: skip


@pytest.mark.parametrize(("lowest", "value", "truth"), MISSED)
def test_a_class_is_marked_beside_its_row_and_the_lowest_recall_is_kept(
    lowest, value, truth, guess
):
    mine = guess("choice", labels=["cat", "dog"])
    mine.put(value)
    figure = plots.confusion_matrix(report(*LOWEST[lowest]), guess=mine)
    line = drawn(figure)
    assert list(line.get_ydata()) == [["cat", "dog"].index(value)]
    assert line.get_transform() == figure.axes[0].get_yaxis_transform()
    assert min(line.get_xdata()) > 1, "beside the matrix"
    assert legends(figure) == ["your guess"]
    assert figure.alt.endswith(f"; your guess: {value}.")
    assert mine.measured == truth


def test_a_matrix_without_a_guess_is_the_same_byte_for_byte(guess):
    found = report(*LOWEST["dog"])
    figure = plots.confusion_matrix(found, guess=guess("choice", labels=["cat", "dog"]))
    assert figure.png() == plots.confusion_matrix(found).png()


@pytest.mark.parametrize("wrong", [0.5, "cat", [0.1], {}, object(), False])
def test_a_matrix_refuses_what_is_no_guess(wrong):
    with pytest.raises(FeatlibError, match="guess as featlib"):
        plots.confusion_matrix(report(*LOWEST["dog"]), guess=wrong)


@pytest.mark.parametrize("name", ["bars", "one bar", "the highest", "curve"])
def test_a_matrix_takes_no_numbers(name, guess):
    with pytest.raises(FeatlibError, match="wanted a choice of the class that is missed most"):
        plots.confusion_matrix(report(*LOWEST["dog"]), guess=guess(name))


STRIPS = {  # guessed, measured, the title, and where the axis has to reach
    "too low": (0.6, 0.82, "Your guess: 0.22 too low", 1),
    "too high": (1, 0.0, "Your guess: 1.00 too high", 1),
    "just right": (0.5, 0.5, "Your guess: just right", 1),
    "beyond": (0.5, 3.0, "Your guess: 2.50 too low", 3),
    "below": (0.5, -3.0, "Your guess: 3.50 too high", 1),
}


@pytest.mark.parametrize("case", STRIPS)
def test_one_number_is_drawn_beside_what_was_measured(case, guess):
    value, truth, title, reach = STRIPS[case]
    mine = guess("the highest", unit="share right")
    mine.put(value)
    mine.record(truth)
    figure = guessed.strip(mine)
    [ax] = figure.axes
    _, measured, own = ax.lines
    assert (list(measured.get_xdata()), list(own.get_xdata())) == ([truth], [value])
    assert (measured.get_marker(), measured.get_color()) == ("o", plots.HIGHEST)
    assert (own.get_marker(), own.get_markerfacecolor()) == ("D", "white")
    assert measured.get_markersize() > 1.5 * own.get_markersize(), "seen around it"
    said = [f"measured: {truth:.2f}", f"your guess: {value:.2f}"]
    assert [text.get_text() for text in ax.texts] == said
    assert (ax.get_title(loc="left"), ax.get_xlabel()) == (title, "share right")
    low, high = ax.get_xlim()
    assert low < min(0, truth) < reach < high
    assert figure.alt.startswith(f"{title}, on a line from ")
    assert figure.alt.endswith(
        f"(share right): {said[0].replace(':', '')}; {said[1].replace(':', '')}."
    )
    boxes = [text.get_window_extent() for text in (*ax.texts, ax.title, ax.xaxis.label)]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)


NOTHING = {
    "no guess": ("the highest", None, 0.5),
    "no result": ("the highest", 0.5, None),
    "no number": ("the highest", 0.5, float("nan")),
    "words": ("choice", "pixels", "features"),
    "several": ("bars", [0.2, 0.7], [0.4, 0.9]),
}


@pytest.mark.parametrize("case", NOTHING)
def test_where_there_is_nothing_to_compare_there_is_no_strip(case, guess):
    name, value, truth = NOTHING[case]
    mine = guess(name)
    if value is not None:
        mine.put(value)
    if truth is not None:
        mine.record(truth)
    assert guessed.strip(mine) is None


def test_bars_that_are_left_out_do_not_hide_the_others(guess):
    many = {f"name {i}": i / 100 for i in range(40)}
    mine = guess("bars", labels=["name 39", "name 0"])
    mine.put([0.5, 0.6])
    line = drawn(plots.bars(many, **WORDS, guess=mine))
    assert list(line.get_xdata()) == [0.5]
    assert mine.measured == (0.39, 0.0)


@pytest.mark.parametrize("chart", ["bars", "class_bars", "confusion_matrix"])
def test_a_guess_about_what_is_left_out_has_no_mark_and_no_legend(chart, guess):
    names = [f"class {i}" for i in range(40)]
    mine = guess("choice", labels=["class 2", "class 35"])
    mine.put("class 35")
    heights = {name: 40 - i for i, name in enumerate(names)} | {"class 2": 50}
    more = {"title": "Title", "xlabel": "share", "guess": mine}
    truth = torch.arange(40)
    said = torch.where(truth < 30, (truth + 1) % 30, truth)
    draw = {
        "bars": lambda: plots.bars(heights, ylabel="name", **more),
        "class_bars": lambda: plots.class_bars([*heights.values()], names, **more),
        "confusion_matrix": lambda: plots.confusion_matrix(
            validation.evaluate(torch.nn.Identity(), 9 * torch.eye(40)[said], truth, names),
            guess=mine,
        ),
    }
    figure = draw[chart]()
    assert legends(figure) == []
    assert figure.alt.endswith("; your guess: class 35.")


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
    "a curve over pairs": ("pairs", "curve", {}, "guess 'mine' of the kind curve"),
    "a place that is not there": ("curves", "choice", {"labels": ["1", "7"]}, "about training"),
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
