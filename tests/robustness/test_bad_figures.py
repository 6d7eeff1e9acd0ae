"""Whatever a figure, a table or a report is given: it works, or an error says what would fit."""

import io
import re

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.text import Text
from PIL import Image

from featlib import FeatlibError, images, plots, trace, validation
from featlib.head import Epoch, Recipe, TrainingTrace
from featlib.pages import lesson_report
from featlib.tables import Table

WORDS = {"title": "t", "xlabel": "x", "ylabel": "y"}
PICTURE = torch.zeros(3, 4, 4, dtype=torch.uint8)
PICTURES = torch.zeros(6, 3, 4, 4, dtype=torch.uint8)
OWN = images.from_arrays(torch.arange(6, dtype=torch.uint8)[:, None, None, None].expand(6, 3, 4, 4),
                         torch.arange(6) % 2, ["cat", "dog"])  # fmt: skip
REPORT = validation.evaluate(
    torch.nn.Identity(), torch.eye(2), torch.tensor([1, 0]), ["cat", "dog"]
)
TRAINING = TrainingTrace((Epoch(1, 1.5, 0.5, None, ""),), Recipe(epochs=1), 0.1)


class Unshowable:
    """What cannot be looked at in any way."""

    def __str__(self):
        raise KeyError("no")

    __repr__ = __iter__ = __len__ = __float__ = __array__ = __str__


UNSHOWABLE = {
    "a number of 5001 digits": 10**5000,
    "what cannot be shown": Unshowable(),
    "a list of what cannot be shown": [Unshowable(), Unshowable()],
    "a dict of what cannot be shown": {Unshowable(): Unshowable(), Unshowable(): 1.0},
}

ODD = {
    "None": None,
    "True": True,
    "a number": 3,
    "a negative number": -1,
    "a huge number": 10**12,
    "NaN": float("nan"),
    "a text": "x",
    "bytes": b"x",
    "an empty list": [],
    "an empty dict": {},
    "a list of numbers": [1.0, 2.0],
    "a list of texts": ["a", "b"],
    "a list of None": [None, None],
    "a list of tensors": [torch.tensor(1.0), torch.tensor(2.0, requires_grad=True)],
    "rows of different lengths": [[1.0], [1.0, 2.0]],
    "a dict of numbers": {"a": 1.0, "b": 2.0},
    "a dict of lists": {"a": [1.0, 2.0]},
    "a dict of texts": {"a": "b"},
    "a dict of None": {"a": None},
    "a dict with NaN": {"a": [float("nan"), float("inf")]},
    "a dict by number": {1: [1.0, 2.0], 2: [1.0]},
    "an array": np.array([1.0, 2.0]),
    "an array of objects": np.array([None, "x"]),
    "complex numbers": np.array([1j, 2.0]),
    "a read-only array": np.broadcast_to(np.float32(0.5), (1, 3, 4, 4)),
    "NaN in an array": np.full((3, 4, 4), np.nan),
    "numbers too large to draw": torch.full((3, 4, 4), 1e38, dtype=torch.float64),
    "a tensor without axes": torch.tensor(1.0),
    "a tensor without values": torch.zeros(0),
    "a tensor on meta": torch.zeros(3, 4, 4, device="meta"),
    "a tensor with gradients": torch.full((3, 4, 4), 0.5, requires_grad=True),
    "bfloat16": torch.full((3, 4, 4), 0.5, dtype=torch.bfloat16),
    "a sparse tensor": torch.eye(2).to_sparse(),
    "an image": PICTURE,
    "images": PICTURES,
    "an image, channels last": PICTURE.permute(1, 2, 0),
    "a picture of Pillow": Image.new("RGB", (4, 4)),
    "an image set": OWN,
    "a report": REPORT,
    "a training": TRAINING,
    "a class": object,
}  # fmt: skip

CALLS = {
    "image_grid, images": lambda odd: plots.image_grid(odd),
    "image_grid, columns": lambda odd: plots.image_grid(OWN, odd),
    "image_grid, ax": lambda odd: plots.image_grid(OWN, ax=odd),
    "loss_curve": lambda odd: plots.loss_curve(odd),
    "loss_curve, loss": lambda odd: plots.loss_curve(training(odd)),
    "accuracy_curve": lambda odd: plots.accuracy_curve(odd),
    "accuracy_curve, accuracy": lambda odd: plots.accuracy_curve(training(1.0, odd)),
    "training_trace": lambda odd: plots.training_trace(odd),
    "feature_map": lambda odd: plots.feature_map(odd),
    "prediction_trace": lambda odd: plots.prediction_trace(odd),
    "prediction_trace, layers": lambda odd: plots.prediction_trace(prediction(odd)),
    "confusion_matrix": lambda odd: plots.confusion_matrix(odd),
    "mistakes, report": lambda odd: plots.mistakes(odd, OWN),
    "mistakes, images": lambda odd: plots.mistakes(REPORT, odd),
    "mistakes, n": lambda odd: plots.mistakes(REPORT, OWN, odd),
    "pictures, images": lambda odd: plots.pictures(odd, ["a", "b"], title="t"),
    "pictures, titles": lambda odd: plots.pictures(PICTURES[:2], odd, title="t"),
    "pictures, title": lambda odd: plots.pictures(PICTURES[:1], ["a"], title=odd),
    "pictures, columns": lambda odd: plots.pictures(PICTURES[:1], ["a"], title="t", columns=odd),
    "channels": lambda odd: plots.channels(odd),
    "histogram": lambda odd: plots.histogram(odd, title="t", xlabel="x"),
    "histogram, words": lambda odd: plots.histogram(PICTURES, title=odd, xlabel=odd),
    "calibration, report": lambda odd: plots.calibration(odd),
    "calibration, bins": lambda odd: plots.calibration(REPORT, odd),
    "heat, image": lambda odd: plots.heat(odd, torch.eye(2), title="t", label="x"),
    "heat, values": lambda odd: plots.heat(PICTURE, odd, title="t", label="x"),
    "heat, words": lambda odd: plots.heat(PICTURE, torch.eye(2), title=odd, label=odd),
    "filters": lambda odd: plots.filters(odd, title="t"),
    "filters, title": lambda odd: plots.filters(torch.ones(2, 3, 4, 4), title=odd),
    "filters, columns": lambda odd: plots.filters(torch.ones(2, 3, 4, 4), title="t", columns=odd),
    "activation_maps, image": lambda odd: plots.activation_maps(odd, {"a": PICTURE, "b": PICTURE}),
    "activation_maps, maps": lambda odd: plots.activation_maps(PICTURE, odd),
    "activation_maps, a map": lambda odd: plots.activation_maps(PICTURE, {"a": odd, "b": PICTURE}),
    "activation_maps, n": lambda odd: plots.activation_maps(PICTURE, {"a": PICTURE}, odd),
    "class_bars, values": lambda odd: plots.class_bars(odd, ["a", "b"], title="t", xlabel="x"),
    "class_bars, classes": lambda odd: plots.class_bars(torch.ones(2), odd, title="t", xlabel="x"),
    "class_bars, words": lambda odd: plots.class_bars([1, 2], ["a", "b"], title=odd, xlabel=odd),
    "bars": lambda odd: plots.bars(odd, **WORDS),
    "bars, a value": lambda odd: plots.bars({"a": odd}, **WORDS),
    "bars, line": lambda odd: plots.bars({"a": 1.0}, line=odd, **WORDS),
    "bars, the place of the line": lambda odd: plots.bars({"a": 1.0}, line=("l", odd), **WORDS),
    "bars, words": lambda odd: plots.bars({"a": 1.0}, title=odd, xlabel=odd, ylabel=odd),
    "curves": lambda odd: plots.curves(odd, **WORDS),
    "curves, words": lambda odd: plots.curves({"a": [1.0]}, title=odd, xlabel=odd, ylabel=odd),
    "curves, a series": lambda odd: plots.curves({"a": odd}, **WORDS),
    "curves, x": lambda odd: plots.curves({"a": [1.0, 2.0]}, x=odd, **WORDS),
    "scatter, points": lambda odd: plots.scatter(odd, [0, 1], ["a", "b"], title="t"),
    "scatter, labels": lambda odd: plots.scatter(torch.ones(2, 2), odd, ["a", "b"], title="t"),
    "scatter, classes": lambda odd: plots.scatter(torch.ones(2, 2), [0, 1], odd, title="t"),
    "scatter, title": lambda odd: plots.scatter(torch.eye(2), [0, 1], ["a", "b"], title=odd),
    "bands, words": lambda odd: plots.bands(
        {"a": [[1.0]]}, x=[1], title=odd, xlabel=odd, ylabel=odd
    ),
    "bands": lambda odd: plots.bands(odd, x=(1, 2), **WORDS),
    "bands, a series": lambda odd: plots.bands({"a": odd}, x=(1, 2), **WORDS),
    "bands, x": lambda odd: plots.bands({"a": [[1.0], [2.0]]}, x=odd, **WORDS),
    "tradeoff, words": lambda odd: plots.tradeoff(
        {"a": (1, 0.5, 0.4, 0.6)}, title=odd, xlabel=odd, ylabel=odd
    ),
    "tradeoff": lambda odd: plots.tradeoff(odd, **WORDS),
    "tradeoff, a point": lambda odd: plots.tradeoff({"a": odd}, **WORDS),
    "pairs, words": lambda odd: plots.pairs(
        {"a": (0.1, 0.2)}, ("a", "b"), title=odd, xlabel=odd, ylabel=odd
    ),
    "pairs": lambda odd: plots.pairs(odd, ("a", "b"), **WORDS),
    "pairs, a pair": lambda odd: plots.pairs({"a": odd}, ("a", "b"), **WORDS),
    "pairs, names": lambda odd: plots.pairs({"a": (0.1, 0.2)}, odd, **WORDS),
    "pairs, line": lambda odd: plots.pairs({"a": (0.1, 0.2)}, ("a", "b"), line=odd, **WORDS),
    "Table, columns": lambda odd: Table("t", odd, (("1", "2"),)),
    "Table, rows": lambda odd: Table("t", ("a", "b"), odd),
    "Table, a row": lambda odd: Table("t", ("a", "b"), (odd,)),
    "Table, title": lambda odd: repr(Table(odd, ("a", "b"), ())),
    "report.write, lesson": lambda odd: lesson_report.write(odd),
    "report.figures": lambda odd: lesson_report.figures(odd),
}


def training(loss, accuracy=0.5):
    return TrainingTrace((Epoch(1, loss, accuracy, None, ""),) * 2, Recipe(), 0.1)


def prediction(value, classes=("a", "b"), label="a"):
    layers = (PICTURE, torch.ones(3), torch.ones(2), value)
    return trace.PredictionTrace(
        tuple(trace.Layer("layer", one, "") for one in layers), classes, label, label
    )


def outcome(call, value):
    """Return "works", or the error in words; the name of any other error."""
    try:
        call(value)
    except FeatlibError as error:
        return str(error)
    except Exception as error:
        return repr(error)
    return "works"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("error")
def test_it_works_or_the_error_says_what_would_fit(call):
    said = {name: outcome(CALLS[call], odd) for name, odd in (ODD | UNSHOWABLE).items()}
    whole = re.compile(r"works|[\w. ,]+: wanted .+, got .+\. .+[.?]")
    assert {name: words for name, words in said.items() if not whole.fullmatch(words)} == {}


HELPS = {
    "captions of another number": (
        lambda: plots.pictures(PICTURES[:3], ["a", "b"], title="t"),
        "wanted titles, 3 texts, got 2. Give exactly 3",
    ),
    "one text for the captions": (
        lambda: plots.pictures(PICTURES[:3], "abc", title="t"),
        "got str 'abc'. Put the texts into a list",
    ),
    "one image for several": (
        lambda: plots.pictures(PICTURE, ["a"], title="t"),
        r"Put them into a list: \[image\]",
    ),
    "a batch for an image": (
        lambda: plots.channels(PICTURES),
        r"Pass one image of the batch: images\[0\]",
    ),
    "floats above 1": (
        lambda: plots.channels(PICTURE + 0.5 + 200),
        "got values from 200 to 200. Divide by 255",
    ),
    "an image on meta": (lambda: plots.channels(PICTURE.to("meta")), "make it on 'cpu'"),
    "fewer places than numbers": (
        lambda: plots.curves({"a": [1.0, 2.0, 3.0]}, x=np.arange(2), **WORDS),
        "wanted x as 3 places, one for each number, got 2",
    ),
    "a place for a logarithm at 0": (
        lambda: plots.bands({"a": [[1.0], [2.0]]}, x=(0, 1), **WORDS),
        "wanted x above 0, for a logarithmic scale, got 0",
    ),
    "a cost of 0": (
        lambda: plots.tradeoff({"a": (0, 0.5, 0.4, 0.6)}, **WORDS),
        "the cost of 'a' as a number above 0",
    ),
    "a gain outside of its interval": (
        lambda: plots.tradeoff({"a": (1, 0.5, 0.6, 0.7)}, **WORDS),
        "Give cost, gain, lower end, upper end",
    ),
    "NaN among the bars": (
        lambda: plots.bars({"a": 1.0, "b": float("nan")}, **WORDS),
        "got 1 of 2 that are NaN, infinite or beyond 1e\\+30",
    ),
    "features of many images": (
        lambda: plots.feature_map(torch.ones(5, 512)),
        r"got float32 tensor 5×512. Pass a part of it: features\[0\]",
    ),
    "images for filters, channels last": (
        lambda: plots.filters(torch.ones(2, 4, 5, 3), title="t"),
        r"weight.permute\(0, 3, 1, 2\)",
    ),
    "too many filters": (
        lambda: plots.filters(torch.ones(1, 3, 1, 1).expand(1000, 3, 1, 1), title="t"),
        r"weight\[:512, :, :64, :64\]",
    ),
    "a class number that there is not": (
        lambda: plots.scatter(torch.ones(2, 2), [0, 2], ["a", "b"], title="t"),
        "whole numbers from 0 to 1, got labels from 0 to 2",
    ),
    "a report of other images": (
        lambda: plots.mistakes(
            validation.evaluate(
                torch.nn.Identity(), torch.eye(2).repeat(9, 1), torch.zeros(18).long(), ["a", "b"]
            ),
            OWN,
        ),
        "Pass the images that the report was made of",
    ),
    "a training without epochs": (
        lambda: plots.loss_curve(TrainingTrace((), Recipe(), 0.1)),
        "wanted loss, E numbers in a row, got list",
    ),
    "a prediction of one layer": (
        lambda: plots.prediction_trace(trace.PredictionTrace((), ("a", "b"), "a")),
        "wanted a prediction of four layers, got 0",
    ),
}


@pytest.mark.parametrize("case", HELPS)
def test_the_advice_fits_what_was_given(case):
    draw, said = HELPS[case]
    with pytest.raises(FeatlibError, match=said):
        draw()


SAME = {
    "an array": PICTURE.numpy(),
    "channels last": PICTURE.permute(1, 2, 0),
    "gray": PICTURE[0],
    "one channel": PICTURE[:1],
    "a picture of Pillow": Image.new("RGB", (4, 4)),
    "a read-only array": np.broadcast_to(np.uint8(0), (3, 4, 4)),
}


@pytest.mark.parametrize("case", SAME)
def test_what_can_only_mean_one_image_is_drawn_as_that(case):
    drawn = plots.channels(SAME[case]).axes[0].images[0].get_array()
    assert np.array_equal(drawn, PICTURE.permute(1, 2, 0))


# Several troubles in one name: each name is drawn in fifteen figures.
NAMES = ["\ud800half\n\x1b[2Jred\x07 家", r"$x^2$ $\nonsense{$", "x" * 3000]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.filterwarnings("ignore:Glyph", "ignore:constrained_layout")
def test_any_name_and_title_can_be_drawn(name):
    words = {"title": name, "xlabel": name}
    by_name = words | {"ylabel": name}
    report = validation.evaluate(
        torch.nn.Identity(), torch.eye(2), torch.tensor([1, 0]), ["b", name]
    )
    for figure in (
        plots.bars({name: 1.0}, line=(name, 1), **by_name),
        plots.curves({name: [1.0]}, **by_name),
        plots.bands({name: [[1.0]]}, x=[1], **by_name),
        plots.tradeoff({name: (1, 0.5, 0.4, 0.6)}, **by_name),
        plots.pairs({name: (0.1, 0.2)}, (name, "b"), **by_name),
        plots.scatter(torch.eye(2), [0, 1], [name, "b"], title=name),
        plots.class_bars([0.1, 0.2], [name, "b"], **words),
        plots.pictures([PICTURE], [name], title=name),
        plots.histogram(PICTURES, **words),
        plots.heat(PICTURE, torch.eye(2), title=name, label=name),
        plots.filters(torch.ones(2, 3, 4, 4), title=name),
        plots.activation_maps(PICTURE, {name: PICTURE}, 1),
        plots.confusion_matrix(report),
        plots.image_grid(images.from_arrays(PICTURES, torch.arange(6) % 2, ["b", name]), 2),
        plots.prediction_trace(prediction(torch.ones(2), ("b", name), name)),
    ):
        assert figure.png(dpi=20).startswith(b"\x89PNG")
        assert figure.alt.encode()
        assert figure.alt.isprintable()
        texts = [text.get_text() for text in figure.findobj(Text)]
        assert all(len(text) <= 280 for text in texts)
        assert all(text.replace("\n", "").isprintable() for text in texts)


def test_a_dollar_is_a_dollar_in_axes_of_ones_own():
    figure = MatplotlibFigure()
    ax = figure.subplots()
    plots.bars({r"$\nonsense{$": 1.0}, title=r"$\no{$", xlabel=r"$\no{$", ylabel="$x", ax=ax)
    figure.savefig(io.BytesIO(), dpi=20)


def test_names_that_differ_in_their_middle_stay_apart():
    figure = plots.bars({f"{'a' * 40}{k}{'b' * 40}": float(k) for k in range(3)}, **WORDS)
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert [name.split("…")[0] for name in names] == [f"{k} {'a' * 20}" for k in (1, 2, 3)]
