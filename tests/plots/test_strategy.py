"""The drawing of the strategy: on any page, at any width, of the cat or of a real prediction."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Text
from PIL import Image
from torch import nn

from featlib import FeatlibError, plots, trace

GROUNDS = {"light": (255, 255, 255), "dark": (17, 17, 17)}


def on_ground(figure, ground):
    """Return the drawing on a page of that color, and its own transparency."""
    drawn = Image.open(io.BytesIO(figure.png())).convert("RGBA")
    page = Image.new("RGBA", drawn.size, (*ground, 255))
    page.alpha_composite(drawn)
    return np.asarray(page)[..., :3], np.asarray(drawn)[..., 3]


def luminance(color):
    rgb = np.asarray(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def words(figure):
    return [text for text in figure.findobj(Text) if text.get_text()]


def card_of(figure, text):
    """Return the card that a word stands on."""
    x, y = text.get_window_extent().get_points().mean(0)
    cards = figure.findobj(FancyBboxPatch)
    [found] = [card for card in cards if card.get_window_extent().contains(x, y)]
    return found


def all_lie_within_their_cards(figure):
    for text in words(figure):
        extent, card = text.get_window_extent(), card_of(figure, text).get_window_extent()
        assert card.x0 < extent.x0 < extent.x1 < card.x1, text
        assert card.y0 < extent.y0 < extent.y1 < card.y1, text
    return True


@pytest.fixture(scope="module")
def prediction(resnet):
    torch.manual_seed(0)
    image = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    return trace.predict(image, resnet, nn.Linear(512, 5), ["a", "b $x$", "W" * 99, "Ш" * 20, "e"])


@pytest.mark.parametrize("width", [5.9, 6, 11.1, 24])
@pytest.mark.parametrize("dark", [False, True])
def test_type_has_eleven_pixels_and_lies_within_its_card(width, dark):
    figure = plots.strategy(width=width, dark=dark)
    figure.png()
    found = words(figure)
    assert len(found) >= 10
    for text in found:
        assert text.get_fontsize() * figure.dpi / 72 >= 11, text
    assert all_lie_within_their_cards(figure)


@pytest.mark.parametrize("dark", [False, True])
def test_each_word_can_be_read_on_its_card(dark):
    figure = plots.strategy(dark=dark)
    figure.png()
    for text in words(figure):
        assert contrast(text.get_color(), card_of(figure, text).get_facecolor()) >= 4.5, text


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_seen_between_the_cards_and_the_cards_hide_it(ground, dark):
    page, alpha = on_ground(plots.strategy(dark=dark), GROUNDS[ground])
    assert page.shape == (330, 1110, 3)
    assert (page[:, 189][:100] == GROUNDS[ground]).all(), "between two cards"
    assert (alpha[60:270, [20, 220, 500, 720, 1100]] == 255).all(), "on the cards"


def test_it_shows_what_was_predicted(prediction):
    figure = plots.strategy(prediction)
    said = {text.get_text() for text in words(figure)}
    assert {"512 numbers", "frozen", "learns"} <= said
    assert all_lie_within_their_cards(figure)
    bars = [bar for bar in figure.findobj(Rectangle) if bar.get_height() == 14]
    top = prediction.probabilities.topk(4).values.tolist()
    lengths = np.array([bar.get_width() for bar in bars])
    assert lengths / lengths.max() == pytest.approx(np.array(top) / top[0])
    assert f"here {prediction.label}." in figure.alt
    assert "such as animal" in plots.strategy().alt


def test_the_same_call_gives_the_same_file():
    assert plots.strategy().png() == plots.strategy().png()


HOSTILE = [None, "wide", True, float("nan"), float("inf"), 10**400, 0, -1, 5.8, 61, (11, 3), [1]]


@pytest.mark.parametrize("width", HOSTILE, ids=str)
def test_a_width_that_is_none_is_refused(width):
    with pytest.raises(FeatlibError, match=r"wanted width as a number.*Try width="):
        plots.strategy(width=width)


@pytest.mark.parametrize("dark", ["yes", None, 2, []])
def test_dark_is_true_or_false(dark):
    with pytest.raises(FeatlibError, match="wanted dark as True or False"):
        plots.strategy(dark=dark)


@pytest.mark.parametrize("given", [7, "cat", {}, torch.zeros(3, 64, 64)])
def test_what_is_no_prediction_is_refused(given):
    with pytest.raises(FeatlibError, match=r"plots\.strategy: wanted"):
        plots.strategy(given)


def test_a_prediction_of_three_layers_is_refused(prediction):
    with pytest.raises(FeatlibError, match="four layers"):
        plots.strategy(dataclasses.replace(prediction, layers=prediction.layers[:3]))


@pytest.mark.parametrize("d", [1, 31, 33, 25_088])
def test_any_number_of_features_is_drawn(prediction, d):
    layers = list(prediction.layers)
    layers[1] = dataclasses.replace(layers[1], values=torch.rand(d))
    figure = plots.strategy(dataclasses.replace(prediction, layers=tuple(layers)))
    figure.png()
    assert all_lie_within_their_cards(figure)
