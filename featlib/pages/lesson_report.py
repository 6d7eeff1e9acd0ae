"""The lesson's report: one HTML page that stands alone, and its figures."""

import base64
from pathlib import Path

from markupsafe import Markup

from featlib import plots, trace
from featlib.lesson import Lesson
from featlib.pages.rendering import render, write_file, write_page
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
    """
    comparison = {"comparison": _comparison(lesson)} if lesson.baselines else {}
    return {
        "images": plots.image_grid(lesson.images),
        **comparison,
        "training_trace": plots.training_trace(lesson.training),
        "confusion_matrix": plots.confusion_matrix(lesson.report),
        "mistakes": plots.mistakes(lesson.report, lesson.images),
        "prediction_trace": plots.prediction_trace(lesson.predict(lesson.example())),
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
    """Write each figure as a PNG, then ``index.html`` with everything in it.

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
        If the folder cannot be written. No file is then left half written, and there is no new
        page: it comes last.
    """
    folder = Path(folder).expanduser()
    drawn = {name: (figure.png(dpi=120), figure.alt) for name, figure in figures(lesson).items()}
    where, fix = "lesson_report.write", "Choose another folder."
    page = _html(lesson, drawn)
    for name, (png, _) in drawn.items():
        write_file(png, folder / f"{name}.png", where, fix)
    return write_page(page, folder / "index.html", where, fix)


def _html(lesson: Lesson, drawn: dict[str, tuple[bytes, str]]) -> str:
    """Return the page; `drawn` holds each figure as a PNG, and its alternative text."""
    return render(
        "lesson_report.html.j2",
        lesson=lesson,
        report=lesson.report,
        images=lesson.images,
        raw=next(iter(lesson.baselines), None),
        data_flow=_markup(trace.data_flow_table(lesson.data_flow)),
        training=_markup(trace.training_table(lesson.training)),
        prediction=_markup(lesson.predict(lesson.example()).table()),
        figures={name: (base64.b64encode(png).decode(), alt) for name, (png, alt) in drawn.items()},
    )


def _markup(table: Table) -> Markup:
    # Table escapes its cells itself.
    return Markup(table._repr_html_())
