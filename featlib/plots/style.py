"""How all figures look: colors, fonts, alternative text.

The colors are those of Okabe and Ito (2008, Color Universal Design), which people with any kind of
color vision can tell apart; only their reddish purple is darker here, so that a thin line of it is
seen on white. Six things have one color each in all figures, in the lab, and in the report: see
`color_of`. What is none of them, such as the highest of several bars, has none of their colors.
"""

import io
import itertools
import re
from collections.abc import Iterable
from typing import Any, cast

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.figure import SubFigure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from featlib import checks
from featlib.engine.words import describe, printable
from featlib.plots.inputs import LARGEST, short

__all__ = [
    "BLUE",
    "GRAY",
    "GREEN",
    "HIGHEST",
    "LOWER",
    "ORANGE",
    "PURPLE",
    "RED",
    "SERIES",
    "STYLE",
    "Figure",
    "add_alt",
    "add_legend",
    "color_of",
    "colors_of",
    "has_color",
    "new_axes",
    "new_figure",
    "three_digits",
    "two_decimals",
]

BLUE, ORANGE, GREEN, RED, GRAY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#595959"
PURPLE = "#C2548F"
SERIES = (BLUE, ORANGE, GREEN, RED, PURPLE, "#56B4E9", "#000000", "#A6761D", "#66A61E", GRAY)
HIGHEST, LOWER = "#222222", "#98907E"  # dark and light: to be told apart without any color
_FIXED = {
    "pretrained": ORANGE,
    "features": ORANGE,  # of the pretrained network
    "untrained": "#56B4E9",
    "raw pixels": GRAY,
    "training": BLUE,
    "validation": RED,
    "textbook": PURPLE,
}
_OTHERS = tuple(color for color in SERIES if color not in _FIXED.values())
# The name itself or its first words, or what follows the last comma: "this run, validation".
_KNOWN = re.compile(
    rf"(?:^|.*, )(?:frozen )?({'|'.join(_FIXED)})(?![\w-])", re.IGNORECASE | re.DOTALL
)
# Names of classes may be in any script. After matplotlib's own font, which has Latin, Greek,
# Cyrillic, Arabic and Hebrew letters, come those of Linux, Windows and macOS that have others.
OTHER_SCRIPTS = (
    "Noto Sans CJK JP", "WenQuanYi Micro Hei", "Noto Sans Devanagari", "Noto Sans Thai",
    "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "Leelawadee UI",
    "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS",
)  # fmt: skip
INSTALLED = {font.name for font in fontManager.ttflist}
# The keys are names of matplotlib settings; its type for them differs between its versions.
STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in INSTALLED)],
    "font.size": 11,
    "text.parse_math": False,  # $ in the name of a class is a $
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # without it, each drawing looks for ticks above the axes
    "axes.spines.top": False,
    "axes.spines.right": False,
    # White on a light page, a calm card on a dark one; black words are legible on both.
    "figure.facecolor": (1, 1, 1, 0.85),
    "axes.facecolor": "none",
    "figure.titlesize": 13,
    "figure.dpi": 100,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "image.cmap": "cividis",
}


def color_of(name: str, other: int = 0) -> str:
    """Return the color of what a bar or a line shows.

    Parameters
    ----------
    name : str
        ``pretrained`` or ``features``, ``untrained``, ``raw pixels``, ``training``,
        ``validation`` or ``textbook``; also with words after it, or after a comma:
        ``pretrained ResNet18``, ``this run, validation``; and ``frozen features``. These have one
        color each everywhere.
    other : int
        For any other name, how many others came before it: they take the rest of `SERIES` in
        order.

    Returns
    -------
    str
        Such as ``#0072B2``.

    Raises
    ------
    featlib.FeatlibError
        If the name cannot be written as text, or `other` is no whole number from 0 on.

    Examples
    --------
    >>> color_of("training") == color_of("this run, training") == BLUE
    True
    >>> color_of("my own network") == GREEN
    True
    """
    known = _KNOWN.match(checks.text(name, "color_of", "the name").strip())
    if known:
        return _FIXED[known[1].lower()]
    return _OTHERS[checks.whole_number(other, "color_of", "other", low=0) % len(_OTHERS)]


def colors_of(names: Iterable[str]) -> list[str]:
    """Return a color for each of several names in one chart.

    Parameters
    ----------
    names : iterable of str
        The names.

    Returns
    -------
    list of str
        As `color_of` gives them. No two names have the same color, as far as there are enough: of
        several to which one belongs, the first has it, and where there are more other names than
        other colors, those of fixed names that are not in the chart follow.
    """
    fixed: list[str | None] = []
    for name in names:
        color = color_of(name) if has_color(name) else None
        fixed.append(None if color in fixed else color)
    free = itertools.cycle([*_OTHERS, *(c for c in SERIES if c not in {*_OTHERS, *fixed})])
    return [color or next(free) for color in fixed]


def has_color(name: str) -> bool:
    """Say whether a name has a color of its own.

    Parameters
    ----------
    name : str
        Of a bar or a line.

    Returns
    -------
    bool

    Raises
    ------
    featlib.FeatlibError
        If the name cannot be written as text.
    """
    return _KNOWN.match(checks.text(name, "color_of", "the name").strip()) is not None


class Figure(MatplotlibFigure):
    """A matplotlib figure with alternative text, shown in a notebook as a PNG.

    Attributes
    ----------
    alt : str
        What the figure shows, in words.
    """

    alt: str = ""

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure; matplotlib calls this whenever it needs one.

        Parameters
        ----------
        renderer : matplotlib.backend_bases.RendererBase
            What draws.
        """
        for text in self.findobj(Text):
            cast(Text, text).set_text(short(cast(Text, text).get_text(), 240))
        super().draw(renderer)

    def png(self, dpi: float | None = None) -> bytes:
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

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        data = {"image/png": self.png(), "text/plain": f"Figure: {self.alt}"}
        return data, {"image/png": {"alt": self.alt}}


def new_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure in the lesson's style.

    Parameters
    ----------
    size : tuple of (float, float)
        Width and height in inches.

    Returns
    -------
    Figure
    """
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def new_axes(ax: Axes | None, size: tuple[float, float]) -> tuple[MatplotlibFigure, Axes]:
    """Return where to draw: the given axes, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Where the caller wants it, in any matplotlib figure.
    size : tuple of (float, float)
        Width and height of a new figure in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure
        A `Figure` if it is new; else the whole figure that the axes are in.
    ax : matplotlib.axes.Axes

    Raises
    ------
    featlib.FeatlibError
        If `ax` is anything else.
    """
    if ax is None:
        figure = new_figure(size)
        return figure, figure.subplots()
    if not isinstance(ax, Axes):
        fix = "Make them with plt.subplots(), or leave out ax."
        checks.refuse("plots", "ax as matplotlib axes", describe(ax), fix)
    for text in ax.findobj(Text):  # made before, in another style: here $ is a $, too
        cast(Text, text).set_parse_math(False)
    figure = ax.figure
    while isinstance(figure, SubFigure):  # alternative text belongs to the whole figure
        figure = figure.figure
    return cast(MatplotlibFigure, figure), ax


def add_alt(figure: MatplotlibFigure, words: str) -> Figure:
    """Add to a figure's alternative text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Changed in place: its attribute ``alt`` is set.
    words : str
        Whole sentences.

    Returns
    -------
    Figure
        The same object. If it was made elsewhere, such as by pyplot, it has ``alt``, but it has
        neither `png` nor a notebook form of its own.
    """
    described = cast(Figure, figure)
    described.alt = printable(" ".join(f"{getattr(figure, 'alt', '')} {words}".split()))
    return described


def add_legend(figure: MatplotlibFigure, ax: Axes) -> None:
    """Add a legend below the axes, at the right; without anything to name, none.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The whole figure.
    ax : matplotlib.axes.Axes
        Whose labels it names. A guess about a bar that is not drawn has no label.
    """
    if ax.get_legend_handles_labels()[1]:
        figure.legend(loc="outside lower right", ncols=2)


def three_digits(value: float) -> str:
    """Write a number with three digits at least, and no dot at its end: 0.0280, 894, 1085.

    Parameters
    ----------
    value : float
        Any number.

    Returns
    -------
    str
    """
    return f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")


def two_decimals(values: Iterable[float]) -> str:
    """Write numbers with two decimals and commas between: ``0.25, 0.50``.

    Parameters
    ----------
    values : iterable of float
        Any numbers. Of more than 40, those in the middle are left out; what is NaN or infinite is
        said to have diverged.

    Returns
    -------
    str
    """
    texts = [_two_decimals(float(value)) for value in values]
    if len(texts) > 40:
        texts[10:-5] = [f"… {len(texts) - 15:,} more …"]
    return ", ".join(texts)


def _two_decimals(value: float) -> str:
    if not abs(value) <= LARGEST:
        return "diverged"
    return f"{value:.2f}" if abs(value) < 1e5 else f"{value:.3g}"
