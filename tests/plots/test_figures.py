"""Each figure: what it draws, that it is labeled, and that it says it all in words, too."""

import struct

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.font_manager import fontManager
from torch import nn

from featlib import FeatlibError, images, plots, trace, validation
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
        "channels": plots.channels(own.pixels[0]),
        "histogram": plots.histogram(own.pixels, title="Pixels", xlabel="value"),
        "scatter": plots.scatter(torch.randn(20, 2), own.labels, own.classes, title="PCA"),
        "picture_map": plots.picture_map(
            torch.randn(20, 2), own.pixels, own.labels, own.classes, title="A map"
        ),
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
        "strategy": plots.strategy(),
    }


NAMES = [
    "image_grid", "loss_curve", "accuracy_curve", "training_trace", "feature_map", "class_bars",
    "prediction_trace", "confusion_matrix", "mistakes", "bars", "curves", "pictures", "channels",
    "histogram", "scatter", "picture_map", "calibration", "heat", "bands", "filters",
    "activation_maps", "pairs", "tradeoff", "strategy",
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
    if name == "strategy":  # a drawing: each of its parts has its own words
        return
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
    assert len(figures) == len(NAMES)
    assert plt.get_fignums() == []


def test_colors_are_okabe_and_itos(figures):
    line = figures["loss_curve"].axes[0].lines[1]
    assert to_hex(line.get_color()).upper() == plots.BLUE


def test_the_grid_holds_each_class_in_its_row(own, figures):
    sheet = figures["image_grid"].axes[0].images[0].get_array()
    assert sheet.shape == (2 * 16, 4 * 16, 3)
    second_dog = own.pixels[(own.labels == 1).nonzero()[1, 0]].permute(1, 2, 0)
    assert np.array_equal(sheet[16:, 16:32], second_dog)


def test_loss_is_drawn_beside_the_textbooks(figures):
    textbook, ours = figures["loss_curve"].axes[0].lines
    assert list(textbook.get_ydata()) == [row.loss for row in trace.REFERENCE]
    assert list(ours.get_ydata()) == [row.loss for row in TRAINING.epochs]


DIVERGED = {"NaN": float("nan"), "infinity": float("inf"), "huge": 1e20, "beyond float32": 1e200}


@pytest.mark.parametrize("case", DIVERGED)
def test_a_training_that_diverged_is_said_to_have(case):
    rows = tuple(Epoch(i + 1, loss, 0.1, None, "") for i, loss in enumerate((2.0, DIVERGED[case])))
    figure = plots.training_trace(TrainingTrace(rows, Recipe(epochs=2), 0.1))
    left = figure.axes[0]
    assert left.get_title("left") == "Loss: the training diverged"
    assert "The training diverged." in figure.alt
    assert "nan" not in figure.alt
    assert left.get_yscale() == "log", "else the textbook line is flat"
    assert figure.png(dpi=20)


def test_a_loss_that_falls_is_not_said_to_diverge(figures):
    for name in ("loss_curve", "training_trace", "curves"):
        assert "diverged" not in figures[name].alt
    assert figures["loss_curve"].axes[0].get_ylim()[0] == 0


def test_a_curve_that_diverges_has_a_gap_and_says_so():
    figure = plots.curves({"slow": [2.0, 1.5], "fast": [2.0, float("inf")]}, **WORDS)
    ax = figure.axes[0]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["slow", "fast (diverged)"]
    assert np.isnan(ax.lines[1].get_ydata()).tolist() == [False, True]
    assert "fast (diverged): 2.00, diverged" in figure.alt


def test_validation_may_begin_later():
    rows = (Epoch(1, 1.0, 0.5, None, ""), Epoch(2, 0.9, 0.6, 0.4, ""))
    held_out = plots.accuracy_curve(TrainingTrace(rows, Recipe(epochs=2), 0.1)).axes[0].lines[2]
    assert (list(held_out.get_xdata()), list(held_out.get_ydata())) == ([2], [0.4])


def test_the_words_of_a_long_training_are_few():
    rows = tuple(Epoch(i + 1, 1.0, 0.5, None, "") for i in range(1000))
    alt = plots.loss_curve(TrainingTrace(rows, Recipe(epochs=1000), 0.1)).alt
    assert "1.00, … 985 more …, 1.00" in alt
    assert len(alt) < 300


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
    assert colors == [plots.LOWER, plots.HIGHEST]


def test_the_confusion_matrix_shows_its_counts(report, figures):
    ax = figures["confusion_matrix"].axes[0]
    assert np.array_equal(ax.images[0].get_array(), report.confusion)
    assert [text.get_text() for text in ax.texts] == ["1", "1", "1", "1"]


@pytest.fixture(scope="module")
def lopsided():
    """Return a report of three classes: twice a cat is taken for a dog, never a dog for a cat."""
    layer = nn.Linear(3, 3, bias=False)
    nn.init.eye_(layer.weight)
    said, truth = [0, 1, 1, 1, 2, 2, 2], [0, 0, 0, 1, 2, 2, 2]
    return validation.evaluate(layer, torch.eye(3)[said] * 9, torch.tensor(truth), list("abc"))


def test_the_confusion_matrix_has_the_truth_in_its_rows(lopsided):
    figure = plots.confusion_matrix(lopsided)
    [ax] = figure.axes
    assert ax.images[0].get_array().tolist() == [[1, 2, 0], [0, 1, 0], [0, 0, 3]]
    shown = {text.get_position(): text.get_text() for text in ax.texts}  # column, row
    assert shown == {(0, 0): "1", (1, 0): "2", (1, 1): "1", (2, 2): "3"}
    assert ax.get_ylabel() == "truth"
    assert ax.get_xlabel() == "what the head says"
    for axis in (ax.xaxis, ax.yaxis):
        assert [tick.get_text() for tick in axis.get_ticklabels()] == ["a", "b", "c"]
    assert figure.alt == (
        "Confusion matrix: 5 of 7 images on the diagonal; most frequent mistakes, 2 each: "
        "a taken for b."
    )


def test_counts_can_be_read_on_dark_and_on_light_cells(lopsided):
    texts = plots.confusion_matrix(lopsided).axes[0].texts
    colors = {text.get_text(): text.get_color() for text in texts}
    assert colors == {"1": "black", "2": "white", "3": "white"}


def test_the_surest_mistake_comes_first(figures):
    first, second = (ax.get_title() for ax in figures["mistakes"].axes)
    assert first == "dog\n→ cat\n98% sure"
    assert second.startswith("cat\n→ dog")
    assert "dog → cat 98% sure; cat" in figures["mistakes"].alt


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


def test_channels_are_drawn_one_by_one(own, figures):
    _, red, green, blue = figures["channels"].axes[:4]
    named = zip((red, green, blue), own.pixels[0], ("red", "green", "blue"), strict=True)
    for ax, channel, name in named:
        assert np.array_equal(ax.images[0].get_array(), channel)
        assert ax.images[0].get_clim() == (0, 255)
        assert ax.get_title("left") == f"{name} channel"


def test_the_histogram_has_a_line_a_channel_that_sums_to_one(figures):
    lines = figures["histogram"].axes[0].lines
    assert [line.get_label() for line in lines] == ["red", "green", "blue"]
    assert all(sum(line.get_ydata()) == pytest.approx(1) for line in lines)


def test_the_scatter_draws_each_class_once(own, figures):
    drawn = figures["scatter"].axes[0].collections
    assert [points.get_label() for points in drawn] == list(own.classes)
    assert [len(points.get_offsets()) for points in drawn] == [10, 10]


def test_the_scatter_puts_each_point_in_its_place_and_class():
    points = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    figure = plots.scatter(points, torch.tensor([1, 0, 1]), ["cat", "dog"], title="PCA")
    ax = figure.axes[0]
    places = {drawn.get_label(): drawn.get_offsets().tolist() for drawn in ax.collections}
    assert places == {"cat": [[2, 20]], "dog": [[1, 10], [3, 30]]}
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "first principal component",
        "second principal component",
    )


def test_calibration_draws_sureness_against_being_right(report, figures):
    _, line = figures["calibration"].axes[0].lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == report.calibration(2)


def test_heat_is_laid_over_the_image(own, figures):
    right = figures["heat"].axes[1]
    gray, values = right.images
    assert gray.get_extent() == values.get_extent() == [-0.5, 15.5, 15.5, -0.5]
    assert gray.origin == values.origin == "upper"
    assert values.get_array().tolist() == [[0, -1], [2, 0]]
    assert right.yaxis_inverted(), "row 0 is at the top, as in the image"
    assert np.array_equal(gray.get_array(), own.pixels[0].float().mean(0))
    assert values.get_clim() == (-2, 2)
    assert "highest 2.00 at 75% of the height and 25% of the width" in figures["heat"].alt


def test_a_figure_can_be_drawn_into_axes_of_ones_own():
    figure, ax = plt.subplots()
    try:
        assert plots.loss_curve(TRAINING, ax=ax) is figure
        assert len(ax.lines) == 2
        assert figure.alt.startswith("Training loss by epoch: 1.50, 0.75")
        plots.accuracy_curve(TRAINING, ax=ax)
        assert "1.50, 0.75" in figure.alt, "what was said before stays"
        assert "Training accuracy by epoch: 0.50, 0.60" in figure.alt
    finally:
        plt.close(figure)


def test_in_a_subfigure_the_whole_figure_gets_the_words():
    figure = style.new_figure((8, 4))
    _, right = figure.subfigures(1, 2)
    assert plots.loss_curve(TRAINING, ax=right.subplots()) is figure
    assert figure.alt.startswith("Training loss by epoch")
    assert not hasattr(right, "alt")


WORDS = {"title": "t", "xlabel": "x", "ylabel": "y"}
MANY = {f"line {i}": [0.1, 0.2] for i in range(7)}
TOO_MANY = {
    "curves": lambda series: plots.curves(series, **WORDS),
    "bands": lambda series: plots.bands({k: [v, v] for k, v in series.items()}, x=(1, 2), **WORDS),
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_a_line_too_many_is_refused_and_not_left_out(name):
    draw = TOO_MANY[name]
    assert len(draw(dict(list(MANY.items())[:6])).axes[0].lines) == 6
    for series, said in ((MANY, "got 7"), ({}, "got 0")):
        with pytest.raises(FeatlibError, match=rf"plots\.{name}: wanted 1 to 6.*{said}"):
            draw(series)


def test_points_too_many_are_refused():
    points = {f"point {i}": (i + 1, 0.5, 0.4, 0.6) for i in range(11)}
    with pytest.raises(FeatlibError, match=r"plots\.tradeoff: wanted 1 to 10.*got 11"):
        plots.tradeoff(points, **WORDS)


def test_the_places_of_a_curve_may_be_an_array():
    figure = plots.curves({"a": [1.0, 2.0]}, x=np.array([0.0, 10.0]), **WORDS)
    assert list(figure.axes[0].lines[0].get_xdata()) == [0, 10]


def test_long_words_do_not_run_into_the_next_picture(own):
    words = "an input symbol for latin letters"
    figure = plots.pictures(own.pixels[:2], [words, "b"], title="Two")
    figure.canvas.draw()
    first, second = (ax.title.get_window_extent() for ax in figure.axes)
    assert first.x1 < second.x0
    assert first.x1 - first.x0 < 1.45 * figure.dpi
    assert figure.alt == f"Two: {words}; b."


def test_the_prediction_trace_draws_its_four_layers(prediction, figures):
    figure = figures["prediction_trace"]
    picture, cells, logits, softmax = figure.axes[:4]
    layers = [layer.values for layer in prediction.layers]
    assert np.array_equal(picture.images[0].get_array(), layers[0].permute(1, 2, 0))
    assert np.array_equal(cells.images[0].get_array().flatten(), layers[1])
    for ax, values in ((logits, layers[2]), (softmax, layers[3])):
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(values.tolist())
    assert [tick.get_text() for tick in logits.get_yticklabels()] == ["cat", "dog"]
    assert figure.alt.startswith(
        f"Four layers of one prediction. The head says {prediction.label}; in truth dog. 512"
    )


def test_every_line_has_the_color_and_the_name_that_the_legend_says(figures):
    for name, wanted in {
        "loss_curve": {"textbook": plots.PURPLE, "this run": plots.BLUE},
        "accuracy_curve": {
            "textbook": plots.PURPLE,
            "this run, training": plots.BLUE,
            "this run, validation": plots.RED,
        },
        "curves": {"slow": plots.GREEN, "fast": plots.SERIES[6]},  # the others belong to names
        "histogram": {"red": plots.RED, "green": plots.GREEN, "blue": plots.BLUE},
    }.items():
        lines = figures[name].axes[0].lines
        assert {line.get_label(): line.get_color() for line in lines} == wanted
        legend = figures[name].axes[0].get_legend()
        assert [text.get_text() for text in legend.get_texts()] == list(wanted)


def test_bars_are_named_in_their_order(figures):
    for name, names, wanted in (
        ("bars", ["raw", "features"], [plots.GREEN, plots.ORANGE]),
        ("class_bars", ["cat", "dog"], [plots.LOWER, plots.HIGHEST]),
    ):
        ax = figures[name].axes[0]
        assert [tick.get_text() for tick in ax.get_yticklabels()] == names
        assert ax.yaxis_inverted(), "the first is at the top"
        colors = [to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
        assert colors == wanted


def test_what_each_chart_says_in_words(figures):
    said = {name: figure.alt for name, figure in figures.items()}
    assert said["bars"] == "Accuracy: raw 0.300, features 0.800; guessing 0.5."
    assert said["class_bars"] == "Softmax: highest is dog with 0.80."
    assert said["curves"] == "Loss, by epoch. slow: 2.00, 1.50; fast: 2.00, 0.50."
    assert said["calibration"].startswith("Calibration in 2 groups of equal size: 0.")
    assert said["feature_map"].endswith("from 0.00 to 39.00; the strongest is number 39.")
    assert said["image_grid"] == "A row of images for each class: cat, dog."
    assert said["scatter"] == "PCA: 20 points of 2 classes on two axes."


def test_a_png_has_the_dots_that_are_asked_for():
    figure = plots.bars({"a": 1.0}, **WORDS)
    width = figure.get_size_inches()[0]
    for dpi, pixels in ((None, 100 * width), (200, 200 * width)):
        assert struct.unpack(">I", figure.png(dpi)[16:20])[0] == pytest.approx(pixels, abs=1)
    assert figure.dpi == 100


def test_after_the_first_font_come_only_those_that_are_installed():
    first, *others = style.STYLE["font.family"]
    assert first == "DejaVu Sans"
    installed = {font.name for font in fontManager.ttflist}
    assert others == [name for name in style.OTHER_SCRIPTS if name in installed]
