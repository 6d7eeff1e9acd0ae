"""The front ends' files: one stylesheet for all, and what every script begins with."""

from pathlib import Path

HERE = Path(__file__).parent
STYLE = HERE / "style.css"


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
