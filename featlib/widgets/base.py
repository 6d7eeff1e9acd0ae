"""What all widgets share: their files, the one trait they show, and a form without a kernel."""

from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent


def script(name):
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
    parts = (HERE / file for file in ("dom.js", f"{name}.js"))
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)


class Widget(anywidget.AnyWidget):
    """A widget whose front end draws `view` and reports by messages what a person does.

    Attributes
    ----------
    view : dict
        What the front end shows.
    """

    _css = HERE / "style.css"
    view = traitlets.Dict().tag(sync=True)

    def plain(self):
        """Return the widget as text and as HTML, for where no kernel runs.

        Returns
        -------
        text, html : str
        """
        raise NotImplementedError

    def _repr_mimebundle_(self, **options):
        shown = super()._repr_mimebundle_(**options)
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        text, html = self.plain()
        return data | {"text/plain": text, "text/html": html}, metadata
