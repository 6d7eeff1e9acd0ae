"""The lesson's own figures: images, features, the training, the report, the prediction.

Each returns a `Figure` that carries its own alternative text.
"""

import textwrap
from collections.abc import Mapping, Sequence

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from featlib import checks, trace
from featlib.head import TrainingTrace
from featlib.images import ImageSet
from featlib.plots.charts import class_bars
from featlib.plots.style import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    RED,
    STYLE,
    Figure,
    add_alt,
    new_axes,
    new_figure,
    two_decimals,
)
from featlib.validation import Report

__all__ = [
    "accuracy_curve",
    "activation_maps",
    "calibration",
    "confusion_matrix",
    "feature_map",
    "filters",
    "heat",
    "histogram",
    "image_grid",
    "loss_curve",
    "mistakes",
    "pictures",
    "planes",
    "prediction_trace",
    "training_trace",
]


@rc_context(STYLE)
def image_grid(images: ImageSet, columns: int = 10, *, ax: Axes | None = None) -> Figure:
    """Draw the first images of each class, a class a row.

    Parameters
    ----------
    images : featlib.images.ImageSet
        The images.
    columns : int
        Images a row.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `columns` is not a whole number of at least 1.
    """
    checks.whole_number(columns, "plots.image_grid", "columns")
    height, width = images.pixels.shape[2:]
    sheet = torch.full((len(images.classes) * height, columns * width, 3), 255, dtype=torch.uint8)
    for k in range(len(images.classes)):
        for column, i in enumerate((images.labels == k).nonzero().flatten()[:columns].tolist()):
            tile = images.pixels[i].permute(1, 2, 0)
            sheet[k * height : (k + 1) * height, column * width : (column + 1) * width] = tile
    figure, ax = new_axes(ax, (0.75 * columns + 1, 0.75 * len(images.classes) + 0.6))
    ax.imshow(sheet.numpy(), interpolation="nearest")
    ax.set_yticks([(k + 0.5) * height for k in range(len(images.classes))], images.classes)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(title=f"{len(images):,} images, {len(images.classes)} classes", ylabel="class")
    ax.set_xlabel(f"the first {columns} images of each class, {height}×{width} pixels")
    return add_alt(figure, f"A row of images for each class: {', '.join(images.classes)}.")


@rc_context(STYLE)
def loss_curve(training: TrainingTrace, *, ax: Axes | None = None) -> Figure:
    """Draw the training loss by epoch, beside the reference trace.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure
    """
    figure, ax = new_axes(ax, (5, 3.6))
    _reference(ax, [row.loss for row in trace.REFERENCE])
    losses = [row.loss for row in training.epochs]
    ax.plot(_epochs(training), losses, color=BLUE, marker="o", label="this run")
    ax.set(title="Loss", xlabel="epoch", ylabel="cross-entropy (nats)", ylim=(0, None))
    _epoch_ticks(ax, training)
    ax.legend()
    return add_alt(
        figure,
        f"Training loss by epoch: {two_decimals(losses)}; reference "
        f"{two_decimals(row.loss for row in trace.REFERENCE)}.",
    )


@rc_context(STYLE)
def accuracy_curve(training: TrainingTrace, *, ax: Axes | None = None) -> Figure:
    """Draw training and validation accuracy by epoch, beside the reference trace.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure
    """
    figure, ax = new_axes(ax, (5, 3.6))
    _reference(ax, [row.accuracy for row in trace.REFERENCE])
    accuracies = [row.accuracy for row in training.epochs]
    ax.plot(_epochs(training), accuracies, color=BLUE, marker="o", label="this run, training")
    words = f"Training accuracy by epoch: {two_decimals(accuracies)}"
    held_out = [row.val_accuracy for row in training.epochs if row.val_accuracy is not None]
    if held_out:
        words += f"; validation accuracy {two_decimals(held_out)}"
        label = "this run, validation"
        ax.plot(_epochs(training), held_out, color=ORANGE, marker="s", label=label)
    ax.set(title="Accuracy", xlabel="epoch", ylabel="share right", ylim=(0, 1))
    _epoch_ticks(ax, training)
    ax.legend(loc="lower right")
    reference = two_decimals(row.accuracy for row in trace.REFERENCE)
    return add_alt(figure, f"{words}; reference {reference}.")


def training_trace(training: TrainingTrace) -> Figure:
    """Draw loss and accuracy by epoch side by side, with the reference trace.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.

    Returns
    -------
    Figure
    """
    figure = new_figure((10, 3.8))
    left, right = figure.subplots(1, 2)
    loss_curve(training, ax=left)
    return accuracy_curve(training, ax=right)


@rc_context(STYLE)
def feature_map(features: torch.Tensor, *, ax: Axes | None = None) -> Figure:
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
        If these are not finite float32 numbers in one row.
    """
    checks.features(features[None], "plots.feature_map")
    columns = 16
    padding = -len(features) % columns
    cells = torch.nn.functional.pad(features, (0, padding), value=float("nan"))
    figure, ax = new_axes(ax, (3, 4))
    image = ax.imshow(cells.view(-1, columns).numpy(), interpolation="nearest")
    figure.colorbar(image, ax=ax, label="value", shrink=0.8)
    ax.set(title=f"{len(features)} features", xlabel=f"column, {columns} features a row")
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
    """
    image, features, logits, probabilities = (layer.values for layer in prediction.layers)
    classes = prediction.classes
    figure = new_figure((12, max(3.8, 0.3 * len(classes) + 1)))
    figure.set_layout_engine("constrained", wspace=0.06)
    axes = figure.subplots(1, 4, width_ratios=(3, 2.3, 2.8, 2.4))
    axes[0].imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes[0].set(title="1 Input image", xlabel="column (pixels)", ylabel="row (pixels)")
    truth = f"; in truth {prediction.truth}" if prediction.truth else ""
    add_alt(figure, f"Four layers of one prediction. The head says {prediction.label}{truth}.")
    feature_map(features, ax=axes[1])
    axes[1].set_title(f"2 Feature extractor: {len(features)}")
    class_bars(logits, classes, title="3 Linear layer", xlabel="logit", ax=axes[2])
    class_bars(probabilities, classes, title="4 Softmax", xlabel="probability", ax=axes[3])
    axes[3].set(xlim=(0, 1), yticks=[], ylabel="")
    return figure


@rc_context(STYLE)
def confusion_matrix(report: Report, *, ax: Axes | None = None) -> Figure:
    """Draw which classes are taken for which.

    Parameters
    ----------
    report : featlib.validation.Report
        From `validation.evaluate`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure
    """
    n = len(report.classes)
    figure, ax = new_axes(ax, (0.5 * n + 2, 0.5 * n + 1.4))
    ax.imshow(report.confusion, cmap="Blues")
    limit = report.confusion.max() / 2
    for row in range(n):
        for column in range(n):
            if count := report.confusion[row, column]:
                color = "white" if count > limit else "black"
                ax.text(column, row, count, ha="center", va="center", color=color)
    ax.set_xticks(range(n), report.classes, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(n), report.classes)
    ax.set(title="Confusion matrix", xlabel="what the head says", ylabel="truth")
    right = int(report.confusion.diagonal().sum())
    words = f"Confusion matrix: {right} of {len(report.labels)} images on the diagonal"
    pairs, times = report.most_confused()
    if pairs:
        listed = ", ".join(f"{truth} taken for {said}" for truth, said in pairs)
        words += f"; most frequent mistakes, {times} each: {listed}"
    return add_alt(figure, words + ".")


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
        How many at most.

    Returns
    -------
    Figure
    """
    words, shown = [], []
    for row in report.worst(n):
        said, truth = report.classes[report.predictions[row]], report.classes[report.labels[row]]
        sureness = float(report.probabilities[row].max())
        words.append(f"is {truth}\nsays {said}\n{sureness:.0%} sure")
        shown.append(images.pixels[images.validation[row]])
    if not shown:
        figure = new_figure((6, 0.8))
        figure.suptitle("No mistakes", x=0.01, ha="left")
        return add_alt(figure, "No mistakes.")
    return pictures(shown, words, title="The surest mistakes", columns=n)


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
        3×H×W each, uint8 0–255 or float32 0–1.
    titles : sequence of str
        A text for each image; long lines are broken.
    title : str
        What they are.
    columns : int
        Images a row.

    Returns
    -------
    Figure
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    above = [_wrapped(words) for words in titles]
    lines = max(words.count("\n") for words in above) + 1
    figure = new_figure((1.45 * columns, (1.45 + 0.21 * lines) * rows + 0.4))
    figure.set_layout_engine("constrained", h_pad=0.08)  # the title is not the first picture's
    figure.suptitle(title, x=0.01, ha="left")
    for position, (image, words) in enumerate(zip(images, above, strict=True), 1):
        ax = figure.add_subplot(rows, columns, position)
        ax.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
        ax.set_title(words, fontsize=11, loc="center")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return add_alt(
        figure, f"{title}: " + "; ".join(" ".join(words.split()) for words in titles) + "."
    )


@rc_context(STYLE)
def planes(image: torch.Tensor) -> Figure:
    """Draw an image and its three color planes, red, green and blue.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W.

    Returns
    -------
    Figure
    """
    figure = new_figure((10, 3))
    axes = figure.subplots(1, 4)
    axes[0].imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes[0].set(title="the image", xlabel="column (pixels)", ylabel="row (pixels)")
    for ax, plane, name in zip(axes[1:], image, ("red", "green", "blue"), strict=True):
        drawn = ax.imshow(plane.numpy(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set(title=f"{name} plane", xlabel="column (pixels)", yticks=[])
    figure.colorbar(drawn, ax=axes, label="value, 0–255", shrink=0.8)
    means = ", ".join(f"{plane.float().mean():.0f}" for plane in image)
    return add_alt(figure, f"An image and its red, green and blue planes, of mean {means}.")


@rc_context(STYLE)
def histogram(images: torch.Tensor, *, title: str, xlabel: str, ax: Axes | None = None) -> Figure:
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
    """
    figure, ax = new_axes(ax, (7.5, 3.4))
    low, high = float(images.min()), float(images.max())
    for channel, (name, color) in enumerate((("red", RED), ("green", GREEN), ("blue", BLUE))):
        counts = images[:, channel].float().histc(64, low, high)
        centers = torch.linspace(low, high, 65).unfold(0, 2, 1).mean(1)
        style = ("-", "--", ":")[channel]
        ax.plot(centers, counts / counts.sum(), color=color, linestyle=style, label=name)
    ax.set(title=title, xlabel=xlabel, ylabel="share of pixels", ylim=(0, None))
    ax.legend()
    means = ", ".join(f"{mean:.2f}" for mean in images.float().mean((0, 2, 3)).tolist())
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
    """
    sure, right = report.calibration(bins)
    figure, ax = new_axes(ax, (5, 4.2))
    ax.plot([0, 1], [0, 1], color=GRAY, linestyle="--", label="as sure as right")
    ax.plot(sure, right, color=BLUE, marker="o", label="this head")
    ax.set(title="Calibration", xlim=(0, 1.02), ylim=(0, 1.02))
    ax.set(xlabel="how sure the head is (mean probability)", ylabel="share right")
    ax.legend()
    listed = "; ".join(f"{s:.2f} sure, {r:.2f} right" for s, r in zip(sure, right, strict=True))
    return add_alt(figure, f"Calibration in {len(sure)} groups of equal size: {listed}.")


@rc_context(STYLE)
def heat(image: torch.Tensor, values: torch.Tensor, *, title: str, label: str) -> Figure:
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
    """
    figure = new_figure((7.5, 3.6))
    left, right = figure.subplots(1, 2)
    height, width = image.shape[1:]
    left.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    left.set(title="the image", xlabel="column (pixels)", ylabel="row (pixels)")
    bound = float(values.abs().max())
    right.imshow(image.float().mean(0).numpy(), cmap="gray", vmin=0, vmax=255)
    drawn = right.imshow(
        values.numpy(),
        cmap="PuOr_r",
        vmin=-bound,
        vmax=bound,
        alpha=0.75,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    right.set(title=title, xlabel="column (pixels)", yticks=[])
    figure.colorbar(drawn, ax=right, label=label, shrink=0.8)
    row, column = divmod(int(values.argmax()), values.shape[1])
    down, across = (row + 0.5) / values.shape[0], (column + 0.5) / values.shape[1]
    return add_alt(
        figure,
        f"{title}: highest {values.max():.2f} at {down:.0%} of the height and {across:.0%} of the "
        f"width, lowest {values.min():.2f}.",
    )


@rc_context(STYLE)
def filters(weight: torch.Tensor, *, title: str, columns: int = 16) -> Figure:
    """Draw the filters of a first convolution as small color pictures.

    Gray is a weight of 0. Each filter is scaled by its own largest weight, so that weak filters can
    be seen, too.

    Parameters
    ----------
    weight : torch.Tensor
        float32 N×3×H×W.
    title : str
        What they are.
    columns : int
        Filters a row.

    Returns
    -------
    Figure
    """
    n, _, height, width = weight.shape
    scaled = 0.5 + weight / (2 * weight.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12))
    rows = -(-n // columns)
    sheet = torch.ones(rows * (height + 1) - 1, columns * (width + 1) - 1, 3)
    for i, picture in enumerate(scaled):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = picture.permute(1, 2, 0)
    figure, ax = new_axes(None, (0.58 * columns, 0.58 * rows + 0.7))
    ax.imshow(sheet.numpy(), interpolation="nearest")
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
        The name of a stage, and its maps for this image, float32 C×h×w; at least 2 stages.
    n : int
        How many maps a stage: those with the highest mean. Each is scaled by its own largest value.

    Returns
    -------
    Figure
    """
    figure = new_figure((11, 1.12 * len(maps) + 0.5))
    figure.suptitle(f"The {n} strongest maps after each stage", x=0.01, ha="left")
    grid = figure.add_gridspec(len(maps), n + 3)
    left = figure.add_subplot(grid[:, :2])
    left.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    left.set(title="the image", xlabel="column (pixels)", ylabel="row (pixels)")
    said = []
    for row, (name, values) in enumerate(maps.items()):
        count, height, width = values.shape
        strongest = values.mean((1, 2)).argsort(descending=True)[:n].tolist()
        for column, number in enumerate(strongest):
            ax = figure.add_subplot(grid[row, column + 3])
            ax.imshow(values[number].numpy(), vmin=0, interpolation="nearest")
            ax.set_title(f"map {number}", loc="center", fontsize="x-small", pad=2)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if not column:
                words = f"{name}\n{count} maps\nof {height}×{width}"
                ax.set_ylabel(words, rotation=0, ha="right", va="center")
        said.append(f"{name}, {count} maps of {height}×{width}, strongest {strongest[0]}")
    return add_alt(
        figure, f"An image and its strongest maps after {len(maps)} stages: {'; '.join(said)}."
    )


def _wrapped(words: str) -> str:
    """Break lines that are wider than a picture, so that they do not run into the next one."""
    return "\n".join(textwrap.fill(line, 16) for line in words.split("\n"))


def _reference(ax: Axes, values: Sequence[float]) -> None:
    places = range(1, len(values) + 1)
    ax.plot(places, values, color=GRAY, linestyle="--", marker="x", label="reference trace")


def _epochs(training: TrainingTrace) -> list[int]:
    return [row.epoch for row in training.epochs]


def _epoch_ticks(ax: Axes, training: TrainingTrace) -> None:
    last = max(len(training.epochs), len(trace.REFERENCE))
    ax.set_xticks(range(1, last + 1, -(-last // 10)))
