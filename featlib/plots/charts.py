"""Charts of any numbers: bars, curves, points, bands.

Each returns a `Figure` that carries its own alternative text, and takes an optional `ax` to draw
into.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from featlib import checks
from featlib.engine.words import describe
from featlib.plots import inputs
from featlib.plots.style import (
    GRAY,
    HIGHEST,
    LOWER,
    SERIES,
    STYLE,
    Figure,
    add_alt,
    add_legend,
    colors_of,
    has_color,
    new_axes,
    three_digits,
    two_decimals,
)

if TYPE_CHECKING:
    from featlib.quiz.guesses import Guess

__all__ = ["bands", "bars", "class_bars", "curves", "pairs", "scatter", "tradeoff"]

# A white edge: a number can be read where a line crosses it.
_EDGE = [withStroke(linewidth=2.5, foreground="white")]
MARKERS = "osD^vPX*<>"  # one for each color of SERIES: told apart without color, too
MOST_LINES = 6  # more lines in one chart cannot be told apart
MOST_BARS = 30  # more bars, or classes, are no longer read one by one
MOST_CLASSES = 20


@rc_context(STYLE)
def class_bars(
    values: torch.Tensor | np.ndarray,
    classes: Sequence[str],
    *,
    title: str,
    xlabel: str,
    guess: "Guess | None" = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw one value for each class as bars; the highest stands out.

    Of more than 20 classes, the 20 with the highest values are drawn, and the title says so.

    Parameters
    ----------
    values : torch.Tensor
        float32 C (one for each class): logits or probabilities.
    classes : sequence of str
        The name of each class number.
    title, xlabel : str
        What the bars are, and their unit.
    guess : featlib.quiz.Guess, optional
        What `featlib.predict_first` returned: of bars, of one bar or, without labels, of the
        highest; or a choice of the highest. If a guess was made, it is drawn over the truth.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure
    """
    where = "plots.class_bars"
    title, xlabel = inputs.words(where, title=title, xlabel=xlabel)
    heights = inputs.numbers(values, where, "values", ("C",))
    texts = inputs.names(classes, where, "classes", len(heights))
    best = int(heights.argmax())
    words = f"{title}: highest is {texts[best]} with {heights[best]:.2f}."
    shown = inputs.highest(heights, MOST_CLASSES)
    if len(shown) < len(heights):
        title = f"{title}: {len(shown)} of {len(heights):,} classes"
    figure, ax = new_axes(ax, (4, 0.32 * len(shown) + 1))
    colors = [HIGHEST if k == best else LOWER for k in shown]
    ax.barh(range(len(shown)), heights[shown], color=colors)
    ax.set_yticks(range(len(shown)), [texts[k] for k in shown])
    ax.invert_yaxis()
    ax.axvline(0, color=GRAY, linewidth=0.8)
    ax.set(title=title, xlabel=xlabel, ylabel="class")
    rows, named = [texts[k] for k in shown], dict(zip(texts, heights.tolist(), strict=True))
    if said := _draw_on_bars(ax, guess, rows, named, where):
        add_legend(figure, ax)
        words = f"{words.removesuffix('.')}{said}."
    return add_alt(figure, words)


@rc_context(STYLE)
def bars(
    values: Mapping[str, float],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    line: tuple[str, float] | None = None,
    guess: "Guess | None" = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw named numbers as bars; the highest stands out.

    Where one of the names has a color of its own, each bar has the color of its name instead: see
    `style.color_of`.

    Of more than 30, the 30 highest are drawn, and the title says so.

    Parameters
    ----------
    values : dict of str to float
        A name and a number each, in the order to draw.
    title, xlabel, ylabel : str
        What the bars are; `xlabel` with the unit.
    line : tuple of (str, float), optional
        A name and a number to draw as a line across, such as what guessing gets.
    guess : featlib.quiz.Guess, optional
        What `featlib.predict_first` returned: of bars, of one bar or, without labels, of the
        highest; or a choice of the highest. If a guess was made, it is drawn over the truth.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure
    """
    where = "plots.bars"
    title, xlabel, ylabel = inputs.words(where, title=title, xlabel=xlabel, ylabel=ylabel)
    named = inputs.mapping(values, where)
    lengths = inputs.numbers(list(named.values()), where, "values", ("N",)).tolist()
    shown = inputs.highest(np.array(lengths), MOST_BARS)
    if len(shown) < len(lengths):
        title = f"{title} (the {len(shown)} highest of {len(lengths):,})"
    kept = {list(named)[k]: lengths[k] for k in shown}
    figure, ax = new_axes(ax, (7.5, 0.45 * len(kept) + 1.3))
    colors = [HIGHEST if value == max(lengths) else LOWER for value in kept.values()]
    if any(map(has_color, kept)):
        colors = colors_of(kept)
    drawn = ax.barh(list(kept), list(kept.values()), color=colors)
    shown_values = [three_digits(value) for value in kept.values()]
    ax.bar_label(drawn, shown_values, padding=4, path_effects=_EDGE, zorder=3)
    ax.margins(x=0.12)
    ax.invert_yaxis()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    words = f"{title}: " + ", ".join(f"{name} {three_digits(v)}" for name, v in kept.items())
    if line is not None:
        name, place = inputs.reference_line(line, where)
        ax.axvline(place, color="white", alpha=0.8)  # so that it is seen on a gray or black bar
        ax.axvline(place, color=GRAY, linestyle=":", label=name)
        words += f"; {name} {place:.3g}"
    guessed = _draw_on_bars(ax, guess, list(kept), dict(zip(named, lengths, strict=True)), where)
    if line is not None or guessed:
        add_legend(figure, ax)  # inside it would lie on a long bar
    words += guessed
    return add_alt(figure, words + ".")


@rc_context(STYLE)
def curves(
    series: Mapping[str, Sequence[float]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    x: Sequence[float] | None = None,
    guess: "Guess | None" = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw named series of numbers as lines.

    Parameters
    ----------
    series : dict of str to sequence of float
        A name and its numbers each; at most six. Where one is NaN or infinite, the line has a gap,
        and the legend says that it diverged.
    title, xlabel, ylabel : str
        What the lines are, with units.
    x : sequence of float, optional
        Where the numbers belong; 1, 2, 3, … if left out.
    guess : featlib.quiz.Guess, optional
        What `featlib.predict_first` returned: of a curve, or of where a line ends. If a guess was
        made, it is drawn over the truth. A choice of one of the places `x` is drawn across; its
        truth is told by `featlib.quiz.Guess.reveal`.
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
    where = "plots.curves"
    title, xlabel, ylabel = inputs.words(where, title=title, xlabel=xlabel, ylabel=ylabel)
    lines = {
        name: inputs.numbers(values, where, f"'{name}'", ("N",), finite=False).astype(float)
        for name, values in inputs.mapping(series, where, MOST_LINES).items()
    }
    longest = max(map(len, lines.values()))
    places = np.arange(1, 1 + longest) if x is None else inputs.numbers(x, where, "x", ("N",))
    if len(places) < longest:
        wanted = f"x as {longest} places, one for each number"
        checks.refuse(where, wanted, f"{len(places)}", "Give more places, or leave out x.")
    figure, ax = new_axes(ax, (7.5, 3.8))
    said = []
    listed = zip(lines.items(), colors_of(lines), MARKERS, strict=False)
    for (name, values), color, marker in listed:
        drawn = np.where(inputs.is_finite(values), values, np.nan)
        label = name if inputs.is_finite(values).all() else f"{name} (diverged)"
        ax.plot(places[: len(values)], drawn, color=color, marker=marker, label=label)
        said.append(f"{label}: {two_decimals(values)}")
    guessed = _draw_on_lines(ax, guess, places, lines, where)
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=bool((places == np.round(places)).all())))
    ax.legend()
    return add_alt(figure, f"{title}, by {xlabel}. {'; '.join(said)}{guessed}.")


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

    Of more than 20 classes, the 20 with the most points are named; the others are gray dots.

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
    where = "plots.scatter"
    (title,) = inputs.words(where, title=title)
    texts = inputs.names(classes, where, "classes")
    places = inputs.numbers(points, where, "points", ("N", 2))
    numbered = inputs.class_numbers(labels, where, len(places), len(texts))
    most = Counter(numbered.tolist()).most_common(MOST_CLASSES)
    shown = range(len(texts)) if len(texts) <= MOST_CLASSES else sorted(k for k, _ in most)
    others = ~np.isin(numbered, shown)
    figure, ax = new_axes(ax, (7, 5) if len(shown) <= len(SERIES) else (9, 5))
    if others.any():
        name = f"{len(texts) - len(shown):,} other classes"
        ax.scatter(*places[others].T, s=6, color=GRAY, marker=".", alpha=0.4, label=name)
    for i, k in enumerate(shown):
        # The second time round, each color has another marker.
        marker = MARKERS[(i + i // len(SERIES)) % len(MARKERS)]
        style = {"color": SERIES[i % len(SERIES)], "marker": marker, "alpha": 0.7}
        ax.scatter(*places[numbered == k].T, s=16, label=texts[k], **style)
    ax.set(title=title, xlabel="first principal component", ylabel="second principal component")
    if len(shown) <= len(SERIES):
        ax.legend(fontsize=8, markerscale=1.4, ncols=2)
    else:
        ax.legend(fontsize=8, markerscale=1.4, loc="center left", bbox_to_anchor=(1, 0.5))
    return add_alt(figure, f"{title}: {len(places)} points of {len(texts)} classes on two axes.")


@rc_context(STYLE)
def bands(
    series: Mapping[str, Sequence[Sequence[float]]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    x: Sequence[float],
    guess: "Guess | None" = None,
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
    guess : featlib.quiz.Guess, optional
        What `featlib.predict_first` returned: of the means of a line, as a curve, or of
        the mean at its end. If a guess was made, it is drawn over the truth.
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
    where = "plots.bands"
    title, xlabel, ylabel = inputs.words(where, title=title, xlabel=xlabel, ylabel=ylabel)
    measured = inputs.mapping(series, where, MOST_LINES)
    places = _above_zero(x, where, "x")
    figure, ax = new_axes(ax, (7.5, 4.2))
    words, lines = [], {}
    named = zip(measured.items(), colors_of(measured), MARKERS, strict=False)
    for (name, repeats), color, marker in named:
        lows, means, highs = _spread(repeats, where, name, len(places))
        ax.fill_between(places, lows, highs, color=color, alpha=0.2, linewidth=0)
        ax.plot(places, means, color=color, marker=marker, label=name)
        lines[name] = means
        listed = zip(places, means, lows, highs, strict=True)
        points = (
            f"{mean:.2f} ({low:.2f} to {high:.2f}) at {at:g}" for at, mean, low, high in listed
        )
        words.append(f"{name}: {', '.join(points)}")
    guessed = _draw_on_lines(ax, guess, places, lines, where)
    ax.set_xscale("log", base=2)
    ax.set_xticks(places, [f"{at:g}" for at in places])
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    said = f"{title}, by {xlabel}; mean (lowest to highest). {'; '.join(words)}{guessed}."
    return add_alt(figure, said)


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
    where = "plots.tradeoff"
    title, xlabel, ylabel = inputs.words(where, title=title, xlabel=xlabel, ylabel=ylabel)
    measured = {
        name: inputs.numbers(four, where, f"'{name}'", (4,)).tolist()
        for name, four in inputs.mapping(points, where, len(MARKERS)).items()
    }
    for name, (cost, gain, low, high) in measured.items():
        checks.number(cost, where, f"the cost of '{name}'", above=True)
        if not low <= gain <= high:
            wanted = f"'{name}' with its gain between the ends of the interval"
            got = f"{gain:g}, and {low:g} to {high:g}"
            checks.refuse(where, wanted, got, "Give cost, gain, lower end, upper end.")
    figure, ax = new_axes(ax, (8.5, 4))
    words, colors = [], colors_of(measured)
    for i, (name, (cost, gain, low, high)) in enumerate(measured.items()):
        ends = [[gain - low], [high - gain]]
        style = {"color": colors[i], "fmt": MARKERS[i], "markersize": 8, "capsize": 4}
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
    guess: "Guess | None" = None,
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
    guess : featlib.quiz.Guess, optional
        What `featlib.predict_first` returned, as for `bars`; it is about the second numbers. If a
        guess was made, it is drawn over the truth.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure
    """
    where = "plots.pairs"
    title, xlabel, ylabel = inputs.words(where, title=title, xlabel=xlabel, ylabel=ylabel)
    both = {
        name: inputs.numbers(two, where, f"'{name}'", (2,)).tolist()
        for name, two in inputs.mapping(values, where, MOST_BARS).items()
    }
    left, right = inputs.names(names, where, "names", 2)
    figure, ax = new_axes(ax, (7.5, 0.5 * len(both) + 1.7))
    places = range(len(both))
    first, second = zip(*both.values(), strict=True)
    named = has_color(left) or has_color(right)
    colors = colors_of((left, right)) if named else (LOWER, HIGHEST)
    ax.hlines(places, first, second, color=GRAY, linewidth=1.5, zorder=1)
    # Larger than the square, so that it is seen around one that has the same place.
    ax.scatter(first, places, s=140, color=colors[0], marker="o", label=left)
    ax.scatter(second, places, s=60, color=colors[1], marker="s", label=right)
    if line is not None:
        name, place = inputs.reference_line(line, where)
        ax.axvline(place, color=GRAY, linestyle=":", label=name)
    ax.set_yticks(places, list(both))
    ax.margins(y=0.12)
    ax.invert_yaxis()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel, xlim=(0, 1))
    guessed = _draw_on_bars(ax, guess, list(both), dict(zip(both, second, strict=True)), where)
    figure.legend(loc="outside lower center", ncols=4 if guessed else 3)
    listed = ", ".join(f"{name} {one:.2f} and {two:.2f}" for name, (one, two) in both.items())
    return add_alt(figure, f"{title}; {left} and {right}: {listed}{guessed}.")


def _draw_on_bars(
    ax: Axes, guess: "Guess | None", rows: list[str], values: Mapping[str, float], where: str
) -> str:
    """Draw a guess, if one is passed; what draws it imports all that quizzes need."""
    if guess is None:
        return ""
    from featlib.plots import guessed

    return guessed.draw_on_bars(ax, guess, rows, values, where)


def _draw_on_lines(
    ax: Axes,
    guess: "Guess | None",
    places: np.ndarray,
    lines: Mapping[str, np.ndarray],
    where: str,
) -> str:
    """Draw a guess, if one is passed; what draws it imports all that quizzes need."""
    if guess is None:
        return ""
    from featlib.plots import guessed

    return guessed.draw_on_lines(ax, guess, places, lines, where)


def _above_zero(x: object, where: str, name: str) -> np.ndarray:
    places = inputs.numbers(x, where, name, ("N",))
    if places.min() <= 0:
        wanted = f"{name} above 0, for a logarithmic scale"
        checks.refuse(where, wanted, f"{places.min():g}", "Leave out what is 0 or less.")
    return places


def _spread(repeats: object, where: str, name: str, n: int) -> np.ndarray:
    """Return lowest, mean and highest of the numbers that were measured at each place: 3×n."""
    wanted = f"'{name}' as {n} lists of numbers, one for each place in x"
    is_list = isinstance(repeats, (list, tuple, np.ndarray, torch.Tensor))
    if not is_list or getattr(repeats, "ndim", 1) == 0 or len(repeats) != n:
        got = f"{len(repeats)}" if isinstance(repeats, (list, tuple)) else describe(repeats)
        checks.refuse(where, wanted, got, "Give a list for each place, also of one number.")
    lists = [inputs.numbers(repeat, where, f"a list of '{name}'", ("N",)) for repeat in repeats]
    return np.array([(one.min(), one.mean(), one.max()) for one in lists]).T
