"""Formulas as MathML: a renderer for Sphinx, so that a page needs no script for them."""

from typing import TYPE_CHECKING

from docutils import nodes

from featlib.quiz.html import mathml

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

__all__ = ["NAME", "setup"]

NAME = "mathml"


def setup(app: "Sphinx") -> dict[str, bool]:
    """Tell Sphinx of the renderer.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        Which builds.

    Returns
    -------
    dict of str to bool
    """
    app.add_html_math_renderer(NAME, (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: "HTML5Translator", node: nodes.math) -> None:
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(translator: "HTML5Translator", node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
    raise nodes.SkipNode
