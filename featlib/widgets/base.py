"""What all widgets share: their files, the one trait they show, and a form without a kernel."""

from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["Widget", "script"]

_HERE = Path(__file__).parent


def script(name: str) -> str:
    """Return a widget's ES module, with the helper `element` at its beginning.

    Parameters
    ----------
    name : str
        Such as ``"quiz"``.

    Returns
    -------
    str
        A widget is one module without imports, so that it works offline and without a build step.
    """
    parts = (_HERE / file for file in ("dom.js", f"{name}.js"))
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)


class Widget(anywidget.AnyWidget):
    """A widget whose front end draws `view` and reports by messages what a person does.

    A message may carry a mark, `sent`, by which the front end knows the reply to it.

    Attributes
    ----------
    view : dict
        What the front end shows.
    """

    _css = _HERE / "style.css"
    view = traitlets.Dict().tag(sync=True)

    def plain(self) -> tuple[str, str]:
        """Return the widget as text and as HTML, for where no kernel runs.

        Returns
        -------
        text, html : str
        """
        raise NotImplementedError

    def machine_readable(self) -> dict[str, dict[str, Any]]:
        """Return what programs read out of a stored output, such as the questions of a quiz.

        Returns
        -------
        dict of str to dict
            JSON by its MIME type; empty where there is nothing to read.
        """
        return {}

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        shown = super()._repr_mimebundle_(**options) or {}
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        text, html = self.plain()
        return data | {"text/plain": text, "text/html": html} | self.machine_readable(), metadata
