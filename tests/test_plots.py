"""Each figure: what it draws, that it is labeled, and that it says it all in words, too."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from torch import nn

from featlib import images, plots, trace, validation
from featlib.head import Epoch, Recipe, TrainingTrace

TRAINING = TrainingTrace(
    tuple(Epoch(i + 1, 1.5 / (i + 1), 0.5 + i / 10, 0.4 + i / 10, "") for i in range(5)),
    Recipe(),
    0.1,
)


@pytest.fixture(scope="module")
def own():
    pixels = torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8)
    return images.from_arrays(pixels, torch.arange(20) % 2, ["cat", "dog"])


@pytest.fixture(scope="module")
def report():
    layer = nn.Linear(2, 2, bias=False)
    nn.init.eye_(layer.weight)
    said = torch.eye(2)[[0, 0, 1, 1]] * torch.tensor([[1.0], [4], [2], [3]])
    return validation.evaluate(layer, said, torch.tensor([0, 1, 1, 0]), ["cat", "dog"])


@pytest.fixture(scope="module")
def prediction(resnet):
    torch.manual_seed(0)
    image = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    return trace.predict(image, resnet, nn.Linear(512, 2), ["cat", "dog"], truth="dog")


@pytest.fixture(scope="module")
def figures(own, report, prediction):
    return {
        "image_grid": plots.image_grid(own, columns=4),
        "loss_curve": plots.loss_curve(TRAINING),
        "accuracy_curve": plots.accuracy_curve(TRAINING),
        "training_trace": plots.training_trace(TRAINING),
        "feature_map": plots.feature_map(torch.arange(40.0)),
        "class_bars": plots.class_bars(
            torch.tensor([0.2, 0.8]), ["cat", "dog"], title="Softmax", xlabel="probability"
        ),
        "prediction_trace": plots.prediction_trace(prediction),
        "confusion_matrix": plots.confusion_matrix(report),
        "mistakes": plots.mistakes(report, own),
        "comparison": plots.comparison({"raw": 0.3, "features": 0.8}, n_classes=2),
    }


NAMES = [
    "image_grid", "loss_curve", "accuracy_curve", "training_trace", "feature_map", "class_bars",
    "prediction_trace", "confusion_matrix", "mistakes", "comparison",
]  # fmt: skip


def test_no_figure_is_left_untested(figures):
    public = {
        name
        for name, value in vars(plots).items()
        if callable(value) and not name.startswith("_") and value.__module__ == plots.__name__
    }
    assert set(NAMES) == set(figures) == public - {"Figure"}


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_title_labels_and_words(figures, name):
    figure = figures[name]
    assert len(figure.alt) > 20
    for ax in figure.axes:
        if ax.get_label() == "<colorbar>":
            assert ax.get_ylabel()
            continue
        assert ax.get_title("left") or ax.get_title()
        if name != "mistakes":  # pictures with a name below, not a diagram
            assert ax.get_xlabel()


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_a_png_with_its_alternative_text(figures, name):
    data, metadata = figures[name]._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == figures[name].alt
    assert data["text/plain"] == f"Figure: {figures[name].alt}"


@pytest.mark.parametrize("name", NAMES)
def test_no_text_is_cut_off_at_the_edge(figures, name):
    figure = figures[name]
    figure.canvas.draw()
    box, bounds = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 > -0.05
    assert box.y0 > -0.05
    assert box.x1 < bounds[0] + 0.05
    assert box.y1 < bounds[1] + 0.05


def test_pyplot_knows_nothing_of_these_figures(figures):
    assert figures
    assert plt.get_fignums() == []


def test_colors_are_okabe_and_itos(figures):
    line = figures["loss_curve"].axes[0].lines[1]
    assert to_hex(line.get_color()).upper() == plots.BLUE


def test_the_grid_holds_each_class_in_its_row(own, figures):
    sheet = figures["image_grid"].axes[0].images[0].get_array()
    assert sheet.shape == (2 * 16, 4 * 16, 3)
    second_dog = own.pixels[(own.labels == 1).nonzero()[1, 0]].permute(1, 2, 0)
    assert np.array_equal(sheet[16:, 16:32], second_dog)


def test_loss_is_drawn_beside_the_reference(figures):
    reference, ours = figures["loss_curve"].axes[0].lines
    assert list(reference.get_ydata()) == [row.loss for row in trace.REFERENCE]
    assert list(ours.get_ydata()) == [row.loss for row in TRAINING.epochs]


def test_accuracy_is_drawn_for_training_and_validation(figures):
    _, training, held_out = figures["accuracy_curve"].axes[0].lines
    assert list(training.get_ydata()) == [row.accuracy for row in TRAINING.epochs]
    assert list(held_out.get_ydata()) == [row.val_accuracy for row in TRAINING.epochs]


def test_without_validation_there_is_no_such_line():
    rows = tuple(Epoch(i, 1.0, 0.5, None, "") for i in (1, 2))
    figure = plots.accuracy_curve(TrainingTrace(rows, Recipe(epochs=2), 0.1))
    assert len(figure.axes[0].lines) == 2


def test_the_feature_map_fills_its_last_row_with_nothing(figures):
    cells = figures["feature_map"].axes[0].images[0].get_array()
    assert cells.shape == (3, 16)
    assert cells.compressed().tolist() == list(range(40))


def test_the_highest_bar_stands_out(figures):
    colors = [to_hex(bar.get_facecolor()).upper() for bar in figures["class_bars"].axes[0].patches]
    assert colors == [plots.BLUE, plots.ORANGE]


def test_the_confusion_matrix_shows_its_counts(report, figures):
    ax = figures["confusion_matrix"].axes[0]
    assert np.array_equal(ax.images[0].get_array(), report.confusion)
    assert [text.get_text() for text in ax.texts] == ["1", "1", "1", "1"]


def test_the_surest_mistake_comes_first(figures):
    first, second = figures["mistakes"].axes
    assert first.get_xlabel() == "is dog"
    assert second.get_xlabel() == "is cat"
    assert "dog taken for cat (98% sure); cat taken for dog" in figures["mistakes"].alt


def test_a_figure_without_mistakes_says_so(own):
    layer = nn.Linear(2, 2, bias=False)
    nn.init.eye_(layer.weight)
    flawless = validation.evaluate(layer, torch.eye(2), torch.arange(2), ["cat", "dog"])
    assert plots.mistakes(flawless, own).alt == "The surest mistakes: none."


def test_the_comparison_draws_guessing_as_a_line(figures):
    ax = figures["comparison"].axes[0]
    assert [bar.get_width() for bar in ax.patches] == [0.3, 0.8]
    assert ax.lines[0].get_xdata()[0] == 0.5


def test_a_figure_can_be_drawn_into_axes_of_ones_own():
    figure, ax = plt.subplots()
    try:
        assert plots.loss_curve(TRAINING, ax=ax) is figure
        assert len(ax.lines) == 2
    finally:
        plt.close(figure)
