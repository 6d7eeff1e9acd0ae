"""Every figure of the lesson, one function each.

Each returns a `Figure` that carries its own alternative text, and takes an optional `ax` to draw
into. The colors are those of Okabe and Ito (2008, Color Universal Design), which people with any
kind of color vision can tell apart.
"""

import io

import torch
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MatplotlibFigure

from featlib import checks, trace

BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#E69F00", "#009E73", "#595959"
STYLE = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "figure.titlesize": 13,
    "figure.dpi": 100,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "image.cmap": "cividis",
}


class Figure(MatplotlibFigure):
    """A matplotlib figure with alternative text, shown in a notebook as a PNG.

    Attributes
    ----------
    alt : str
        What the figure shows, in words.
    """

    alt = ""

    def png(self, dpi=None):
        """Return the figure as a PNG file.

        Parameters
        ----------
        dpi : float, optional
            Dots an inch; the figure's own if left out.

        Returns
        -------
        bytes
        """
        file = io.BytesIO()
        # Without the version of matplotlib in it, the same figure gives the same file.
        self.savefig(file, format="png", dpi=dpi or self.dpi, metadata={"Software": None})
        return file.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"image/png": self.png(), "text/plain": f"Figure: {self.alt}"}
        return data, {"image/png": {"alt": self.alt}}


@rc_context(STYLE)
def image_grid(images, columns=10, *, ax=None):
    """Draw the first images of each class, a class a row.

    Parameters
    ----------
    images : featlib.images.ImageSet
        The images.
    columns : int
        Images a row.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    checks.whole_number(columns, "plots.image_grid", "columns")
    height, width = images.pixels.shape[2:]
    sheet = torch.full((len(images.classes) * height, columns * width, 3), 255, dtype=torch.uint8)
    for k in range(len(images.classes)):
        for column, i in enumerate((images.labels == k).nonzero().flatten()[:columns].tolist()):
            tile = images.pixels[i].permute(1, 2, 0)
            sheet[k * height : (k + 1) * height, column * width : (column + 1) * width] = tile
    figure, ax = _canvas(ax, (0.75 * columns + 1, 0.75 * len(images.classes) + 0.6))
    ax.imshow(sheet.numpy(), interpolation="nearest")
    ax.set_yticks([(k + 0.5) * height for k in range(len(images.classes))], images.classes)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(title=f"{len(images):,} images, {len(images.classes)} classes", ylabel="class")
    ax.set_xlabel(f"the first {columns} images of each class, {height}×{width} pixels")
    return _say(figure, f"A row of images for each class: {', '.join(images.classes)}.")


@rc_context(STYLE)
def loss_curve(training, *, ax=None):
    """Draw the training loss by epoch, beside the reference trace.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (5, 3.6))
    _reference(ax, [row.loss for row in trace.REFERENCE])
    losses = [row.loss for row in training.epochs]
    ax.plot(_epochs(training), losses, color=BLUE, marker="o", label="this run")
    ax.set(title="Loss", xlabel="epoch", ylabel="cross-entropy (nats)", ylim=(0, None))
    _epoch_ticks(ax, training)
    ax.legend()
    return _say(
        figure,
        f"Training loss by epoch: {_list(losses)}; reference "
        f"{_list(row.loss for row in trace.REFERENCE)}.",
    )


@rc_context(STYLE)
def accuracy_curve(training, *, ax=None):
    """Draw training and validation accuracy by epoch, beside the reference trace.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (5, 3.6))
    _reference(ax, [row.accuracy for row in trace.REFERENCE])
    accuracies = [row.accuracy for row in training.epochs]
    ax.plot(_epochs(training), accuracies, color=BLUE, marker="o", label="this run, training")
    words = f"Training accuracy by epoch: {_list(accuracies)}"
    if training.epochs[0].val_accuracy is not None:
        held_out = [row.val_accuracy for row in training.epochs]
        style = {"color": ORANGE, "marker": "s", "label": "this run, validation"}
        ax.plot(_epochs(training), held_out, **style)
        words += f"; validation accuracy {_list(held_out)}"
    ax.set(title="Accuracy", xlabel="epoch", ylabel="share right", ylim=(0, 1))
    _epoch_ticks(ax, training)
    ax.legend(loc="lower right")
    reference = _list(row.accuracy for row in trace.REFERENCE)
    return _say(figure, f"{words}; reference {reference}.")


def training_trace(training):
    """Draw loss and accuracy by epoch side by side, with the reference trace.

    Parameters
    ----------
    training : featlib.head.TrainingTrace
        From `head.train`.

    Returns
    -------
    Figure
    """
    figure = _figure((10, 3.8))
    left, right = figure.subplots(1, 2)
    loss_curve(training, ax=left)
    return accuracy_curve(training, ax=right)


@rc_context(STYLE)
def feature_map(features, *, ax=None):
    """Draw one image's features as a grid of colored cells.

    Parameters
    ----------
    features : torch.Tensor
        float32 D.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    checks.features(features[None], "plots.feature_map")
    columns = 16
    padding = -len(features) % columns
    cells = torch.nn.functional.pad(features, (0, padding), value=float("nan"))
    figure, ax = _canvas(ax, (3, 4))
    image = ax.imshow(cells.view(-1, columns).numpy(), interpolation="nearest")
    figure.colorbar(image, ax=ax, label="value", shrink=0.8)
    ax.set(title=f"{len(features)} features", xlabel=f"column, {columns} features a row")
    ax.set_ylabel("row")
    strongest = int(features.argmax())
    return _say(
        figure,
        f"{len(features)} features as a grid of cells, from {features.min():.2f} to "
        f"{features.max():.2f}; the strongest is number {strongest}.",
    )


@rc_context(STYLE)
def class_bars(values, classes, *, title, xlabel, ax=None):
    """Draw one value for each class as bars; the highest stands out.

    Parameters
    ----------
    values : torch.Tensor
        float32 C: logits or probabilities.
    classes : sequence of str
        The name of each class number.
    title, xlabel : str
        What the bars are, and their unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (4, 0.32 * len(classes) + 1))
    best = int(values.argmax())
    colors = [ORANGE if k == best else BLUE for k in range(len(classes))]
    ax.barh(range(len(classes)), values.tolist(), color=colors)
    ax.set_yticks(range(len(classes)), classes)
    ax.invert_yaxis()
    ax.axvline(0, color=GRAY, linewidth=0.8)
    ax.set(title=title, xlabel=xlabel, ylabel="class")
    return _say(figure, f"{title}: highest is {classes[best]} with {values[best]:.2f}.")


@rc_context(STYLE)
def prediction_trace(prediction):
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
    figure = _figure((12, max(3.8, 0.3 * len(classes) + 1)))
    figure.get_layout_engine().set(wspace=0.06)
    axes = figure.subplots(1, 4, width_ratios=(3, 2.3, 2.8, 2.4))
    axes[0].imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes[0].set(title="1 Input image", xlabel="column (pixels)", ylabel="row (pixels)")
    truth = f"; in truth {prediction.truth}" if prediction.truth else ""
    _say(figure, f"Four layers of one prediction. The head says {prediction.label}{truth}.")
    feature_map(features, ax=axes[1])
    axes[1].set_title(f"2 Feature extractor: {len(features)}")
    class_bars(logits, classes, title="3 Linear layer", xlabel="logit", ax=axes[2])
    class_bars(probabilities, classes, title="4 Softmax", xlabel="probability", ax=axes[3])
    axes[3].set(xlim=(0, 1), yticks=[], ylabel="")
    return figure


@rc_context(STYLE)
def confusion_matrix(report, *, ax=None):
    """Draw which classes are taken for which.

    Parameters
    ----------
    report : featlib.validation.Report
        From `validation.evaluate`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    n = len(report.classes)
    figure, ax = _canvas(ax, (0.5 * n + 2, 0.5 * n + 1.4))
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
    if worst := report.most_confused():
        words += f"; most frequent mistake: {worst[0]} taken for {worst[1]}, {worst[2]} times"
    return _say(figure, words + ".")


@rc_context(STYLE)
def mistakes(report, images, n=8):
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
    rows = report.worst(n)
    figure = _figure((1.6 * max(len(rows), 3), 2.6))
    figure.suptitle("The surest mistakes", x=0.01, ha="left")
    words = []
    for position, row in enumerate(rows, 1):
        ax = figure.add_subplot(1, len(rows), position)
        ax.imshow(images.pixels[images.validation[row]].permute(1, 2, 0).numpy())
        said, truth = report.classes[report.predictions[row]], report.classes[report.labels[row]]
        sureness = float(report.probabilities[row].max())
        ax.set_title(f"says {said}\n{sureness:.0%} sure", fontsize=9, loc="center")
        ax.set_xlabel(f"is {truth}", fontsize=9)
        ax.set(xticks=[], yticks=[])
        words.append(f"{truth} taken for {said} ({sureness:.0%} sure)")
    return _say(figure, f"The surest mistakes: {'; '.join(words) or 'none'}.")


@rc_context(STYLE)
def comparison(accuracies, *, n_classes, ax=None):
    """Draw validation accuracies of several inputs to the same linear layer.

    Parameters
    ----------
    accuracies : dict of str to float
        A name and an accuracy each, in the order to draw.
    n_classes : int
        The number of classes; guessing is drawn as a line at 1 of so many.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (7, 0.55 * len(accuracies) + 1.3))
    names, values = list(accuracies), list(accuracies.values())
    colors = [ORANGE if value == max(values) else BLUE for value in values]
    bars = ax.barh(names, values, color=colors)
    ax.bar_label(bars, [f"{value:.3f}" for value in values], padding=4)
    ax.axvline(1 / n_classes, color=GRAY, linestyle=":", label="guessing")
    ax.invert_yaxis()
    ax.set(title="The same linear layer on three inputs", xlim=(0, 1))
    ax.set(xlabel="validation accuracy (share right)", ylabel="input")
    ax.legend(loc="upper right")
    listed = ", ".join(f"{name} {value:.3f}" for name, value in accuracies.items())
    return _say(figure, f"Validation accuracy of the same linear layer: {listed}.")


def _figure(size):
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _canvas(ax, size):
    if ax is not None:
        return ax.figure, ax
    figure = _figure(size)
    return figure, figure.subplots()


def _say(figure, words):
    """Add to a figure's alternative text."""
    figure.alt = f"{getattr(figure, 'alt', '')} {words}".strip()
    return figure


def _reference(ax, values):
    style = {"color": GRAY, "linestyle": "--", "marker": "x", "label": "reference trace"}
    ax.plot(range(1, len(values) + 1), values, **style)


def _epochs(training):
    return [row.epoch for row in training.epochs]


def _epoch_ticks(ax, training):
    last = max(len(training.epochs), len(trace.REFERENCE))
    ax.set_xticks(range(1, last + 1, -(-last // 10)))


def _list(values):
    return ", ".join(f"{value:.2f}" for value in values)
