"""Each figure: what it draws, that it is labeled, and that it says it all in words, too."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.font_manager import fontManager
from torch import nn

from featlib import images, plots, trace, validation
from featlib.head import Epoch, Recipe, TrainingTrace
from featlib.plots import style

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
        "bars": plots.bars(
            {"raw": 0.3, "features": 0.8},
            title="Accuracy",
            xlabel="share right",
            ylabel="input",
            line=("guessing", 0.5),
        ),
        "curves": plots.curves(
            {"slow": [2.0, 1.5], "fast": [2.0, 0.5]}, title="Loss", xlabel="epoch", ylabel="nats"
        ),
        "pictures": plots.pictures(own.pixels[:3], ["a", "b", "c"], title="Three", columns=2),
        "planes": plots.planes(own.pixels[0]),
        "histogram": plots.histogram(own.pixels, title="Pixels", xlabel="value"),
        "scatter": plots.scatter(torch.randn(20, 2), own.labels, own.classes, title="PCA"),
        "calibration": plots.calibration(report, bins=2),
        "heat": plots.heat(
            own.pixels[0], torch.tensor([[0.0, -1], [2, 0]]), title="Occlusion", label="logit"
        ),
        "bands": plots.bands(
            {"features": [[0.5, 0.7], [0.8]]}, x=(5, 80), title="Curve", xlabel="n", ylabel="share"
        ),
        "filters": plots.filters(torch.ones(2, 3, 4, 4), title="Filters"),
        "activation_maps": plots.activation_maps(
            own.pixels[0], {"stem": torch.rand(4, 8, 8), "stage 1": torch.rand(8, 4, 4)}, n=2
        ),
        "pairs": plots.pairs(
            {"stem": (0.3, 0.4), "stage 1": (0.3, 0.6)},
            ("random", "pretrained"),
            title="Probe",
            xlabel="accuracy",
            ylabel="stage",
        ),
        "tradeoff": plots.tradeoff(
            {"frozen": (2, 0.8, 0.7, 0.9)}, title="Cost", xlabel="seconds", ylabel="accuracy"
        ),
    }


NAMES = [
    "image_grid", "loss_curve", "accuracy_curve", "training_trace", "feature_map", "class_bars",
    "prediction_trace", "confusion_matrix", "mistakes", "bars", "curves", "pictures", "planes",
    "histogram", "scatter", "calibration", "heat", "bands", "filters",
    "activation_maps", "pairs", "tradeoff",
]  # fmt: skip


def test_no_figure_is_left_untested(figures):
    public = {
        name
        for name, value in vars(plots).items()
        if callable(value) and value.__module__.startswith("featlib.plots.")
    }
    assert set(NAMES) == set(figures) == public - {"Figure"}


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_title_labels_and_words(figures, name):
    figure = figures[name]
    assert len(figure.alt) > 10
    for ax in figure.axes:
        if ax.get_label() == "<colorbar>":
            assert ax.get_ylabel()
            continue
        assert ax.get_title("left") or ax.get_title()
        # These are no diagrams: each picture has its words above it.
        if name not in ("mistakes", "pictures", "activation_maps"):
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
    first, second = (ax.get_title() for ax in figures["mistakes"].axes)
    assert first == "is dog\nsays cat\n98% sure"
    assert second.startswith("is cat\nsays dog")
    assert "is dog says cat 98% sure; is cat" in figures["mistakes"].alt


def test_a_figure_without_mistakes_says_so(own):
    layer = nn.Linear(2, 2, bias=False)
    nn.init.eye_(layer.weight)
    flawless = validation.evaluate(layer, torch.eye(2), torch.arange(2), ["cat", "dog"])
    assert plots.mistakes(flawless, own).alt == "No mistakes."


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.028, "0.0280"), (0, "0.00"), (77.7, "77.7"), (894, "894"), (999.7, "1000"), (1085, "1085")],
)
def test_bars_write_numbers_as_people_do(value, text):
    figure = plots.bars({"a": value}, title="t", xlabel="x", ylabel="y")
    assert [words.get_text() for words in figure.axes[0].texts] == [text]


def test_bars_show_their_numbers_and_a_line_to_compare_with(figures):
    ax = figures["bars"].axes[0]
    assert [bar.get_width() for bar in ax.patches] == [0.3, 0.8]
    assert [text.get_text() for text in ax.texts] == ["0.300", "0.800"]
    assert ax.lines[0].get_xdata()[0] == 0.5


def test_curves_are_drawn_from_1_on(figures):
    slow, fast = figures["curves"].axes[0].lines
    assert (list(slow.get_xdata()), list(slow.get_ydata())) == ([1, 2], [2.0, 1.5])
    assert slow.get_marker() != fast.get_marker(), "told apart without color, too"


def test_pictures_are_the_images_in_rows(own, figures):
    axes = figures["pictures"].axes
    assert [ax.get_title() for ax in axes] == ["a", "b", "c"]
    assert np.array_equal(axes[2].images[0].get_array(), own.pixels[2].permute(1, 2, 0))


def test_planes_are_the_three_channels(own, figures):
    _, red, green, blue = figures["planes"].axes[:4]
    for ax, plane in zip((red, green, blue), own.pixels[0], strict=True):
        assert np.array_equal(ax.images[0].get_array(), plane)


def test_the_histogram_has_a_line_a_channel_that_sums_to_one(figures):
    lines = figures["histogram"].axes[0].lines
    assert [line.get_label() for line in lines] == ["red", "green", "blue"]
    assert all(sum(line.get_ydata()) == pytest.approx(1) for line in lines)


def test_the_scatter_draws_each_class_once(own, figures):
    drawn = figures["scatter"].axes[0].collections
    assert [points.get_label() for points in drawn] == list(own.classes)
    assert [len(points.get_offsets()) for points in drawn] == [10, 10]


def test_calibration_draws_sureness_against_being_right(report, figures):
    _, line = figures["calibration"].axes[0].lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == report.calibration(2)


def test_heat_is_laid_over_the_image(figures):
    right = figures["heat"].axes[1]
    gray, values = right.images
    assert gray.get_extent() == values.get_extent()
    assert values.get_clim() == (-2, 2)
    assert "highest 2.00 at 75% of the height and 25% of the width" in figures["heat"].alt


def test_a_figure_can_be_drawn_into_axes_of_ones_own():
    figure, ax = plt.subplots()
    try:
        assert plots.loss_curve(TRAINING, ax=ax) is figure
        assert len(ax.lines) == 2
    finally:
        plt.close(figure)


def test_after_the_first_font_come_only_those_that_are_installed():
    first, *others = style.STYLE["font.family"]
    assert first == "DejaVu Sans"
    installed = {font.name for font in fontManager.ttflist}
    assert others == [name for name in style.OTHER_SCRIPTS if name in installed]
