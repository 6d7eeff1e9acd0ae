"""Pictures as the points of a map."""

import numpy as np
import pytest
import torch

from featlib import FeatlibError, plots

WORDS = {"title": "Two classes", "classes": ("dark", "light")}


def gray(*values):
    return torch.tensor(values, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)


def test_each_picture_lies_at_its_point_in_a_frame_of_its_class():
    points = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    figure = plots.picture_map(points, gray(10, 240), torch.tensor([0, 1]), **WORDS)
    canvas = figure.axes[0].images[0].get_array()
    bottom_left, top_right = canvas[-34:, :34], canvas[:34, -34:]
    assert bottom_left[17, 17].tolist() == [10, 10, 10, 255]
    assert top_right[17, 17].tolist() == [240, 240, 240, 255]
    blue, orange = ((*bytes.fromhex(color[1:]), 255) for color in plots.SERIES[:2])
    assert tuple(bottom_left[0, 0]) == blue
    assert tuple(top_right[0, 0]) == orange
    assert canvas[500, 500, 3] == 0, "transparent"
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["dark", "light"]
    assert figure.alt == "Two classes: 2 pictures of 2 classes on two axes."


def test_points_on_one_line_or_one_place_are_drawn():
    points = np.array([[3.0, 1.0], [3.0, 1.0], [3.0, 2.0]])
    plots.picture_map(points, gray(0, 9, 99), torch.tensor([0, 0, 1]), **WORDS).png()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pixels": gray(1)}, "a picture for each of 2 points, got 1"),
        ({"classes": tuple("abcdefghijk")}, "at most 10 classes"),
        ({"points": torch.zeros(2, 3)}, "points"),
        ({"labels": torch.tensor([0, 5])}, "5"),
    ],
)
def test_what_does_not_fit_is_refused(given, said):
    right = {"points": torch.eye(2), "pixels": gray(1, 2), "labels": torch.tensor([0, 1]), **WORDS}
    with pytest.raises(FeatlibError, match=said):
        plots.picture_map(**(right | given))
