"""Charts of any numbers: bars, curves, points, bands.

Each returns a `Figure` that carries its own alternative text, and takes an optional `ax` to draw
into.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from featlib import checks
from featlib.plots.style import (
    BLUE,
    GRAY,
    ORANGE,
    SERIES,
    STYLE,
    Figure,
    add_alt,
    new_axes,
    three_digits,
    two_decimals,
)

__all__ = ["bands", "bars", "class_bars", "curves", "pairs", "scatter", "tradeoff"]

MARKERS = "osD^vPX*<>"  # one for each color of SERIES: told apart without color, too
MOST_LINES = 6  # more lines in one chart cannot be told apart


@rc_context(STYLE)
def class_bars(
    values: torch.Tensor,
    classes: Sequence[str],
    *,
    title: str,
    xlabel: str,
    ax: Axes | None = None,
) -> Figure:
    """Draw one value for each class as bars; the highest stands out.

    Parameters
    ----------
    values : torch.Tensor
        float32 C (one for each class): logits or probabilities.
    classes : sequence of str
        The name of each class number.
    title, xlabel : str
        What the bars are, and their unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

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
def bars(
    values: Mapping[str, float],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    line: tuple[str, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
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
        Where to draw; in a new figure if left out.

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
        figure.legend(loc="outside lower right")  # inside it would lie on a long bar
        words += f"; {line[0]} {line[1]:.3g}"
    return add_alt(figure, words + ".")


@rc_context(STYLE)
def curves(
    series: Mapping[str, Sequence[float]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    x: Sequence[float] | None = None,
    ax: Axes | None = None,
) -> Figure:
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
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If there are none, or too many.
    """
    _refuse_too_many(series, "plots.curves", MOST_LINES)
    figure, ax = new_axes(ax, (7.5, 3.8))
    places = list(range(1, 1 + max(map(len, series.values()))) if x is None else x)
    for (name, values), color, marker in zip(series.items(), SERIES, MARKERS, strict=False):
        ax.plot(places[: len(values)], values, color=color, marker=marker, label=name)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=all(place == int(place) for place in places)))
    ax.legend()
    listed = "; ".join(f"{name}: {two_decimals(values)}" for name, values in series.items())
    return add_alt(figure, f"{title}, by {xlabel}. {listed}.")


@rc_context(STYLE)
def scatter(
    points: torch.Tensor | np.ndarray,
    labels: torch.Tensor,
    classes: Sequence[str],
    *,
    title: str,
    ax: Axes | None = None,
) -> Figure:
    """Draw points of several classes, each class with its own color and marker.

    Parameters
    ----------
    points : torch.Tensor or numpy.ndarray
        Any float dtype, N×2: first and second coordinate.
    labels : torch.Tensor
        int64 N: the class number of each point.
    classes : sequence of str
        The name of each class number.
    title : str
        What the points are.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure
    """
    figure, ax = new_axes(ax, (7, 5))
    for k, name in enumerate(classes):
        color, marker = SERIES[k % len(SERIES)], MARKERS[k % len(MARKERS)]
        mine = points[labels == k]
        ax.scatter(mine[:, 0], mine[:, 1], s=16, color=color, marker=marker, alpha=0.7, label=name)
    ax.set(title=title, xlabel="first principal component", ylabel="second principal component")
    ax.legend(fontsize=8, markerscale=1.4, ncols=2)
    return add_alt(figure, f"{title}: {len(points)} points of {len(classes)} classes on two axes.")


@rc_context(STYLE)
def bands(
    series: Mapping[str, Sequence[Sequence[float]]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    x: Sequence[float],
    ax: Axes | None = None,
) -> Figure:
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
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If there are none, or too many.
    """
    _refuse_too_many(series, "plots.bands", MOST_LINES)
    figure, ax = new_axes(ax, (7.5, 4.2))
    words = []
    for (name, repeats), color, marker in zip(series.items(), SERIES, MARKERS, strict=False):
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
def tradeoff(
    points: Mapping[str, tuple[float, float, float, float]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    ax: Axes | None = None,
) -> Figure:
    """Draw what is gained against what it costs: a point each, with the interval of its height.

    Parameters
    ----------
    points : dict of str to tuple of (float, float, float, float)
        For each name four numbers: the cost, above 0; the gain; the lower and the upper end of the
        interval around the gain. At most ten names.
    title, xlabel, ylabel : str
        What the points are, with units. The cost is drawn on a logarithmic scale.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If there are none, or too many.
    """
    _refuse_too_many(points, "plots.tradeoff", len(MARKERS))
    figure, ax = new_axes(ax, (8.5, 4))
    words = []
    for i, (name, (cost, gain, low, high)) in enumerate(points.items()):
        ends = [[gain - low], [high - gain]]
        style = {"color": SERIES[i], "fmt": MARKERS[i], "markersize": 8, "capsize": 4}
        ax.errorbar([cost], [gain], yerr=ends, label=name, **style)
        words.append(f"{name} {gain:.3g} ({low:.3g} to {high:.3g}) for {cost:.3g}")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return add_alt(figure, f"{title}: {ylabel} by {xlabel}. {'; '.join(words)}.")


@rc_context(STYLE)
def pairs(
    values: Mapping[str, tuple[float, float]],
    names: tuple[str, str],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    line: tuple[str, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
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
        Where to draw; in a new figure if left out.

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


def _refuse_too_many(series: Mapping[str, object], where: str, most: int) -> None:
    if not 1 <= len(series) <= most:
        wanted = f"1 to {most} names with their numbers"
        checks.refuse(where, wanted, f"{len(series)}", "Draw the others in a chart of their own.")
