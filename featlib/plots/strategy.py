"""The lesson in one drawing: what a picture goes through, and which part of it learns.

All words stand on cards with a ground of their own, so the drawing can be read on any page.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import Arc, Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.text import Text

from featlib import checks, images, trace
from featlib.plots import inputs
from featlib.plots.style import STYLE, Figure, add_alt, new_figure

__all__ = ["strategy"]

_WIDTH, _HEIGHT = 1110, 330  # units of the drawing
_NARROWEST, _WIDEST = 5.9, 60  # inches; narrower, the type has less than 11 pixels
_TYPE = 15  # points where the drawing is 1110 pixels wide
_BARS = 4
_SCHEMA = (1.0, 0.3, 0.2, 0.12)  # of bars that stand for no measurement


@dataclass(frozen=True)
class _Colors:
    """What is drawn with what; blue and orange differ for every kind of color vision."""

    card: str
    text: str
    soft: str
    frozen: str
    frozen_card: str
    learns: str
    learns_word: str
    learns_card: str
    cells: str
    line: str = "#808080"  # to be seen on a light and on a dark ground


_LIGHT = _Colors(
    "#f2f4f7", "#14202b", "#c9d1da", "#0065a0", "#dceefa", "#d07300", "#a85400", "#ffefd2",
    "Blues",
)  # fmt: skip
_DARK = _Colors(
    "#27313c", "#f2f5f8", "#4c5a69", "#6cc4f5", "#15384f", "#ffb338", "#ffb338", "#4d3609",
    "Blues_r",
)  # fmt: skip


@dataclass(frozen=True)
class _Shown:
    """One picture on its way; the alternative text is made of the same."""

    picture: np.ndarray  # H×W×3
    features: np.ndarray  # D
    names: list[str]
    shares: list[float]
    measured: bool


@rc_context(STYLE)
def strategy(
    prediction: trace.PredictionTrace | None = None, *, width: float = 11.1, dark: bool = False
) -> Figure:
    """Draw the feature extraction strategy: picture, frozen network, numbers, linear layer, class.

    Parameters
    ----------
    prediction : featlib.trace.PredictionTrace, optional
        Its picture, features and probabilities are drawn. Left out, the drawing shows the cat, and
        its numbers and bars stand for no measurement.
    width : float
        Inches, from 5.9 to 60; the height and all type follow.
    dark : bool
        Whether the cards are dark, for a dark page. The ground between them is transparent.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If `prediction` is no such record, or another argument has no such value.

    Examples
    --------
    >>> from featlib import plots
    >>> plots.strategy().alt.split(":")[0]
    'The strategy in five steps'
    """
    where = "plots.strategy"
    dark = checks.switch(dark, where, "dark")
    width = checks.number(width, where, "width", low=_NARROWEST, high=_WIDEST)
    shown = _schema() if prediction is None else _measured(prediction, where)
    colors = _DARK if dark else _LIGHT
    figure = new_figure((width, width * _HEIGHT / _WIDTH))
    figure.set_layout_engine("none")
    figure.set_facecolor("none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, _WIDTH), ylim=(_HEIGHT, 0))
    ax.axis("off")
    _Drawing(ax, colors, width / 11.1).draw(shown)
    d = len(shown.features)
    likely = shown.names[int(np.argmax(shown.shares))]
    said = f"here {likely}" if shown.measured else f"such as {likely}"
    return add_alt(
        figure,
        "The strategy in five steps: a picture goes through a pretrained network that is frozen, "
        f"which makes {d} numbers of it; one linear layer, the only part that learns, makes of "
        f"these numbers a share for each class, {said}.",
    )


def _schema() -> _Shown:
    pictures = images.load()
    cat = pictures.pixels[pictures.find("cat")[0]].permute(1, 2, 0).numpy()
    features = np.random.default_rng(0).exponential(size=512)
    return _Shown(cat, features, list(pictures.classes[:_BARS]), list(_SCHEMA), False)


def _measured(prediction: trace.PredictionTrace, where: str) -> _Shown:
    layers = inputs.record(prediction, trace.PredictionTrace, where, "trace.predict").layers
    if len(layers) != 4:
        fix = "Pass what trace.predict returns."
        checks.refuse(where, "a prediction of four layers", f"{len(layers)}", fix)
    picture = inputs.picture(layers[0].values, where)
    features = inputs.numbers(layers[1].values, where, "features", ("D",))
    shares = inputs.numbers(layers[3].values, where, "probabilities", ("C",))
    names = inputs.names(prediction.classes, where, "classes", len(shares), most=24)
    order = np.argsort(-shares, kind="stable")[:_BARS]
    kept = [float(shares[k]) for k in order]
    return _Shown(picture, features, [names[k] for k in order], kept, True)


class _Drawing:
    """Draws on axes of 1110×330 units, from the top; `scale` is that of type and lines."""

    def __init__(self, ax: Axes, colors: _Colors, scale: float) -> None:
        self.ax, self.colors, self.scale = ax, colors, scale

    def draw(self, shown: _Shown) -> None:
        c = self.colors
        self.card(4, 168, "picture", c.soft, c.card)
        self.picture(shown.picture, 88)
        self.card(206, 244, "network", c.frozen, c.frozen_card)
        self.network(226)
        self.snowflake(280, 297)
        self.mark(304, "frozen", c.frozen)
        self.card(484, 180, f"{len(shown.features):,} numbers", c.soft, c.card)
        self.numbers(shown.features, 574)
        self.text(574, 297, "features")
        self.card(698, 182, "linear layer", c.learns, c.learns_card)
        self.layer(730, 848)
        self.circle(744, 297)
        self.mark(767, "learns", c.learns_word)
        self.card(914, 192, "class", c.soft, c.card)
        self.bars(shown, 930, 1090)
        for left, right in ((172, 206), (450, 484), (664, 698), (880, 914)):
            self.arrow(left + 4, right - 4)

    def text(self, x: float, y: float, words: str, size: float = 1, **how: Any) -> Text:
        points = _TYPE * size * self.scale
        how = {"color": self.colors.text, "ha": "center", "va": "center"} | how
        return self.ax.text(x, y, words, fontsize=points, **how)

    def card(self, x: float, width: float, title: str, edge: str, face: str) -> None:
        box = FancyBboxPatch(
            (x + 10, 14), width - 20, _HEIGHT - 28, "round,pad=10,rounding_size=16",
            facecolor=face, edgecolor=edge, linewidth=2 * self.scale,
        )  # fmt: skip
        self.ax.add_patch(box)
        self.text(x + width / 2, 36, title, min(1, 12 / len(title)), weight="bold")

    def mark(self, x: float, word: str, color: str) -> None:
        self.text(x, 297, word, color=color, weight="bold", ha="left")

    def picture(self, pixels: np.ndarray, x: float) -> None:
        side = 132
        self.ax.imshow(
            pixels, extent=(x - side / 2, x + side / 2, 231, 99), interpolation="nearest", zorder=3
        )
        self.ax.set(xlim=(0, _WIDTH), ylim=(_HEIGHT, 0), aspect="auto")

    def network(self, x: float) -> None:
        """Draw the maps of its stages: ever smaller, and ever more of them."""
        for height, maps in ((150, 1), (120, 2), (92, 3), (66, 4), (42, 5)):
            for _ in range(maps):
                self.slab(x, height)
                x += 9
            x += height / 6

    def slab(self, x: float, height: float) -> None:
        lean = height / 6
        top, low = 165 - height / 2, 165 + height / 2
        corners = [(x, top + lean), (x + lean, top), (x + lean, low - lean), (x, low)]
        self.ax.add_patch(
            Polygon(
                corners, facecolor=self.colors.frozen, edgecolor=self.colors.frozen_card,
                linewidth=1.5 * self.scale, zorder=3,
            )
        )  # fmt: skip

    def numbers(self, features: np.ndarray, x: float) -> None:
        rows = 32
        columns = -(-len(features) // rows)
        cells = np.full(rows * columns, np.nan)
        cells[: len(features)] = features
        self.ax.imshow(
            cells.reshape(rows, columns), extent=(x - 48, x + 48, 261, 69), aspect="auto",
            cmap=self.colors.cells, interpolation="nearest", zorder=3,
        )  # fmt: skip
        self.ax.set(xlim=(0, _WIDTH), ylim=(_HEIGHT, 0))

    def layer(self, left: float, right: float) -> None:
        """Draw each output joined with each input: that is all there is in a linear layer."""
        ins, outs = np.linspace(84, 246, 7), np.linspace(105, 225, 4)
        for a in ins:
            for b in outs:
                self.ax.plot(
                    (left, right), (a, b), color=self.colors.learns, linewidth=self.scale, alpha=0.7
                )
        for x, points, size in ((left, ins, 6), (right, outs, 9)):
            for y in points:
                self.ax.add_patch(Circle((x, y), size, color=self.colors.learns, zorder=3))

    def bars(self, shown: _Shown, left: float, right: float) -> None:
        for i, (name, share) in enumerate(zip(shown.names, shown.shares, strict=True)):
            y = 84 + 56 * i
            first = share == max(shown.shares)
            color = self.colors.learns if first else self.colors.line
            for most in range(12, 2, -1):  # such letters as W are wide
                text = self.text(left, y, inputs.short(name, most), ha="left")
                if self.ax.transData.inverted().transform(text.get_window_extent())[1, 0] <= right:
                    break
                text.remove()
            wide = (right - left) * max(0.02, min(1.0, share))
            self.ax.add_patch(Rectangle((left, y + 15), wide, 14, color=color, zorder=3))

    def arrow(self, left: float, right: float) -> None:
        self.ax.add_patch(
            FancyArrowPatch(
                (left, 165), (right, 165), arrowstyle="-|>", mutation_scale=20 * self.scale,
                color=self.colors.line, linewidth=2.5 * self.scale, shrinkA=0, shrinkB=0,
            )
        )  # fmt: skip

    def snowflake(self, x: float, y: float) -> None:
        for k in range(6):
            turn = math.pi * k / 3
            ux, uy = math.sin(turn), math.cos(turn)
            self.stroke((x, y), (x + 14 * ux, y + 14 * uy))
            for side in (-1, 1):
                vx, vy = math.sin(turn + side * math.pi / 4), math.cos(turn + side * math.pi / 4)
                start = (x + 7.5 * ux, y + 7.5 * uy)
                self.stroke(start, (start[0] + 5.5 * vx, start[1] + 5.5 * vy))

    def stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        xs, ys = zip(start, end, strict=True)
        self.ax.plot(
            xs, ys, color=self.colors.frozen, linewidth=2 * self.scale, solid_capstyle="round"
        )

    def circle(self, x: float, y: float) -> None:
        """Draw an arrow that runs in a circle: again and again."""
        color = self.colors.learns_word
        self.ax.add_patch(
            Arc((x, y), 24, 24, theta1=-20, theta2=270, color=color, linewidth=2.5 * self.scale)
        )
        tip = [(x + 9, y - 12), (x - 1, y - 18), (x - 1, y - 6)]
        self.ax.add_patch(Polygon(tip, color=color))
