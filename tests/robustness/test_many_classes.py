"""Many classes: what is drawn, written and said stays as small as it is for some."""

import json
import re

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from featlib import cli, head, images, lesson, plots, trace, validation, weights
from featlib.pages import lesson_report


def finished(n):
    """Return a lesson on n classes of three pictures each; half of them look alike."""
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (3 * n, 3, 8, 8), dtype=torch.uint8, generator=random)
    names = [f"a kind of animal that has a very long name, number {k}" for k in range(n)]
    own = images.from_arrays(pixels, torch.arange(3 * n) % n, names, validation=0.4)
    rows = torch.randn(3 * n, 512, generator=random)
    rows[:, : n // 2] += 6 * torch.eye(n, n // 2)[own.labels]
    layer, training = head.train(rows[own.train], own.labels[own.train], n, epochs=2)
    held_out = own.validation
    report = validation.evaluate(layer, rows[held_out], own.labels[held_out], own.classes)
    shape = tuple(rows.shape)
    flow = (trace.Stage(3, "extraction", own.pixels.shape, "f", "", shape, "f", "", 0.1),)
    network = weights.read_weights("untrained")
    return lesson.Lesson(own, network, rows, layer, training, report, flow, (), False, 1.0)


@pytest.fixture(scope="module")
def many():
    return finished(400)


@pytest.fixture(scope="module")
def figures(many):
    return lesson_report.figures(many)


def test_figures_are_as_large_for_400_classes_as_for_100(figures):
    smaller = lesson_report.figures(finished(100))
    for name, figure in figures.items():
        assert figure.get_size_inches().tolist() == smaller[name].get_size_inches().tolist()
        assert max(figure.get_size_inches()) < 20, name
        assert len(figure.alt) < 1600, name


def test_the_confusion_matrix_shows_the_classes_that_are_confused_most(many, figures):
    ax = figures["confusion_matrix"].axes[0]
    counts = many.report.confusion
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    shown = [int(re.search(r"\d+$", name)[0]) for name in names]
    assert len(shown) == 30
    assert np.array_equal(ax.images[0].get_array(), counts[np.ix_(shown, shown)])
    wrong = counts - np.diag(np.diag(counts))
    truth, said = np.argwhere(wrong == wrong.max())[0]
    assert {truth, said} <= set(shown)
    inside = wrong[np.ix_(shown, shown)].sum()
    title = f"30 of 400 classes, those confused most: {inside} of {wrong.sum()} mistakes"
    assert title in ax.get_title("left")
    assert f": {inside} of {wrong.sum()} mistakes" in figures["confusion_matrix"].alt


def test_a_confusion_matrix_without_mistakes_shows_the_first_classes():
    names = [f"class {k}" for k in range(40)]
    report = validation.evaluate(torch.nn.Identity(), torch.eye(40), torch.arange(40), names)
    figure = plots.confusion_matrix(report)
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == names[:30]
    assert "30 of 40 classes; no mistakes" in figure.alt


def test_the_grid_of_images_says_how_many_classes_are_not_there(many, figures):
    ax = figures["images"].axes[0]
    assert ax.images[0].get_array().shape == (20 * 8, 10 * 8, 3)
    assert "400 classes, the first 20 of them here" in ax.get_title("left")
    assert figures["images"].alt.endswith("and 380 more.")


def test_both_charts_of_a_prediction_show_the_same_20_classes(many, figures):
    prediction = many.predict(many.example())
    _, _, logits, softmax = figures["prediction_trace"].axes[:4]
    for ax, layer in ((logits, prediction.layers[2]), (softmax, prediction.layers[3])):
        highest = layer.values.sort(descending=True).values[:20]
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(highest.tolist())
    assert logits.get_ylabel() == "class (the 20 highest of 400)"
    first = logits.get_yticklabels()[0].get_text()
    assert first.split("…")[-1] in prediction.label


def test_bars_show_the_highest_and_say_so():
    values = {f"class {k}": float(k % 50) for k in range(100)}
    figure = plots.bars(values, title="Recall", xlabel="share", ylabel="class")
    assert [bar.get_width() for bar in figure.axes[0].patches] == sorted(values.values())[:-31:-1]
    assert figure.axes[0].get_title("left") == "Recall (the 30 highest of 100)"
    chart = plots.class_bars(
        torch.arange(100.0), list(values), title="Softmax", xlabel="probability"
    )
    assert chart.axes[0].get_title("left") == "Softmax: 20 of 100 classes"
    assert [bar.get_width() for bar in chart.axes[0].patches] == list(range(99, 79, -1))


@pytest.mark.parametrize(("n", "named"), [(10, 10), (14, 14), (20, 20), (400, 20)])
def test_each_class_of_a_scatter_has_a_look_of_its_own(n, named):
    labels = torch.arange(3 * n) % n
    figure = plots.scatter(torch.randn(3 * n, 2), labels, [f"c{k}" for k in range(n)], title="PCA")
    drawn = figure.axes[0].collections
    looks = {
        (to_hex(points.get_facecolor()[0]), len(points.get_paths()[0].vertices),
         points.get_paths()[0].vertices.round(3).tobytes())
        for points in drawn
    }  # fmt: skip
    assert len(looks) == len(drawn) == named + (n > named)
    assert sum(len(points.get_offsets()) for points in drawn) == 3 * n
    assert (n > named) == (drawn[0].get_label() == f"{n - 20} other classes")


@pytest.mark.usefixtures("undrawn")
def test_the_page_is_small_and_all_numbers_are_beside_it(many, tmp_path):
    page = lesson_report.write(many, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert len(text) < 30_000, "without its figures"
    wrong = many.report.confusion - np.diag(np.diag(many.report.confusion))
    pairs = f"15 of {(wrong > 0).sum()} pairs of classes; all are in report.json"
    assert pairs in text
    facts = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert len(facts["validation"]["classes"]) == len(facts["prediction"]["probabilities"]) == 400


def test_the_terminal_shows_as_many_lines_as_for_two_classes(many, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    cli._show(many)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 70
    assert max(map(len, lines)) <= 80
