"""How a page is made of a template, and written."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from featlib import checks
from featlib.quiz.html import rich

__all__ = ["TEMPLATES", "json_script", "render", "write_page"]

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """Fill a template; what is put into it is escaped, unless it is Markup.

    Parameters
    ----------
    template : str
        The name of a file in ``templates``.
    **values : object
        A value for each name in the template.

    Returns
    -------
    str
        The page.

    Raises
    ------
    jinja2.UndefinedError
        If the template needs a value that is missing.
    jinja2.TemplateNotFound
        If there is no such file.
    """
    return _environment().get_template(template).render(**values)


def json_script(value: object) -> str:
    r"""Return JSON that can stand in a ``<script>``: nothing in it ends one.

    Parameters
    ----------
    value : object
        What JSON has a form for.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is a number in it that JSON has no form for.

    Examples
    --------
    >>> json_script(["</script>"])
    '["\\u003c/script>"]'
    """
    return json.dumps(value, allow_nan=False).replace("<", r"\u003c")


def write_page(text: str, path: str | Path, where: str, fix: str) -> Path:
    """Write a page as UTF-8, whole or not at all.

    Parameters
    ----------
    text : str
        The page. Half characters, such as in names of files that are not UTF-8, are written out.
    path : str or pathlib.Path
        The file; its folder is made if there is none.
    where, fix : str
        For the message if it cannot be written: the function that asks, and what the reader can do.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    featlib.FeatlibError
        If it cannot be written; a file that was there before is unchanged.
    """
    path = checks.path(path, where, "the page")
    return checks.write_files({path: text.encode(errors="backslashreplace")}, where, fix)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["rich"] = _rich
    return environment


def _rich(text: str, format: str) -> Markup:
    # Markdown of quiz files is rendered and sanitized; plain text, as learners type it, is escaped.
    return Markup(rich(text, format))
