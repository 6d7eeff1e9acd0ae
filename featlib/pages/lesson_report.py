"""The lesson's report: one HTML page that stands alone, and its figures."""

import base64
from pathlib import Path

from markupsafe import Markup

from featlib import checks, plots, trace
from featlib.pages.rendering import render, write_page


def figures(lesson):
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
    return {
        "images": plots.image_grid(lesson.images),
        "comparison": plots.bars(
            lesson.accuracies(),
            title="The same linear layer on three inputs",
            xlabel="validation accuracy (share right)",
            ylabel="input",
            line=("guessing", 1 / len(lesson.images.classes)),
        ),
        "training_trace": plots.training_trace(lesson.training),
        "confusion_matrix": plots.confusion_matrix(lesson.report),
        "mistakes": plots.mistakes(lesson.report, lesson.images),
        "prediction_trace": plots.prediction_trace(lesson.predict(lesson.example())),
    }


def write(lesson, folder="lesson-report"):
    """Write ``index.html`` with everything in it, and each figure as a PNG.

    Parameters
    ----------
    lesson : featlib.lesson.Lesson
        A finished run.
    folder : str or pathlib.Path
        Made if need be; files of an earlier report in it are replaced.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    featlib.FeatlibError
        If the folder cannot be written.
    """
    folder = Path(folder).expanduser()
    drawn = {name: (figure.png(dpi=120), figure.alt) for name, figure in figures(lesson).items()}
    where, fix = "lesson_report.write", "Choose another folder."
    page = write_page(_html(lesson, drawn), folder / "index.html", where, fix)
    try:
        for name, (png, _) in drawn.items():
            (folder / f"{name}.png").write_bytes(png)
    except OSError as error:
        checks.refuse(where, f"to write figures into '{folder}'", str(error), fix)
    return page


def _html(lesson, drawn):
    sources = {name: base64.b64encode(png).decode() for name, (png, _) in drawn.items()}
    return render(
        "lesson_report.html.j2",
        lesson=lesson,
        report=lesson.report,
        images=lesson.images,
        raw=lesson.baselines[0],
        untrained=lesson.baselines[1],
        data_flow=_markup(trace.data_flow_table(lesson.data_flow)),
        training=_markup(trace.training_table(lesson.training)),
        prediction=_markup(lesson.predict(lesson.example()).table()),
        figures={name: (source, drawn[name][1]) for name, source in sources.items()},
    )


def _markup(table):
    # Table escapes its cells itself.
    return Markup(table._repr_html_())
