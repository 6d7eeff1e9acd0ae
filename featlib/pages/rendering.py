"""How a page is made of a template, and written."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from featlib import checks
from featlib.engine.files import atomic_write
from featlib.quiz.html import rich

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """Fill a template; what is put into it is escaped, unless it is Markup.

    Parameters
    ----------
    template : str
        A file in ``templates``.
    **values : object
        What the template names.

    Returns
    -------
    str
        The page.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # What quiz files say is rendered and sanitized; what learners typed is escaped.
    environment.filters["rich"] = lambda text, format: Markup(rich(text, format))
    return environment.get_template(template).render(**values)


def write_page(text: str, path: str | Path, where: str, fix: str) -> Path:
    """Write a page, whole or not at all.

    Parameters
    ----------
    text : str
        The page.
    path : str or pathlib.Path
        The file; its folder is made if need be.
    where, fix : str
        For the message if it cannot be written: who asks, and what can be done.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    featlib.FeatlibError
        If it cannot be written.
    """
    path = Path(path).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(text.encode())
    except OSError as error:
        checks.refuse(where, f"to write '{path}'", str(error), fix)
    return path
