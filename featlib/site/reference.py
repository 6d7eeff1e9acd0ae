"""The pages of the reference: one for each public module, from its docstrings."""

import ast
import re
from pathlib import Path

from featlib.engine.paths import PACKAGE

__all__ = ["GROUPS", "modules", "pages"]

GROUPS = {
    "The five stages": (
        "images", "preprocess", "backbone", "weights", "features", "head", "validation",
    ),
    "The lesson": ("lesson", "trace", "explain", "costs", "tables", "checks"),
    "Figures": ("plots",),
    "Quizzes": ("quiz", "variants"),
    "In a notebook": ("widgets", "exercises"),
    "A model to take away": ("model",),
    "Many pictures": ("scale",),
    "Pages and slides": ("pages", "web", "site"),
    "On this machine": ("doctor", "workspace", "cli"),
}  # fmt: skip
"""The modules and subpackages, in the order of the reference."""

_HEAD = "```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"


def modules() -> dict[str, Path]:
    """Return the modules that have a page.

    Returns
    -------
    dict of str to pathlib.Path
        The file of each by its full name, in the order of `GROUPS`. A subpackage whose
        ``__init__.py`` lists names has one page; of another, each module has one.
    """
    found = {}
    for name in (name for group in GROUPS.values() for name in group):
        if (PACKAGE / f"{name}.py").is_file():
            found[f"featlib.{name}"] = PACKAGE / f"{name}.py"
        elif _is_face(PACKAGE / name / "__init__.py"):
            found[f"featlib.{name}"] = PACKAGE / name / "__init__.py"
        else:
            files = sorted((PACKAGE / name).glob("*.py"))
            named = (file for file in files if file.stem != "__init__" and _lists_names(file))
            found |= {f"featlib.{name}.{file.stem}": file for file in named}
    return found


def pages() -> dict[str, str]:
    """Return the pages of the reference, in Markdown.

    Returns
    -------
    dict of str to str
        By the name of the file, such as ``"api/featlib.images.md"``; the first is the list of all.
    """
    files = modules()
    parts = ["# Reference\n\nEvery public module, from its own words.\n"]
    for title, group in GROUPS.items():
        parts.append(f"## {title}\n")
        inside = [name for name in files if name.split(".")[1] in group]
        parts += [f"- [`{name}`]({name}.md): {_first_line(files[name])}" for name in inside]
        parts.append("")
    names = "\n".join(files)
    parts.append(f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{names}\n```\n")
    found = {"api/index.md": "\n".join(parts)}
    for name in files:
        found[f"api/{name}.md"] = f"# {name}\n\n{_HEAD.format(name=name)}"
    return found


def _lists_names(file: Path) -> bool:
    return bool(re.search(r"^__all__", file.read_text(encoding="utf-8"), re.MULTILINE))


def _is_face(file: Path) -> bool:
    """Whether a subpackage's own file lists more than its modules: one page shows all of it."""
    found = re.search(r"^__all__ = \[(.*?)\]", file.read_text(encoding="utf-8"), re.M | re.S)
    listed = re.findall(r'"(\w+)"', found[1]) if found else []
    return any(not (file.parent / f"{name}.py").is_file() for name in listed)


def _first_line(file: Path) -> str:
    doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = re.split(r"\n\n|(?<=\.)\s", doc, maxsplit=1)[0]
    return " ".join(first.split())
