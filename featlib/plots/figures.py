"""The lesson's own figures: images, features, the training, the report, the prediction.

Each returns a `Figure` that carries its own alternative text.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from featlib import checks, trace
from featlib.engine.words import describe, shape_text
from featlib.head import TrainingTrace
from featlib.images import ImageSet
from featlib.plots import inputs
from featlib.plots.charts import MOST_CLASSES, class_bars
from featlib.plots.style import (
    BLUE,
    GRAY,
    GREEN,
    RED,
    STYLE,
    Figure,
    add_alt,
    add_legend,
    color_of,
    new_axes,
    new_figure,
    two_decimals,
)
from featlib.validation import Report

if TYPE_CHECKING:
    from featlib.quiz.guesses import Guess

__all__ = [
    "accuracy_curve",
    "activation_maps",
    "calibration",
    "channels",
    "confusion_matrix",
    "feature_map",
    "filters",
    "heat",
    "histogram",
    "image_grid",
    "loss_curve",
    "mistakes",
    "pictures",
    "prediction_trace",
    "training_trace",
]

MOST_CONFUSED = 30  # classes of a confusion matrix that can still be read
MOST_PICTURES = 100
MOST_COLUMNS = 50
MOST_FILTERS = 512
LARGEST_FILTER = 64
MOST_STAGES = 12
MOST_MAPS = 16
# A guess among C classes has a loss of ln C, which is 14 for a million of them.
DIVERGED = 1000


@rc_context(STYLE)
def image_grid(images: ImageSet, columns: int = 10, *, ax: Axes | None = None) -> Figure:
    """Draw the first images of each class, a class a row; of more than 20 classes the first 20.

    Parameters
    ----------
    images : featlib.images.ImageSet
        The images.
    columns : int
        Images a row, at most 50.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `images` is no image set, or `columns` is out of range.
    """
    where = "plots.image_grid"
    inputs.record(images, ImageSet, where, "images.load")
    columns = checks.whole_number(columns, where, "columns", high=MOST_COLUMNS)
    height, width = images.pixels.shape[2:]
    n = len(images.classes)
    names = [inputs.short(name) for name in images.classes[:MOST_CLASSES]]
    sheet = torch.full((len(names) * height, columns * width, 3), 255, dtype=torch.uint8)
    for k in range(len(names)):
        for column, i in enumerate((images.labels == k).nonzero().flatten()[:columns].tolist()):
            tile = images.pixels[i].permute(1, 2, 0)
            sheet[k * height : (k + 1) * height, column * width : (column + 1) * width] = tile
    figure, ax = new_axes(ax, (0.75 * columns + 1, 0.75 * len(names) + 0.6))
    ax.imshow(sheet.numpy(), interpolation="nearest")
    ax.set_yticks([(k + 0.5) * height for k in range(len(names))], names)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    more = f" and {n - len(names):,} more" if n > len(names) else ""
    shown = f", the first {len(names)} of them here" if more else ""
    ax.set(title=f"{len(images):,} images, {n:,} classes{shown}", ylabel="class")
    ax.set_xlabel(f"the first {columns} images of each class, {height}×{width} pixels")
    return add_alt(figure, f"A row of images for each class: {', '.join(names)}{more}.")


@rc_context(STYLE)
def loss_curve(training: TrainingTrace, *, ax: Axes | None = None) -> Figure:
    """Draw the training loss by epoch, beside the textbook's: `trace.REFERENCE`.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `training` is no trace of at least one epoch.
    """
    losses = _column(training, "loss", "plots.loss_curve")
    drawn = np.where(inputs.is_finite(losses), losses, np.nan)
    diverged = not (losses <= DIVERGED).all()
    figure, ax = new_axes(ax, (5, 3.6))
    _textbook(ax, [row.loss for row in trace.REFERENCE])
    ax.plot(_epochs(training), drawn, color=color_of("training"), marker="o", label="this run")
    title = "Loss: the training diverged" if diverged else "Loss"
    ax.set(title=title, xlabel="epoch", ylabel="cross-entropy (nats)")
    if diverged:
        ax.set_yscale("log")  # else the textbook's would lie flat on the axis
    else:
        ax.set_ylim(0)
    _epoch_ticks(ax, training)
    ax.legend()
    words = f"Training loss by epoch: {two_decimals(losses)}; textbook "
    words += f"{two_decimals(row.loss for row in trace.REFERENCE)}."
    return add_alt(figure, words + (" The training diverged." if diverged else ""))


@rc_context(STYLE)
def accuracy_curve(training: TrainingTrace, *, ax: Axes | None = None) -> Figure:
    """Draw training and validation accuracy by epoch, beside the textbook's: `trace.REFERENCE`.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `training` is no trace of at least one epoch.
    """
    accuracies = _column(training, "accuracy", "plots.accuracy_curve")
    held_out = {
        row.epoch: row.val_accuracy for row in training.epochs if row.val_accuracy is not None
    }
    figure, ax = new_axes(ax, (5, 3.6))
    _textbook(ax, [row.accuracy for row in trace.REFERENCE])
    label = "this run, training"
    ax.plot(_epochs(training), accuracies, color=color_of(label), marker="o", label=label)
    words = f"Training accuracy by epoch: {two_decimals(accuracies)}"
    if held_out:
        words += f"; validation accuracy {two_decimals(held_out.values())}"
        label = "this run, validation"
        values = list(held_out.values())
        ax.plot(list(held_out), values, color=color_of(label), marker="s", label=label)
    ax.set(title="Accuracy", xlabel="epoch", ylabel="share right", ylim=(0, 1))
    _epoch_ticks(ax, training)
    ax.legend(loc="lower right")
    textbook = two_decimals(row.accuracy for row in trace.REFERENCE)
    return add_alt(figure, f"{words}; textbook {textbook}.")


def training_trace(training: TrainingTrace) -> Figure:
    """Draw loss and accuracy by epoch side by side, with the textbook's: `trace.REFERENCE`.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `training` is no trace of at least one epoch.
    """
    figure = new_figure((10, 3.8))
    left, right = figure.subplots(1, 2)
    loss_curve(training, ax=left)
    return accuracy_curve(training, ax=right)


@rc_context(STYLE)
def feature_map(features: torch.Tensor | np.ndarray, *, ax: Axes | None = None) -> Figure:
    """Draw one image's features as a grid of colored cells.

    Parameters
    ----------
    features : torch.Tensor
        float32 D (512 for ResNet18), finite.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If these are not finite numbers in one row.
    """
    features = inputs.numbers(features, "plots.feature_map", "features", ("D",))
    columns = 16
    cells = np.pad(features.astype(float), (0, -len(features) % columns), constant_values=np.nan)
    figure, ax = new_axes(ax, (3.4, 4))
    image = ax.imshow(cells.reshape(-1, columns), interpolation="nearest")
    figure.colorbar(image, ax=ax, label="value", shrink=0.8)
    ax.set(title=f"{len(features)} features", xlabel=f"column ({columns} a row)")
    ax.set_ylabel("row")
    strongest = int(features.argmax())
    return add_alt(
        figure,
        f"{len(features)} features as a grid of cells, from {features.min():.2f} to "
        f"{features.max():.2f}; the strongest is number {strongest}.",
    )


@rc_context(STYLE)
def prediction_trace(prediction: trace.PredictionTrace) -> Figure:
    """Draw one image's way through the four layers.

    Parameters
    ----------
    prediction : featlib.trace.PredictionTrace
        From `trace.predict`.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `prediction` is no such record.
    """
    where = "plots.prediction_trace"
    layers = inputs.record(prediction, trace.PredictionTrace, where, "trace.predict").layers
    if len(layers) != 4:
        fix = "Pass what trace.predict returns."
        checks.refuse(where, "a prediction of four layers", f"{len(layers)}", fix)
    image = inputs.picture(layers[0].values, where)
    features = inputs.numbers(layers[1].values, where, "features", ("D",))
    logits = inputs.numbers(layers[2].values, where, "logits", ("C",))
    probabilities = inputs.numbers(layers[3].values, where, "probabilities", (len(logits),))
    classes = inputs.names(prediction.classes, where, "classes", len(logits), most=24)
    # Chosen once, so that both charts have the same rows.
    shown = inputs.highest(logits, MOST_CLASSES)
    few = "" if len(shown) == len(logits) else f" (the {len(shown)} highest of {len(logits):,})"
    figure = new_figure((12, min(max(3.8, 0.3 * len(shown) + 1), 4.8)))
    figure.set_layout_engine("constrained", wspace=0.06)
    axes = figure.subplots(1, 4, width_ratios=(3, 2.3, 2.8, 2.4))
    axes[0].imshow(image, interpolation="nearest")
    axes[0].set(title="1 Input image", xlabel="column (pixels)", ylabel="row (pixels)")
    axes[0].set_anchor("N")  # its title is as high as the others
    truth = f"; in truth {inputs.short(prediction.truth)}" if prediction.truth else ""
    said = inputs.short(prediction.label)
    add_alt(figure, f"Four layers of one prediction. The head says {said}{truth}.")
    feature_map(features, ax=axes[1])
    axes[1].set_title(f"2 Feature extractor: {len(features)}")
    names = [classes[k] for k in shown]
    for ax, values, title, xlabel in (
        (axes[2], logits, "3 Linear layer", "logit"),
        (axes[3], probabilities, "4 Softmax", "probability"),
    ):
        class_bars(values[shown], names, title=title, xlabel=xlabel, ax=ax)
    axes[2].set_ylabel(f"class{few}")
    axes[3].set(xlim=(0, 1), xticks=(0, 0.5, 1), yticks=[], ylabel="")
    return figure


@rc_context(STYLE)
def confusion_matrix(
    report: Report, *, guess: "Guess | None" = None, ax: Axes | None = None
) -> Figure:
    """Draw which classes are taken for which.

    Of more than 30 classes, those of the most frequent mistakes are drawn, 30 in all, and the title
    says so.

    Parameters
    ----------
    report : featlib.validation.Report
        From `validation.evaluate`.
    guess : featlib.quiz.Guess, optional
        What `featlib.predict_first` returned: a choice of the class with the lowest recall. If a
        guess was made, its row is marked.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `report` is no such record, or the guess belongs to another figure.
    """
    where = "plots.confusion_matrix"
    counts = inputs.record(report, Report, where, "validation.evaluate").confusion
    classes = inputs.names(report.classes, where, "classes", len(counts))
    wrong, right = _mistakes(counts), int(counts.diagonal().sum())
    shown = _most_confused(wrong, len(classes))
    cells = counts[np.ix_(shown, shown)]
    n = len(shown)
    figure, ax = new_axes(ax, (0.5 * n + 2, 0.5 * n + 1.4))
    ax.imshow(cells, cmap="Blues")
    limit = cells.max() / 2
    for row, column in np.argwhere(cells):
        count = cells[row, column]
        color = "white" if count > limit else "black"
        ax.text(column, row, str(count), ha="center", va="center", color=color)
    names = [classes[k] for k in shown]
    ax.set_xticks(range(n), names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(n), names)
    ax.set(title="Confusion matrix", xlabel="what the head says", ylabel="truth")
    words = f"Confusion matrix: {right} of {len(report.labels)} images on the diagonal"
    words += _most_frequent(wrong, classes)
    if n < len(classes):
        inside = int(cells.sum() - cells.diagonal().sum())
        of = int(counts.sum()) - right
        part = f"{n} of {len(classes):,} classes"
        part += f", those confused most: {inside:,} of {of:,} mistakes" if of else "; no mistakes"
        ax.set_title(f"Confusion matrix: {part}")
        words += f"; drawn are {part}"
    if guessed := _draw_on_matrix(ax, guess, names, counts, classes):
        add_legend(figure, ax)
    return add_alt(figure, f"{words}{guessed}.")


@rc_context(STYLE)
def mistakes(report: Report, images: ImageSet, n: int = 8) -> Figure:
    """Draw the validation images that the head was surest of and got wrong.

    Parameters
    ----------
    report : featlib.validation.Report
        From `validation.evaluate`, for the validation images in their order.
    images : featlib.images.ImageSet
        The images.
    n : int
        How many at most, up to 100.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If the report is not one of these images, or `n` is out of range.
    """
    where = "plots.mistakes"
    inputs.record(report, Report, where, "validation.evaluate")
    inputs.record(images, ImageSet, where, "images.load")
    n = checks.whole_number(n, where, "n", high=MOST_PICTURES)
    if len(report.labels) > len(images.validation):
        wanted = f"a report of these {len(images.validation)} validation images"
        fix = "Pass the images that the report was made of."
        checks.refuse(where, wanted, f"one of {len(report.labels)}", fix)
    words, shown = [], []
    for row in report.worst(n):
        said, truth = report.classes[report.predictions[row]], report.classes[report.labels[row]]
        sureness = float(report.probabilities[row].max())
        said, truth = inputs.short(said), inputs.short(truth)
        words.append(f"{truth}\n→ {said}\n{sureness:.0%} sure")
        shown.append(images.pixels[images.validation[row]])
    if not shown:
        figure = new_figure((6, 0.8))
        figure.suptitle("No mistakes", x=0.01, ha="left")
        return add_alt(figure, "No mistakes.")
    return pictures(shown, words, title="Mistakes (truth → said)")


@rc_context(STYLE)
def pictures(
    images: Sequence[torch.Tensor] | torch.Tensor,
    titles: Sequence[str],
    *,
    title: str,
    columns: int = 8,
) -> Figure:
    """Draw images in rows, each with a few words above it.

    Parameters
    ----------
    images : sequence of torch.Tensor
        3×H×W each, uint8 0–255 or float32 0–1; at most 100.
    titles : sequence of str
        A text for each image; long lines are broken.
    title : str
        What they are.
    columns : int
        Images a row, at most 50.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If these are no images, or there are not as many titles.
    """
    where = "plots.pictures"
    (title,) = inputs.words(where, title=title)
    shown = _pictures(images, where)
    words = inputs.names(titles, where, "titles", len(shown), most=200)
    columns = min(checks.whole_number(columns, where, "columns", high=MOST_COLUMNS), len(shown))
    rows = -(-len(shown) // columns)
    above = [_wrapped(text) for text in words]
    lines = max(text.count("\n") for text in above) + 1
    figure = new_figure((1.45 * columns, (1.45 + 0.21 * lines) * rows + 0.4))
    figure.set_layout_engine("constrained", h_pad=0.08)  # the title is not the first picture's
    figure.suptitle(title, x=0.01, ha="left")
    for position, (image, text) in enumerate(zip(shown, above, strict=True), 1):
        ax = figure.add_subplot(rows, columns, position)
        ax.imshow(image, interpolation="nearest")
        ax.set_title(text, fontsize="medium", loc="center")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return add_alt(figure, f"{title}: " + "; ".join(" ".join(text.split()) for text in words) + ".")


@rc_context(STYLE)
def channels(image: torch.Tensor) -> Figure:
    """Draw an image and its three color channels, red, green and blue.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If it is no such image.
    """
    drawn_image = inputs.picture(image, "plots.channels")
    if drawn_image.dtype != np.uint8:
        fix = "Scale it: (image * 255).to(torch.uint8)."
        checks.refuse("plots.channels", "an image of uint8 0–255", describe(image), fix)
    figure = new_figure((10, 3))
    axes = figure.subplots(1, 4)
    axes[0].imshow(drawn_image, interpolation="nearest")
    axes[0].set(title="the image", xlabel="column (pixels)", ylabel="row (pixels)")
    layers = drawn_image.transpose(2, 0, 1)
    for ax, layer, name in zip(axes[1:], layers, ("red", "green", "blue"), strict=True):
        drawn = ax.imshow(layer, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set(title=f"{name} channel", xlabel="column (pixels)", yticks=[])
    figure.colorbar(drawn, ax=axes, label="value, 0–255", shrink=0.8)
    means = ", ".join(f"{layer.mean():.0f}" for layer in layers)
    return add_alt(figure, f"An image and its red, green and blue channels, of mean {means}.")


@rc_context(STYLE)
def histogram(
    images: torch.Tensor | np.ndarray, *, title: str, xlabel: str, ax: Axes | None = None
) -> Figure:
    """Draw how often each value occurs in each color channel.

    Parameters
    ----------
    images : torch.Tensor
        N×3×H×W, of any dtype.
    title, xlabel : str
        What the values are.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If these are no finite numbers of that shape.
    """
    title, xlabel = inputs.words("plots.histogram", title=title, xlabel=xlabel)
    values = inputs.numbers(images, "plots.histogram", "images", ("N", 3, "H", "W"))
    figure, ax = new_axes(ax, (7.5, 3.4))
    low, high = float(values.min()), float(values.max())
    edge = 0.5 if low == high else 0  # all the same: give it a width
    centers = torch.linspace(low - edge, high + edge, 65).unfold(0, 2, 1).mean(1)
    for channel, (name, color) in enumerate((("red", RED), ("green", GREEN), ("blue", BLUE))):
        numbers = torch.tensor(values[:, channel], dtype=torch.float32)
        counts = numbers.histc(64, low - edge, high + edge)
        style = ("-", "--", ":")[channel]
        ax.plot(centers, counts / counts.sum(), color=color, linestyle=style, label=name)
    ax.set(title=title, xlabel=xlabel, ylabel="share of pixels", ylim=(0, None))
    ax.legend()
    means = two_decimals(values.mean((0, 2, 3), dtype=float))
    return add_alt(
        figure,
        f"{title}: from {low:.2f} to {high:.2f}; mean of red, green, blue: {means}.",
    )


@rc_context(STYLE)
def calibration(report: Report, bins: int = 5, *, ax: Axes | None = None) -> Figure:
    """Draw how often the head is right, by how sure it is.

    Parameters
    ----------
    report : featlib.validation.Report
        From `validation.evaluate`.
    bins : int
        How many groups of images; each holds the same number.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `report` is no report, or `bins` is not from 1 to the number of its images.
    """
    report = inputs.record(report, Report, "plots.calibration", "validation.evaluate")
    sure, right = report.calibration(bins)
    figure, ax = new_axes(ax, (5, 4.2))
    ax.plot([0, 1], [0, 1], color=GRAY, linestyle="--", label="as sure as right")
    ax.plot(sure, right, color=color_of("validation"), marker="o", label="this head")
    ax.set(title="Calibration", xlim=(0, 1.02), ylim=(0, 1.02))
    ax.set(xlabel="how sure the head is (mean probability)", ylabel="share right")
    ax.legend()
    listed = "; ".join(f"{s:.2f} sure, {r:.2f} right" for s, r in zip(sure, right, strict=True))
    return add_alt(figure, f"Calibration in {len(sure)} groups of equal size: {listed}.")


@rc_context(STYLE)
def heat(
    image: torch.Tensor, values: torch.Tensor | np.ndarray, *, title: str, label: str
) -> Figure:
    """Draw an image, and beside it a map of numbers for its regions.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W.
    values : torch.Tensor
        float32 h×w; stretched over the image.
    title, label : str
        What the numbers are, with their unit.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If the image or the numbers are not as above, or not finite.
    """
    title, label = inputs.words("plots.heat", title=title, label=label)
    drawn_image = inputs.picture(image, "plots.heat")
    cells = inputs.numbers(values, "plots.heat", "values", ("h", "w")).astype(float)
    figure = new_figure((7.5, 3.6))
    left, right = figure.subplots(1, 2)
    height, width = drawn_image.shape[:2]
    left.imshow(drawn_image, interpolation="nearest")
    left.set(title="the image", xlabel="column (pixels)", ylabel="row (pixels)")
    bound = float(abs(cells).max()) or 1.0  # where all are 0, too, the color of 0 is in the middle
    white = 255 if drawn_image.dtype == np.uint8 else 1
    right.imshow(drawn_image.mean(2, dtype=np.float32), cmap="gray", vmin=0, vmax=white)
    drawn = right.imshow(
        cells,
        cmap="PuOr_r",
        vmin=-bound,
        vmax=bound,
        alpha=0.75,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    right.set(title=title, xlabel="column (pixels)", yticks=[])
    figure.colorbar(drawn, ax=right, label=label, shrink=0.8)
    row, column = divmod(int(cells.argmax()), cells.shape[1])
    down, across = (row + 0.5) / cells.shape[0], (column + 0.5) / cells.shape[1]
    return add_alt(
        figure,
        f"{title}: highest {cells.max():.2f} at {down:.0%} of the height and {across:.0%} of the "
        f"width, lowest {cells.min():.2f}.",
    )


@rc_context(STYLE)
def filters(weight: torch.Tensor, *, title: str, columns: int = 16) -> Figure:
    """Draw the filters of a first convolution as small color pictures.

    Gray is a weight of 0. Each filter is scaled by its own largest weight, so that weak filters can
    be seen, too.

    Parameters
    ----------
    weight : torch.Tensor
        float32 N×3×H×W: at most 512 filters, of at most 64×64.
    title : str
        What they are.
    columns : int
        Filters a row, at most 50.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If these are no finite numbers of that shape, or there are more than 512 filters or filters
        of more than 64×64.
    """
    where = "plots.filters"
    (title,) = inputs.words(where, title=title)
    weights = inputs.numbers(weight, where, "weight", ("N", 3, "H", "W")).astype(np.float32)
    columns = checks.whole_number(columns, where, "columns", high=MOST_COLUMNS)
    n, _, height, width = weights.shape
    if n > MOST_FILTERS or max(height, width) > LARGEST_FILTER:
        wanted = f"at most {MOST_FILTERS} filters of at most {LARGEST_FILTER}×{LARGEST_FILTER}"
        fix = f"Draw a part: weight[:{MOST_FILTERS}, :, :{LARGEST_FILTER}, :{LARGEST_FILTER}]."
        checks.refuse(where, wanted, shape_text(weights.shape), fix)
    largest = np.abs(weights).max((1, 2, 3), keepdims=True).clip(1e-12)
    rows = -(-n // columns)
    sheet = np.ones((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), np.float32)
    for i, picture in enumerate(0.5 + weights / (2 * largest)):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = picture.transpose(1, 2, 0)
    figure, ax = new_axes(None, (0.58 * columns, 0.58 * rows + 0.7))
    ax.imshow(sheet, interpolation="nearest")
    ax.set(title=title, xlabel=f"{n} filters of {height}×{width} pixels; gray is 0")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return add_alt(figure, f"{title}: {n} filters as color pictures of {height}×{width} pixels.")


@rc_context(STYLE)
def activation_maps(image: torch.Tensor, maps: Mapping[str, torch.Tensor], n: int = 8) -> Figure:
    """Draw an image, and beside it the strongest maps after each of several stages.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W.
    maps : dict of str to torch.Tensor
        The name of a stage, and its maps for this image, float32 C×h×w; at most 12 stages.
    n : int
        How many maps a stage, at most 16: those with the highest mean. Each is scaled by its own
        largest value.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If the image, the maps or `n` are not as above.
    """
    where = "plots.activation_maps"
    drawn_image = inputs.picture(image, where)
    n = checks.whole_number(n, where, "n", high=MOST_MAPS)
    stages = {
        name: inputs.numbers(values, where, f"'{name}'", ("C", "h", "w")).astype(float)
        for name, values in inputs.mapping(maps, where, MOST_STAGES).items()
    }
    figure = new_figure((11, max(1.12 * len(stages), 2) + 0.5))
    figure.suptitle(f"The {n} strongest maps after each stage", x=0.01, ha="left")
    grid = figure.add_gridspec(len(stages), n + 3)
    left = figure.add_subplot(grid[:, :2])
    left.imshow(drawn_image, interpolation="nearest")
    left.set(title="the image", xlabel="column (pixels)", ylabel="row (pixels)")
    said = []
    for row, (name, values) in enumerate(stages.items()):
        count, height, width = values.shape
        strongest = np.argsort(-values.mean((1, 2)), kind="stable")[:n].tolist()
        for column, number in enumerate(strongest):
            ax = figure.add_subplot(grid[row, column + 3])
            ax.imshow(values[number], vmin=0, interpolation="nearest")
            ax.set_title(f"map {number}", loc="center", fontsize="x-small", pad=2)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if not column:
                words = f"{name}\n{count} maps\nof {height}×{width}"
                ax.set_ylabel(words, rotation=0, ha="right", va="center")
        said.append(f"{name}, {count} maps of {height}×{width}, strongest {strongest[0]}")
    return add_alt(
        figure, f"An image and its strongest maps after {len(stages)} stages: {'; '.join(said)}."
    )


def _wrapped(words: str) -> str:
    """Break lines that are wider than a picture, so that they do not run into the next one."""
    return "\n".join(textwrap.fill(line, 16) for line in words.split("\n"))


def _textbook(ax: Axes, values: Sequence[float]) -> None:
    places, label = range(1, len(values) + 1), "textbook"
    ax.plot(places, values, color=color_of(label), linestyle="--", marker="x", label=label)


def _epochs(training: TrainingTrace) -> list[int]:
    return [row.epoch for row in training.epochs]


def _column(training: TrainingTrace, name: str, where: str) -> np.ndarray:
    """Return a number of each epoch; one that is NaN or infinite stays."""
    epochs = inputs.record(training, TrainingTrace, where, "head.train").epochs
    return inputs.numbers([getattr(row, name) for row in epochs], where, name, ("E",), finite=False)


def _pictures(images: Sequence[torch.Tensor] | torch.Tensor, where: str) -> list[np.ndarray]:
    wanted = f"1 to {MOST_PICTURES} images 3×H×W, in a list or as N×3×H×W"
    is_list = isinstance(images, (list, tuple, np.ndarray, torch.Tensor))
    if not is_list or getattr(images, "ndim", 4) != 4:
        checks.refuse(where, wanted, describe(images), "Put them into a list: [image].")
    if not 0 < len(images) <= MOST_PICTURES:
        fix = "Draw a part of them: images[:100]." if len(images) else "Give at least one."
        checks.refuse(where, wanted, f"{len(images)}", fix)
    return [inputs.picture(image, where) for image in images]


def _draw_on_matrix(
    ax: Axes, guess: "Guess | None", rows: list[str], counts: np.ndarray, classes: Sequence[str]
) -> str:
    """Draw a guess, if one is passed; what draws it imports all that quizzes need."""
    if guess is None:
        return ""
    from featlib.plots import guessed

    shares = zip(classes, counts.diagonal().tolist(), counts.sum(1).tolist(), strict=True)
    recall = {name: right / of for name, right, of in shares if of}
    return guessed.draw_on_matrix(ax, guess, rows, recall, "plots.confusion_matrix")


def _mistakes(counts: np.ndarray) -> list[tuple[int, int, int]]:
    """Return how often each true class was taken for each other, the most frequent first."""
    cells = np.argwhere(counts)
    found = [(int(counts[row, column]), int(row), int(column)) for row, column in cells]
    return sorted((one for one in found if one[1] != one[2]), key=lambda one: -one[0])


def _most_frequent(mistakes: list[tuple[int, int, int]], classes: Sequence[str]) -> str:
    """Say which mistakes are the most frequent; of many that are equally frequent, five."""
    if not mistakes:
        return ""
    times = mistakes[0][0]
    most = [(truth, said) for count, truth, said in mistakes if count == times]
    listed = ", ".join(f"{classes[truth]} taken for {classes[said]}" for truth, said in most[:5])
    more = f" and {len(most) - 5:,} more" if len(most) > 5 else ""
    return f"; most frequent mistakes, {times} each: {listed}{more}"


def _most_confused(mistakes: list[tuple[int, int, int]], n: int) -> list[int]:
    """Choose what to draw of n classes: those of the most frequent mistakes; all, if few."""
    if n <= MOST_CONFUSED:
        return list(range(n))
    # A dict keeps the order: first the classes of mistakes, then the others.
    ranked = dict.fromkeys(k for _, *pair in mistakes for k in pair) | dict.fromkeys(range(n))
    return sorted(list(ranked)[:MOST_CONFUSED])


def _epoch_ticks(ax: Axes, training: TrainingTrace) -> None:
    last = max(len(training.epochs), len(trace.REFERENCE))
    ax.set_xticks(range(1, last + 1, -(-last // 10)))
