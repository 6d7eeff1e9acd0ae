"""A guess drawn over the truth: hollow diamonds, joined by a dashed line in a curve.

Each function that draws into a figure also keeps what is drawn as the truth beside the guess.
Without a guess it draws nothing; a guess that does not belong to the figure is refused all the
same, so that its author sees it. `strip` is a figure of its own, for what `Guess.reveal` tells.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import patheffects, rc_context
from matplotlib.axes import Axes

from featlib import checks
from featlib.plots.inputs import short
from featlib.plots.style import GRAY, HIGHEST, STYLE, Figure, add_alt, new_axes
from featlib.quiz.guesses import Guess, in_words, off

__all__ = ["LABEL", "draw_on_bars", "draw_on_lines", "draw_on_matrix", "strip"]

LABEL = "your guess"
_HALO = [patheffects.withStroke(linewidth=3.5, foreground="white")]
_STYLE = {
    "color": "black",
    "marker": "D",
    "markersize": 8,
    "markerfacecolor": "white",
    "markeredgewidth": 1.8,
    "linewidth": 1.6,
    "zorder": 5,
    "label": LABEL,
}
_FIX = 'Give the question "labels" with a name that the figure has, or call guess.reveal(…).'


def draw_on_bars(
    ax: Axes, guess: Guess | None, rows: Sequence[str], values: Mapping[str, float], where: str
) -> str:
    """Draw a guess over horizontal bars.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With a bar for each row at 0, 1, 2, …
    guess : featlib.quiz.Guess or None
        Of the kind ``bars``, ``slider`` or ``choice``.
    rows : sequence of str
        The names of the bars that are drawn.
    values : mapping of str to float
        The length of each bar by its name, of those that are not drawn, too.
    where : str
        The function that draws, for messages.

    Returns
    -------
    str
        What was guessed, in words; empty without a guess.

    Raises
    ------
    featlib.FeatlibError
        If it is no guess, or none that belongs to these bars.
    """
    if guess is None:
        return ""
    if _checked(guess, where).question.kind == "curve":
        _refuse(guess, where, "a guess of bars, one bar, or a choice")
    dots = [(name, x) for name, x in _dots(guess, values, where).items() if name in rows]
    _plot(ax, [x for _, x in dots], [rows.index(name) for name, _ in dots], "none")
    return _words(guess)


def draw_on_lines(
    ax: Axes,
    guess: Guess | None,
    places: Sequence[float] | np.ndarray,
    lines: Mapping[str, np.ndarray],
    where: str,
) -> str:
    """Draw a guess over lines: a curve at its places, anything else at the ends of the lines.

    A choice of one of the places is a line across. Of which line it is asked, and whether where
    that is lowest, the figure cannot know: `Guess.reveal` tells and keeps the truth.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With the lines drawn.
    guess : featlib.quiz.Guess or None
        Of any kind.
    places : sequence of float
        Where the numbers of the lines belong.
    lines : mapping of str to numpy.ndarray
        The numbers of each line by its name, N; NaN where there is none.
    where : str
        The function that draws, for messages.

    Returns
    -------
    str
        What was guessed, in words; empty without a guess.

    Raises
    ------
    featlib.FeatlibError
        If it is no guess, or none that belongs to these lines.
    """
    if guess is None:
        return ""
    question = _checked(guess, where).question
    labels = set(question.labels)
    if question.kind == "choice" and not labels & lines.keys() and labels <= _texts(places):
        if isinstance(guess.value, str):
            ax.axvline(
                float(guess.value), color="black", linestyle="--", linewidth=1.6, label=LABEL
            )
        return _words(guess)
    if question.kind != "curve":
        dots = _dots(guess, {name: float(line[-1]) for name, line in lines.items()}, where)
        _plot(ax, [places[len(lines[name]) - 1] for name in dots], list(dots.values()), "none")
        return _words(guess)
    name = _labels(guess, lines, where)[0]
    at = dict(zip(map(float, places), lines[name].tolist(), strict=False))
    guess.record([at.get(x, float("nan")) for x in question.x])
    if isinstance(guess.value, tuple):
        _plot(ax, list(question.x), list(guess.value), "--")
    return _words(guess)


def draw_on_matrix(
    ax: Axes, guess: Guess | None, rows: Sequence[str], recall: Mapping[str, float], where: str
) -> str:
    """Draw a choice of the class that is missed most, beside its row of a matrix.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With a matrix drawn, its rows at 0, 1, 2, …
    guess : featlib.quiz.Guess or None
        Of the kind ``choice``.
    rows : sequence of str
        The names of the rows that are drawn.
    recall : mapping of str to float
        The recall of each class that has images, drawn or not: the lowest is the truth.
    where : str
        The function that draws, for messages.

    Returns
    -------
    str
        What was guessed, in words; empty without a guess.

    Raises
    ------
    featlib.FeatlibError
        If it is no guess, or none that belongs to this matrix.
    """
    if guess is None:
        return ""
    if _checked(guess, where).question.kind != "choice":
        _refuse(guess, where, "a choice of the class that is missed most")
    chosen = _dots(guess, {name: -share for name, share in recall.items()}, where)
    at = [rows.index(name) for name in chosen if name in rows]
    if at:  # outside, where it hides no number
        beside = {"transform": ax.get_yaxis_transform(), "clip_on": False}
        ax.plot(
            [1 + 0.35 / len(rows)], at, linestyle="none", path_effects=_HALO, **_STYLE, **beside
        )
    return _words(guess)


@rc_context(STYLE)
def strip(guess: Guess) -> Figure | None:
    """Draw one number that was guessed, and what was measured, on the line from low to high.

    Parameters
    ----------
    guess : featlib.quiz.Guess
        Of the kind ``slider``.

    Returns
    -------
    Figure or None
        None where there is nothing to compare: no guess, no number measured, another kind.
    """
    question, value, truth = guess.question, guess.value, guess.measured
    if not isinstance(value, float) or not isinstance(truth, float):
        return None
    figure, ax = new_axes(None, (7.5, 1.5))
    ax.plot([truth, value], [0, 0], color=GRAY, linewidth=1.6)
    ax.plot([truth], [0], "o", color=HIGHEST, markersize=13)  # seen around the guess
    _plot(ax, [value], [0], "none")
    # What is measured may lie beyond what could be guessed.
    low, high = min(question.low, truth), max(question.high, truth)
    for name, x, side in (("measured", truth, 1), (LABEL, value, -1)):
        style: dict[str, Any] = {"ha": "center", "va": "center", "textcoords": "offset points"}
        ax.annotate(f"{name}: {question.write(x)}", (x, 0), (0, side * 17), **style)
    title = f"{LABEL.capitalize()}: {off(question, value, truth)}"
    room = 0.02 * (high - low)
    ax.set(title=title, xlabel=question.unit or "number", xlim=(low - room, high + room))
    ax.set(ylim=(-1, 1), yticks=[])
    ax.spines["left"].set_visible(False)
    line = f"on a line from {question.write(low)} to {question.write(high)}"
    numbers = f"measured {question.write(truth)}; {LABEL} {question.write(value)}"
    return add_alt(figure, f"{title}, {line} ({question.unit or 'number'}): {numbers}.")


def _checked(guess: object, where: str) -> Guess:
    wanted, fix = "guess as featlib.predict_first returns it", "Pass what it returned, or leave it."
    return checks.instance(guess, Guess, where, wanted, fix)


def _texts(places: Sequence[float] | np.ndarray) -> set[str]:
    return {f"{x:g}" for x in places}


def _refuse(guess: Guess, where: str, wanted: str) -> None:
    got = f"guess '{guess.question.id}' of the kind {guess.question.kind}"
    checks.refuse(where, wanted, got, "Draw it with plots.curves, or call guess.reveal(…).")


def _labels(guess: Guess, names: Mapping[str, object], where: str) -> list[str]:
    """Return the names in a figure that a guess is about."""
    labels = [short(label) for label in guess.question.labels]
    if not labels and len(names) == 1:
        labels = list(names)
    if not labels or not set(labels) <= names.keys():
        listed = " or ".join([*names][:6]) + (" or …" if len(names) > 6 else "")
        wanted = f"guess '{guess.question.id}' about {listed}"
        checks.refuse(where, wanted, ", ".join(labels) or "no labels", _FIX)
    return labels


def _dots(guess: Guess, values: Mapping[str, float], where: str) -> dict[str, float]:
    """Keep the truth, and return what was guessed by the names in the figure."""
    question = guess.question
    highest = max(values, key=lambda name: np.nan_to_num(values[name], nan=-np.inf))
    about = [highest]
    if question.kind != "slider" or question.labels:
        about = _labels(guess, values, where)
    if question.kind == "choice":
        names = dict(zip(about, question.labels, strict=True))
        best = [names.get(name, name) for name in values if values[name] == values[highest]]
        # Of several that are equally high, each is right.
        right = guess.value if guess.value in best else names.get(highest, highest)
        guess.record(right)
    else:
        truth = [values[name] for name in about]
        guess.record(truth[0] if question.kind == "slider" else truth)
    value = guess.value
    if value is None:
        return {}
    if isinstance(value, str):
        chosen = about[question.labels.index(value)]
        return {chosen: values[chosen]}
    return dict(zip(about, value if isinstance(value, tuple) else (value,), strict=True))


def _plot(ax: Axes, x: list[float], y: list[float], line: str) -> None:
    if x:
        ax.plot(x, y, linestyle=line, path_effects=_HALO, **_STYLE)


def _words(guess: Guess) -> str:
    value = guess.value
    return "" if value is None else f"; {LABEL}: {in_words(guess.question, value)}"
