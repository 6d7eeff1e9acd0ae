"""The figures of the deep dive: what they draw, and that they say it in words, too."""

import pytest
import torch
from matplotlib.colors import to_hex

from featlib import plots
from featlib.plots.style import new_figure


@pytest.fixture(scope="module")
def weight():
    return torch.randn(6, 3, 7, 7, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def maps():
    first = torch.zeros(4, 8, 8)
    first[2, 1, 5] = 64  # the strongest by its mean
    first[0] = 0.5
    return {"stem": first, "layer1": torch.arange(12.0).view(3, 2, 2)}


@pytest.fixture(scope="module")
def pairs():
    return plots.pairs(
        {"upside down": (0.6, 0.7), "blurred": (0.2, 0.5)},
        ("old head", "new head"),
        title="Changed pictures",
        xlabel="share right",
        ylabel="change",
        line=("guessing", 0.1),
    )


def test_filters_lie_in_rows_with_a_gap_and_zero_is_gray(weight):
    figure = plots.filters(weight, title="Filters", columns=4)
    sheet = figure.axes[0].images[0].get_array()
    assert sheet.shape == (2 * 8 - 1, 4 * 8 - 1, 3)
    expected = 0.5 + weight[5] / (2 * weight[5].abs().max())
    assert torch.allclose(torch.tensor(sheet[8:15, 8:15]), expected.permute(1, 2, 0))
    assert (sheet[7] == 1).all()
    zero = plots.filters(torch.zeros(1, 3, 7, 7), title="Filters", columns=1)
    assert (zero.axes[0].images[0].get_array() == 0.5).all()


def test_filters_are_each_scaled_to_their_own_largest_weight(weight):
    one = plots.filters(weight, title="Filters").axes[0].images[0].get_array()
    other = plots.filters(weight * 100, title="Filters").axes[0].images[0].get_array()
    assert torch.allclose(torch.tensor(one), torch.tensor(other))
    assert one.min() >= 0
    assert one.max() <= 1


def test_filters_are_labeled(weight):
    figure = plots.filters(weight, title="Filters")
    assert figure.axes[0].get_title(loc="left") == "Filters"
    assert "6 filters of 7×7 pixels" in figure.axes[0].get_xlabel()
    assert figure.alt == "Filters: 6 filters as color pictures of 7×7 pixels."


def test_the_strongest_maps_come_first(maps):
    image = torch.zeros(3, 16, 16, dtype=torch.uint8)
    figure = plots.activation_maps(image, maps, n=2)
    picture, *drawn = figure.axes
    assert picture.images[0].get_array().shape == (16, 16, 3)
    assert len(drawn) == 2 * 2
    shown = [torch.tensor(ax.images[0].get_array()) for ax in drawn]
    for got, wanted in zip(
        shown,
        (maps["stem"][2], maps["stem"][0], maps["layer1"][2], maps["layer1"][1]),
        strict=True,
    ):
        assert torch.equal(got, wanted)
    assert all(ax.images[0].get_clim()[0] == 0 for ax in drawn)


def test_maps_are_named_with_their_number_and_size(maps):
    figure = plots.activation_maps(torch.zeros(3, 16, 16, dtype=torch.uint8), maps, n=2)
    assert figure.axes[1].get_ylabel() == "stem\n4 maps\nof 8×8"
    assert figure.axes[3].get_ylabel() == "layer1\n3 maps\nof 2×2"
    assert "stem, 4 maps of 8×8, strongest 2; layer1, 3 maps of 2×2, strongest 2" in figure.alt


def test_pairs_draw_both_numbers_and_join_them(pairs):
    [ax] = pairs.axes
    joined, first, second = ax.collections
    assert first.get_offsets()[:, 0].tolist() == [0.6, 0.2]
    assert second.get_offsets()[:, 0].tolist() == [0.7, 0.5]
    assert [segment[:, 0].tolist() for segment in joined.get_segments()] == [[0.6, 0.7], [0.2, 0.5]]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["upside down", "blurred"]


def test_pairs_differ_in_color_and_are_named(pairs):
    [ax] = pairs.axes
    _, first, second = ax.collections
    assert to_hex(first.get_facecolor()[0]) != to_hex(second.get_facecolor()[0])
    names = [text.get_text() for text in pairs.legends[0].get_texts()]
    assert names == ["old head", "new head", "guessing"]
    assert ax.get_xlabel() == "share right"
    assert ax.get_ylabel() == "change"
    assert pairs.alt == (
        "Changed pictures; old head and new head: upside down 0.60 and 0.70, blurred 0.20 and 0.50."
    )


def test_pairs_draw_into_a_given_axes_and_need_no_line():
    figure = new_figure((4, 3))
    ax = figure.subplots()
    settings = {"title": "t", "xlabel": "x", "ylabel": "y", "ax": ax}
    assert plots.pairs({"a": (0.1, 0.2)}, ("one", "two"), **settings) is figure
    assert len(figure.legends[0].get_texts()) == 2
