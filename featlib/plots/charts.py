"""Charts of any numbers: bars, curves, points, bands.

Each returns a `Figure` that carries its own alternative text, and takes an optional `ax` to draw
into.
"""

from matplotlib import rc_context
from matplotlib.ticker import MaxNLocator

from featlib.plots.style import (
    BLUE,
    GRAY,
    ORANGE,
    SERIES,
    STYLE,
    add_alt,
    new_axes,
    three_digits,
    two_decimals,
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
    figure, ax = new_axes(ax, (4, 0.32 * len(classes) + 1))
    best = int(values.argmax())
    colors = [ORANGE if k == best else BLUE for k in range(len(classes))]
    ax.barh(range(len(classes)), values.tolist(), color=colors)
    ax.set_yticks(range(len(classes)), classes)
    ax.invert_yaxis()
    ax.axvline(0, color=GRAY, linewidth=0.8)
    ax.set(title=title, xlabel=xlabel, ylabel="class")
    return add_alt(figure, f"{title}: highest is {classes[best]} with {values[best]:.2f}.")


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
    figure, ax = new_axes(ax, (7.5, 0.45 * len(values) + 1.3))
    highest = max(values.values())
    colors = [ORANGE if value == highest else BLUE for value in values.values()]
    drawn = ax.barh(list(values), list(values.values()), color=colors)
    ax.bar_label(drawn, [three_digits(value) for value in values.values()], padding=4)
    ax.margins(x=0.12)
    ax.invert_yaxis()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    words = f"{title}: " + ", ".join(
        f"{name} {three_digits(value)}" for name, value in values.items()
    )
    if line:
        ax.axvline(line[1], color=GRAY, linestyle=":", label=line[0])
        ax.legend(loc="best")
        words += f"; {line[0]} {line[1]:.3g}"
    return add_alt(figure, words + ".")


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
    figure, ax = new_axes(ax, (7.5, 3.8))
    places = list(x or range(1, 1 + max(map(len, series.values()))))
    for (name, values), color, marker in zip(series.items(), SERIES, "osD^vP", strict=False):
        ax.plot(places[: len(values)], values, color=color, marker=marker, label=name)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=all(place == int(place) for place in places)))
    ax.legend()
    listed = "; ".join(f"{name}: {two_decimals(values)}" for name, values in series.items())
    return add_alt(figure, f"{title}, by {xlabel}. {listed}.")


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
    figure, ax = new_axes(ax, (7, 5))
    for k, name in enumerate(classes):
        color, marker = SERIES[k % len(SERIES)], "osD^vPX*<>"[k % 10]
        mine = points[labels == k]
        ax.scatter(mine[:, 0], mine[:, 1], s=16, color=color, marker=marker, alpha=0.7, label=name)
    ax.set(title=title, xlabel="first principal component", ylabel="second principal component")
    ax.legend(fontsize=8, markerscale=1.4, ncols=2)
    return add_alt(figure, f"{title}: {len(points)} points of {len(classes)} classes on two axes.")


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
    figure, ax = new_axes(ax, (7.5, 4.2))
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
    return add_alt(figure, f"{title}, by {xlabel}; mean (lowest to highest). {'; '.join(words)}.")


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
    figure, ax = new_axes(ax, (8.5, 4))
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
    return add_alt(figure, f"{title}: {ylabel} by {xlabel}. {'; '.join(words)}.")


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
    figure, ax = new_axes(ax, (7.5, 0.5 * len(values) + 1.7))
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
    return add_alt(figure, f"{title}; {names[0]} and {names[1]}: {listed}.")
