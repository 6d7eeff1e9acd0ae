"""What the two figures of notebook 09 draw: bands of repeats, and accuracy against its price."""

import pytest

from featlib import plots

SERIES = {
    "pixels": [[0.2, 0.3, 0.4], [0.4, 0.5, 0.6]],
    "features": [[0.5, 0.6, 0.7], [0.8, 0.8, 0.8]],
}
POINTS = {"frozen": (2, 0.8, 0.7, 0.85), "from scratch": (200, 0.6, 0.5, 0.65)}


@pytest.fixture(scope="module")
def curve():
    words = {"title": "Learning curve", "xlabel": "images a class", "ylabel": "accuracy"}
    return plots.bands(SERIES, x=(5, 80), **words)


@pytest.fixture(scope="module")
def price():
    words = {"title": "The price", "xlabel": "seconds", "ylabel": "accuracy"}
    return plots.tradeoff(POINTS, **words)


def test_lines_go_through_the_means(curve):
    pixels, features = curve.axes[0].lines
    assert pixels.get_label() == "pixels"
    assert list(pixels.get_xdata()) == [5, 80]
    assert list(pixels.get_ydata()) == pytest.approx([0.3, 0.5])
    assert list(features.get_ydata()) == pytest.approx([0.6, 0.8])


def test_bands_reach_from_the_lowest_to_the_highest(curve):
    pixels, _ = curve.axes[0].collections
    corners = {tuple(point.round(3).tolist()) for point in pixels.get_paths()[0].vertices}
    assert {(5, 0.2), (5, 0.4), (80, 0.4), (80, 0.6)} <= corners


def test_the_places_are_written_below(curve):
    assert [tick.get_text() for tick in curve.axes[0].get_xticklabels()] == ["5", "80"]


def test_the_curve_is_said_in_words(curve):
    assert "pixels: 0.30 (0.20 to 0.40) at 5, 0.50 (0.40 to 0.60) at 80" in curve.alt


def test_each_point_has_its_interval(price):
    frozen, scratch = price.axes[0].containers
    assert frozen.get_label() == "frozen"
    assert list(frozen.lines[0].get_xdata()) == [2]
    [bar] = scratch.lines[2]
    assert bar.get_segments()[0][:, 1].tolist() == pytest.approx([0.5, 0.65])


def test_the_price_is_on_a_logarithmic_scale_and_said_in_words(price):
    assert price.axes[0].get_xscale() == "log"
    assert "frozen 0.8 (0.7 to 0.85) for 2; from scratch 0.6 (0.5 to 0.65) for 200" in price.alt
