"""Predictions as lines: text for people, JSON lines or CSV for programs."""

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence

from featlib import checks
from featlib.engine.csv_text import safe_cell
from featlib.engine.words import printable, readable
from featlib.model.classifier import Prediction

__all__ = ["FORMS", "write_lines"]

FORMS = ("text", "json", "csv")

_Best = list[tuple[str, float]]  # names of classes and their probabilities, the highest first


def write_lines(
    predictions: Iterable[Prediction], classes: Sequence[str], form: str = "text", top: int = 3
) -> Iterator[str]:
    """Yield a line for each prediction as it comes; those of files that cannot be read come last.

    What waits for the end lies in a temporary file, so that memory stays bounded.

    Parameters
    ----------
    predictions : iterable of featlib.model.classifier.Prediction
        From `Classifier.stream`.
    classes : sequence of str
        The name of each class number, C of them.
    form : {"text", "json", "csv"}
        ``"json"``: an object a line, with ``picture``, ``label`` and ``probabilities``, or with
        ``picture`` and ``error``. ``"csv"``: a heading, then a row a picture; the last column is
        ``error``.
    top : int
        How many classes are named, the most probable first; C at most.

    Yields
    ------
    str
        A line without its end. Nothing in it is obeyed by a terminal, or computed by a spreadsheet.

    Raises
    ------
    featlib.FeatlibError
        If the form is unknown, or `top` is below 1.
    """
    checks.one_of(form, "write_lines", "form", FORMS)
    top = min(checks.whole_number(top, "write_lines", "top"), len(classes))
    write = {"text": _text, "json": _json, "csv": _csv}[form]
    if form == "csv":
        yield _row(["picture", *_columns(top), "error"])
    with tempfile.TemporaryFile("w+", encoding="utf-8") as unreadable:
        for prediction in predictions:
            name = readable(prediction.file)
            if prediction.probabilities is None:
                unreadable.write(write(name, [], prediction.reason, top) + "\n")
                continue
            found = prediction.probabilities.topk(top)
            best = [
                (classes[int(k)], float(p))
                for k, p in zip(found.indices.tolist(), found.values.tolist(), strict=True)
            ]
            yield write(name, best, "", top)
        unreadable.seek(0)
        yield from (line.rstrip("\n") for line in unreadable)


def _text(name: str, best: _Best, reason: str, top: int) -> str:
    if reason:
        return printable(f"unreadable {name}: {reason}")
    return printable(f"{name}: {', '.join(f'{label} {p:.3f}' for label, p in best)}")


def _json(name: str, best: _Best, reason: str, top: int) -> str:
    facts = {"label": best[0][0], "probabilities": dict(best)} if best else {"error": reason}
    # Of what a terminal obeys, JSON leaves one character as it is.
    return json.dumps({"picture": name} | facts).replace("\x7f", "\\u007f")


def _csv(name: str, best: _Best, reason: str, top: int) -> str:
    cells = [cell for label, p in best for cell in (_cell(label), f"{p:.7f}")]
    return _row([_cell(name), *(cells or [""] * 2 * top), _cell(reason)])


def _columns(top: int) -> list[str]:
    return [f"{what}_{k}" for k in range(1, top + 1) for what in ("class", "probability")]


def _cell(text: str) -> str:
    return safe_cell(printable(text))


def _row(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
