"""The lesson's report: one HTML page that stands alone, its figures, and all numbers as JSON."""

import base64
import json
from pathlib import Path

import numpy as np
from markupsafe import Markup

from featlib import checks, plots, trace
from featlib.lesson import Lesson
from featlib.pages.rendering import render
from featlib.plots.figures import MOST_CONFUSED
from featlib.tables import Table

__all__ = ["figures", "write"]


def figures(lesson: Lesson) -> dict[str, plots.Figure]:
    """Draw the figures of a lesson.

    Parameters
    ----------
    lesson : featlib.lesson.Lesson
        A finished run.

    Returns
    -------
    dict of str to featlib.plots.Figure
        By file name without ending, in the order of the report.

    Raises
    ------
    featlib.FeatlibError
        If it is no lesson.
    """
    _check(lesson, "lesson_report.figures")
    comparison = {"comparison": _comparison(lesson)} if lesson.baselines else {}
    prediction = lesson.predict(lesson.example())
    return {
        "strategy": plots.strategy(prediction),
        "images": plots.image_grid(lesson.images),
        **comparison,
        "training_trace": plots.training_trace(lesson.training),
        "confusion_matrix": plots.confusion_matrix(lesson.report),
        "mistakes": plots.mistakes(lesson.report, lesson.images),
        "prediction_trace": plots.prediction_trace(prediction),
    }


def _comparison(lesson: Lesson) -> plots.Figure:
    return plots.bars(
        lesson.accuracies(),
        title="The same linear layer on three inputs",
        xlabel="validation accuracy (share right)",
        ylabel="input",
        line=("guessing", 1 / len(lesson.images.classes)),
    )


def write(lesson: Lesson, folder: str | Path = "lesson-report") -> Path:
    """Write each figure as a PNG, all numbers as ``report.json``, then the page, ``index.html``.

    The size of the page and of its figures is bounded: of many classes and files it shows some, and
    says how many more are in ``report.json``. All files are complete on the disk before the first
    gets its name, and the page, which holds its figures itself, gets its name last.

    Parameters
    ----------
    lesson : featlib.lesson.Lesson
        A finished run.
    folder : str or pathlib.Path
        Made if there is none; files of an earlier report in it are replaced.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    featlib.FeatlibError
        If it is no lesson, or the folder cannot be written. An earlier report is then as it was.
    """
    where, fix = "lesson_report.write", "Choose another folder."
    _check(lesson, where)
    folder = checks.output_folder(folder, where, "the report")
    drawn = {name: (figure.png(dpi=120), figure.alt) for name, figure in figures(lesson).items()}
    files = {folder / f"{name}.png": png for name, (png, _) in drawn.items()}
    files[folder / "report.json"] = json.dumps(lesson.to_dict()).encode()
    files[folder / "index.html"] = _html(lesson, drawn).encode(errors="backslashreplace")
    return checks.write_files(files, where, fix)


def _check(lesson: object, where: str) -> None:
    wanted, fix = "a finished lesson", "Pass what lesson.run returns."
    checks.instance(lesson, Lesson, where, wanted, fix)


def _confused_pairs(lesson: Lesson, n: int = 15) -> Table:
    """Return the most frequent mistakes as a table."""
    report = lesson.report
    wrong = report.confusion - np.diag(np.diag(report.confusion))
    truths, said = np.nonzero(wrong)
    order = np.argsort(-wrong[truths, said], kind="stable")
    rows = [
        (report.classes[truths[k]], report.classes[said[k]], str(wrong[truths[k], said[k]]))
        for k in order[:n]
    ]
    title = "The most frequent mistakes"
    if len(order) > n:
        title += f" ({n} of {len(order):,} pairs of classes; all are in report.json)"
    return Table(title, ("truth", "what the head says", ">times"), tuple(rows))


def _html(lesson: Lesson, drawn: dict[str, tuple[bytes, str]]) -> str:
    """Return the page; `drawn` holds each figure as a PNG, and its alternative text."""
    return render(
        "lesson_report.html.j2",
        lesson=lesson,
        report=lesson.report,
        images=lesson.images,
        raw=next(iter(lesson.baselines), None),
        data_flow=_markup(trace.data_flow_table(lesson.data_flow)),
        # A whole confusion matrix says it already.
        confused=_markup(_confused_pairs(lesson))
        if len(lesson.images.classes) > MOST_CONFUSED
        else "",
        training=_markup(trace.training_table(lesson.training)),
        prediction=_markup(lesson.predict(lesson.example()).table()),
        figures={name: (base64.b64encode(png).decode(), alt) for name, (png, alt) in drawn.items()},
    )


def _markup(table: Table) -> Markup:
    # Table escapes its cells itself.
    return Markup(table._repr_html_())
