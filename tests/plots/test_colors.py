"""Six things have one color each: in charts, in figures, in the lab; told apart by everybody."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

import featlib
from featlib import FeatlibError, plots, validation
from featlib.head import Epoch, Recipe, TrainingTrace
from featlib.plots import style
from featlib.plots.style import color_of, colors_of, has_color
from featlib.widgets.base import Widget

FIXED = {
    name: color_of(name)
    for name in (
        "pretrained", "features", "untrained", "raw pixels", "training", "validation", "textbook"
    )
}  # fmt: skip
NEUTRAL = (plots.HIGHEST, plots.LOWER)
WORDS = {"title": "Title", "xlabel": "share", "ylabel": "name"}
# Machado, Oliveira and Fernandes (2009), A Physiologically-based Model for Simulation of Color
# Vision Deficiency, IEEE TVCG 15(6): full severity, for linear RGB.
VISION = {
    "normal": np.eye(3),
    "no long waves": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                      [-0.003882, -0.048116, 1.051998]],
    "no middle waves": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                        [-0.011820, 0.042940, 0.968881]],
    "no short waves": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                       [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def lab(color, seen):
    """Return CIE L*a*b* of a color, as somebody with this color vision sees it."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ np.clip(seen @ linear, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_the_colors_are_far_apart_in_any_color_vision(vision):
    """A difference of 2.3 can just be noticed (Mahy, Van Eycken and Oosterlinck 1994)."""
    colors = {*FIXED.values(), *NEUTRAL}
    assert len(colors) == 6 + 2
    seen = [lab(color, np.array(VISION[vision])) for color in colors]
    apart = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(apart) > 15


SAME = {
    "pretrained": [
        "pretrained ResNet18",
        "features",
        "Pretrained",
        "this run, pretrained",
        "frozen features",
    ],
    "untrained": ["untrained ResNet18", "untrained network", "untrained backbone"],
    "raw pixels": ["raw pixels, scaled", " raw pixels "],
    "training": ["this run, training", "training loss"],
    "validation": ["this run, validation", "validation accuracy", "a, b, validation"],
    "textbook": ["the page, textbook", "textbook accuracy"],
}


@pytest.mark.parametrize(("name", "others"), SAME.items())
def test_a_name_has_its_color_with_other_words_too(name, others):
    assert {color_of(other) for other in others} == {FIXED[name]}
    assert all(map(has_color, others))


OTHERS = ["rate 0.002", "all other features", "feature 12", "trained on 3D", "pretraining", "",
          "no training", "features-2", "head", "trainings"]  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_names_take_the_rest_in_order(name):
    rest = [color for color in style.SERIES if color not in FIXED.values()]
    assert not has_color(name)
    assert [color_of(name, i) for i in range(5)] == [*rest, rest[0]]
    assert colors_of([name, "training", "x", "y"]) == [rest[0], FIXED["training"], *rest[1:3]]


def test_of_two_names_that_one_color_belongs_to_the_first_has_it():
    found = colors_of(["features", "features, varied", "pretrained"])
    assert found[0] == FIXED["features"]
    assert len(set(found)) == 3


def test_ten_names_have_ten_colors():
    assert len(set(colors_of(f"name {i}" for i in range(10)))) == 10
    assert len(set(colors_of(["training", *(f"name {i}" for i in range(9))]))) == 10
    assert len(colors_of(f"name {i}" for i in range(30))) == 30


class Unwritable:
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize("wrong", [-1, 1.5, "1", None])
def test_what_is_no_number_or_no_name_is_refused(wrong):
    with pytest.raises(FeatlibError):
        color_of("other", wrong)
    with pytest.raises(FeatlibError):
        color_of(Unwritable())


def hexadecimal(artist):
    color = artist.get_facecolor() if hasattr(artist, "get_facecolor") else artist.get_color()
    return color if isinstance(color, str) else to_hex(color).upper()


def test_bars_have_the_colors_of_their_names():
    figure = plots.bars({"raw pixels": 0.4, "untrained": 0.5, "pretrained": 0.9}, **WORDS)
    found = [hexadecimal(bar) for bar in figure.axes[0].patches]
    assert found == [FIXED["raw pixels"], FIXED["untrained"], FIXED["pretrained"]]


def test_bars_of_other_names_are_as_ever():
    axes = plots.bars({"a": 0.4, "b": 0.9}, **WORDS).axes[0]
    assert [hexadecimal(bar) for bar in axes.patches] == [plots.LOWER, plots.HIGHEST]


def relative_luminance(color):
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("color", [*NEUTRAL, FIXED["textbook"]])
def test_a_neutral_bar_and_a_thin_line_are_seen_on_white(color):
    """WCAG 2.2, success criterion 1.4.11, asks for 3 to 1 of what is no text."""
    assert 1.05 / (relative_luminance(color) + 0.05) > 3


def test_what_none_of_the_six_belongs_to_has_none_of_their_colors():
    values = torch.tensor([0.4, 0.9])
    drawn = {
        "bars": plots.bars({"a": 0.4, "b": 0.9}, **WORDS).axes[0].patches,
        "class_bars": plots.class_bars(values, ["a", "b"], title="t", xlabel="x").axes[0].patches,
    }
    pairs = plots.pairs({"a": (0.1, 0.2)}, ("old head", "new head"), **WORDS)
    found = {name: {hexadecimal(bar) for bar in bars} for name, bars in drawn.items()}
    found["pairs"] = {hexadecimal_of_dots(dots) for dots in pairs.axes[0].collections[1:]}
    script = (Path(featlib.__file__).parent / "web" / "trace_figure.js").read_text()
    found["on the site"] = set(re.findall(r'(?:HIGHEST|LOWER) = "(#\w+)"', script))
    assert all(colors == set(NEUTRAL) for colors in found.values()), found


LINES = {"validation": [1, 2], "training": [2, 3], "other": [3, 4]}
EPOCHS = (Epoch(1, 1.5, 0.4, 0.3, "it begins"), Epoch(2, 1.2, 0.6, 0.5, "it goes on"))


def lines_of(figure):
    return {line.get_label(): line.get_color() for axes in figure.axes for line in axes.lines}


def test_lines_and_points_have_the_colors_of_their_names():
    wanted = {name: FIXED.get(name, plots.GREEN) for name in LINES}
    assert lines_of(plots.curves(LINES, **WORDS)) == wanted
    repeats = {name: [[value] for value in values] for name, values in LINES.items()}
    assert lines_of(plots.bands(repeats, x=[1, 2], **WORDS)) == wanted
    points = dict.fromkeys(LINES, (1, 0.5, 0.4, 0.6))
    containers = plots.tradeoff(points, **WORDS).axes[0].containers
    assert {c.get_label(): c.lines[0].get_color() for c in containers} == wanted
    figure = plots.pairs({"a": (0.1, 0.2)}, ("training", "validation"), **WORDS)
    drawn = {d.get_label(): hexadecimal_of_dots(d) for d in figure.axes[0].collections[1:]}
    assert drawn == {name: FIXED[name] for name in ("training", "validation")}


def hexadecimal_of_dots(dots):
    return to_hex(dots.get_facecolor()[0]).upper()


def test_the_training_trace_has_them_too():
    found = lines_of(plots.training_trace(TrainingTrace(EPOCHS, Recipe(), 0.1)))
    assert found["this run"] == found["this run, training"] == FIXED["training"]
    assert found["this run, validation"] == FIXED["validation"]
    assert found["textbook"] == FIXED["textbook"]


def test_the_textbook_has_one_color_wherever_it_is_drawn():
    lines = lines_of(plots.curves({"training": [1, 2], "textbook": [2, 3]}, **WORDS))
    assert lines["textbook"] == FIXED["textbook"]
    assert f"--textbook: {FIXED['textbook'].lower()};" in str(Widget._css)


def test_what_is_measured_on_validation_pictures_has_their_color():
    right, sure = torch.tensor([0, 1]), torch.eye(2)
    report = validation.evaluate(torch.nn.Identity(), sure, right, ["a", "b"])
    assert lines_of(plots.calibration(report, bins=2))["this head"] == FIXED["validation"]


def test_the_lab_has_them_too():
    css = str(Widget._css)
    assert f"--this: {FIXED['training'].lower()};" in css
    assert f"--unseen: {FIXED['validation'].lower()};" in css
