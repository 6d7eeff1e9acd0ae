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
from matplotlib.font_manager import fontManager
from matplotlib.ticker import MaxNLocator

from featlib import checks, trace

BLUE, ORANGE, GREEN, RED, GRAY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#595959"
SERIES = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#000000", "#A6761D", "#66A61E", GRAY)
# Names of classes may be in any script. After matplotlib's own font, which has Latin, Greek,
# Cyrillic, Arabic and Hebrew letters, come those of Linux, Windows and macOS that have others.
OTHER_SCRIPTS = (
    "Noto Sans CJK JP", "WenQuanYi Micro Hei", "Noto Sans Devanagari", "Noto Sans Thai",
    "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "Leelawadee UI",
    "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS",
)  # fmt: skip
INSTALLED = {font.name for font in fontManager.ttflist}
STYLE = {
    "font.family": ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in INSTALLED)],
    "font.size": 11,
    "text.parse_math": False,  # $ in the name of a class is a $
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # without it, each drawing looks for ticks above the axes
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
        own, self.dpi = self.dpi, dpi or self.dpi
        try:
            # savefig would draw twice. Without the version of matplotlib in it, the same figure
            # gives the same file.
            FigureCanvasAgg(self).print_png(file, metadata={"Software": None})
        finally:
            self.dpi = own
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
    pairs, times = report.most_confused()
    if pairs:
        listed = ", ".join(f"{truth} taken for {said}" for truth, said in pairs)
        words += f"; most frequent mistakes, {times} each: {listed}"
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
    words, shown = [], []
    for row in report.worst(n):
        said, truth = report.classes[report.predictions[row]], report.classes[report.labels[row]]
        sureness = float(report.probabilities[row].max())
        words.append(f"is {truth}\nsays {said}\n{sureness:.0%} sure")
        shown.append(images.pixels[images.validation[row]])
    if not shown:
        figure = _figure((6, 0.8))
        figure.suptitle("No mistakes", x=0.01, ha="left")
        return _say(figure, "No mistakes.")
    return pictures(shown, words, title="The surest mistakes", columns=n)


@rc_context(STYLE)
def bars(values, *, title, xlabel, ylabel, line=None, ax=None):
    """Draw named numbers as bars; the highest stands out.

    Parameters
    ----------
    values : dict of str to float
        A name and a number each, in the order to draw.
    title, xlabel, ylabel : str
        What the bars are; `xlabel` with the unit.
    line : tuple of (str, float), optional
        A name and a number to draw as a line across, such as what guessing gets.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (7.5, 0.45 * len(values) + 1.3))
    highest = max(values.values())
    colors = [ORANGE if value == highest else BLUE for value in values.values()]
    drawn = ax.barh(list(values), list(values.values()), color=colors)
    ax.bar_label(drawn, [_number(value) for value in values.values()], padding=4)
    ax.margins(x=0.12)
    ax.invert_yaxis()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    words = f"{title}: " + ", ".join(f"{name} {_number(value)}" for name, value in values.items())
    if line:
        ax.axvline(line[1], color=GRAY, linestyle=":", label=line[0])
        ax.legend(loc="best")
        words += f"; {line[0]} {line[1]:.3g}"
    return _say(figure, words + ".")


@rc_context(STYLE)
def curves(series, *, title, xlabel, ylabel, x=None, ax=None):
    """Draw named series of numbers as lines.

    Parameters
    ----------
    series : dict of str to sequence of float
        A name and its numbers each; at most six.
    title, xlabel, ylabel : str
        What the lines are, with units.
    x : sequence of float, optional
        Where the numbers belong; 1, 2, 3, … if left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (7.5, 3.8))
    places = list(x or range(1, 1 + max(map(len, series.values()))))
    for (name, values), color, marker in zip(series.items(), SERIES, "osD^vP", strict=False):
        ax.plot(places[: len(values)], values, color=color, marker=marker, label=name)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=all(place == int(place) for place in places)))
    ax.legend()
    listed = "; ".join(f"{name}: {_list(values)}" for name, values in series.items())
    return _say(figure, f"{title}, by {xlabel}. {listed}.")


@rc_context(STYLE)
def pictures(images, titles, *, title, columns=8):
    """Draw images in rows, each with a few words above it.

    Parameters
    ----------
    images : sequence of torch.Tensor
        3×H×W each, uint8 0–255 or float32 0–1.
    titles : sequence of str
        A text an image.
    title : str
        What they are.
    columns : int
        Images a row.

    Returns
    -------
    Figure
    """
    rows = -(-len(images) // columns)
    lines = max(words.count("\n") for words in titles) + 1
    figure = _figure((1.45 * min(columns, len(images)), (1.4 + 0.21 * lines) * rows + 0.35))
    figure.suptitle(title, x=0.01, ha="left")
    for position, (image, words) in enumerate(zip(images, titles, strict=True), 1):
        ax = figure.add_subplot(rows, min(columns, len(images)), position)
        ax.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
        ax.set_title(words, fontsize=11, loc="center")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return _say(figure, f"{title}: " + "; ".join(" ".join(words.split()) for words in titles) + ".")


@rc_context(STYLE)
def planes(image):
    """Draw an image and its three color planes, red, green and blue.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W.

    Returns
    -------
    Figure
    """
    figure = _figure((10, 3))
    axes = figure.subplots(1, 4)
    axes[0].imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes[0].set(title="the image", xlabel="column (pixels)", ylabel="row (pixels)")
    for ax, plane, name in zip(axes[1:], image, ("red", "green", "blue"), strict=True):
        drawn = ax.imshow(plane.numpy(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set(title=f"{name} plane", xlabel="column (pixels)", yticks=[])
    figure.colorbar(drawn, ax=axes, label="value, 0–255", shrink=0.8)
    means = ", ".join(f"{plane.float().mean():.0f}" for plane in image)
    return _say(figure, f"An image and its red, green and blue planes, of mean {means}.")


@rc_context(STYLE)
def histogram(images, *, title, xlabel, ax=None):
    """Draw how often each value occurs in each color channel.

    Parameters
    ----------
    images : torch.Tensor
        N×3×H×W, of any dtype.
    title, xlabel : str
        What the values are.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (7.5, 3.4))
    low, high = float(images.min()), float(images.max())
    for channel, (name, color) in enumerate((("red", RED), ("green", GREEN), ("blue", BLUE))):
        counts = images[:, channel].float().histc(64, low, high)
        centers = torch.linspace(low, high, 65).unfold(0, 2, 1).mean(1)
        style = ("-", "--", ":")[channel]
        ax.plot(centers, counts / counts.sum(), color=color, linestyle=style, label=name)
    ax.set(title=title, xlabel=xlabel, ylabel="share of pixels", ylim=(0, None))
    ax.legend()
    means = ", ".join(f"{mean:.2f}" for mean in images.float().mean((0, 2, 3)).tolist())
    return _say(
        figure,
        f"{title}: from {low:.2f} to {high:.2f}; mean of red, green, blue: {means}.",
    )


@rc_context(STYLE)
def scatter(points, labels, classes, *, title, ax=None):
    """Draw points of several classes, each class with its own color and marker.

    Parameters
    ----------
    points : torch.Tensor or numpy.ndarray
        N×2.
    labels : torch.Tensor
        int64 N.
    classes : sequence of str
        The name of each class number.
    title : str
        What the points are.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (7, 5))
    for k, name in enumerate(classes):
        color, marker = SERIES[k % len(SERIES)], "osD^vPX*<>"[k % 10]
        mine = points[labels == k]
        ax.scatter(mine[:, 0], mine[:, 1], s=16, color=color, marker=marker, alpha=0.7, label=name)
    ax.set(title=title, xlabel="first principal component", ylabel="second principal component")
    ax.legend(fontsize=8, markerscale=1.4, ncols=2)
    return _say(figure, f"{title}: {len(points)} points of {len(classes)} classes on two axes.")


@rc_context(STYLE)
def calibration(report, bins=5, *, ax=None):
    """Draw how often the head is right, by how sure it is.

    Parameters
    ----------
    report : featlib.validation.Report
        From `validation.evaluate`.
    bins : int
        How many groups of images; each holds the same number.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    sure, right = report.calibration(bins)
    figure, ax = _canvas(ax, (5, 4.2))
    ax.plot([0, 1], [0, 1], color=GRAY, linestyle="--", label="as sure as right")
    ax.plot(sure, right, color=BLUE, marker="o", label="this head")
    ax.set(title="Calibration", xlim=(0, 1.02), ylim=(0, 1.02))
    ax.set(xlabel="how sure the head is (mean probability)", ylabel="share right")
    ax.legend()
    listed = "; ".join(f"{s:.2f} sure, {r:.2f} right" for s, r in zip(sure, right, strict=True))
    return _say(figure, f"Calibration in {len(sure)} groups of equal size: {listed}.")


@rc_context(STYLE)
def heat(image, values, *, title, label):
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
    figure = _figure((7.5, 3.6))
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
    return _say(
        figure,
        f"{title}: highest {values.max():.2f} at {down:.0%} of the height and {across:.0%} of the "
        f"width, lowest {values.min():.2f}.",
    )


@rc_context(STYLE)
def bands(series, *, title, xlabel, ylabel, x, ax=None):
    """Draw repeated measurements as lines through their means, in bands from lowest to highest.

    Parameters
    ----------
    series : dict of str to sequence of sequence of float
        A name, and for each place the numbers measured there; at most six names.
    title, xlabel, ylabel : str
        What the lines are, with units.
    x : sequence of float
        The places, above 0; drawn on a scale where each doubling takes the same room.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (7.5, 4.2))
    words = []
    for (name, repeats), color, marker in zip(series.items(), SERIES, "osD^vP", strict=False):
        lows, highs = list(map(min, repeats)), list(map(max, repeats))
        means = [sum(values) / len(values) for values in repeats]
        ax.fill_between(x, lows, highs, color=color, alpha=0.2, linewidth=0)
        ax.plot(x, means, color=color, marker=marker, label=name)
        listed = zip(x, means, lows, highs, strict=True)
        points = (f"{mean:.2f} ({low:.2f} to {high:.2f}) at {at}" for at, mean, low, high in listed)
        words.append(f"{name}: {', '.join(points)}")
    ax.set_xscale("log", base=2)
    ax.set_xticks(x, [f"{at:g}" for at in x])
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return _say(figure, f"{title}, by {xlabel}; mean (lowest to highest). {'; '.join(words)}.")


@rc_context(STYLE)
def tradeoff(points, *, title, xlabel, ylabel, ax=None):
    """Draw what is won against what is paid: a point each, with the interval of its height.

    Parameters
    ----------
    points : dict of str to tuple of (float, float, float, float)
        A name each, and: what is paid, above 0; what is won; the lower and the upper end of the
        interval around what is won. At most ten.
    title, xlabel, ylabel : str
        What the points are, with units. What is paid is drawn on a logarithmic scale.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (8.5, 4))
    words = []
    for i, (name, (paid, won, low, high)) in enumerate(points.items()):
        ends = [[won - low], [high - won]]
        style = {"color": SERIES[i], "fmt": "osD^vPX*<>"[i], "markersize": 8, "capsize": 4}
        ax.errorbar([paid], [won], yerr=ends, label=name, **style)
        words.append(f"{name} {won:.3g} ({low:.3g} to {high:.3g}) for {paid:.3g}")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return _say(figure, f"{title}: {ylabel} by {xlabel}. {'; '.join(words)}.")


@rc_context(STYLE)
def filters(weight, *, title, columns=16):
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
    figure, ax = _canvas(None, (0.58 * columns, 0.58 * rows + 0.7))
    ax.imshow(sheet.numpy(), interpolation="nearest")
    ax.set(title=title, xlabel=f"{n} filters of {height}×{width} pixels; gray is 0")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return _say(figure, f"{title}: {n} filters as color pictures of {height}×{width} pixels.")


@rc_context(STYLE)
def activation_maps(image, maps, n=8):
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
    figure = _figure((11, 1.12 * len(maps) + 0.5))
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
            if not column:
                words = f"{name}\n{count} maps\nof {height}×{width}"
                ax.set_ylabel(words, rotation=0, ha="right", va="center")
        said.append(f"{name}, {count} maps of {height}×{width}, strongest {strongest[0]}")
    return _say(
        figure, f"An image and its strongest maps after {len(maps)} stages: {'; '.join(said)}."
    )


@rc_context(STYLE)
def pairs(values, names, *, title, xlabel, ylabel, line=None, ax=None):
    """Draw two numbers for each of several things, joined by a line.

    Parameters
    ----------
    values : dict of str to tuple of (float, float)
        A name and its two numbers each, in the order to draw.
    names : tuple of (str, str)
        What the first and the second number are.
    title, xlabel, ylabel : str
        What the numbers are; `xlabel` with the unit.
    line : tuple of (str, float), optional
        A name and a number to draw as a line across, such as what guessing gets.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    Figure
    """
    figure, ax = _canvas(ax, (7.5, 0.5 * len(values) + 1.7))
    places = range(len(values))
    first, second = zip(*values.values(), strict=True)
    ax.hlines(places, first, second, color=GRAY, linewidth=1.5, zorder=1)
    ax.scatter(first, places, s=70, color=ORANGE, marker="o", label=names[0])
    ax.scatter(second, places, s=70, color=BLUE, marker="s", label=names[1])
    if line:
        ax.axvline(line[1], color=GRAY, linestyle=":", label=line[0])
    ax.set_yticks(places, list(values))
    ax.margins(y=0.12)
    ax.invert_yaxis()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, xlim=(0, 1))
    figure.legend(loc="outside lower center", ncols=3)
    listed = ", ".join(f"{name} {one:.2f} and {two:.2f}" for name, (one, two) in values.items())
    return _say(figure, f"{title}; {names[0]} and {names[1]}: {listed}.")


def _number(value):
    """Write a number with three digits at least, and no dot at its end: 0.0280, 894, 1085."""
    return f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")


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
