"""featlib: the feature extraction strategy in PyTorch, in five stages.

>>> import featlib
>>> lesson = featlib.run()          # all five stages on the bundled images
>>> lesson.report.accuracy          # on 200 images that the head never saw

Read the stages in this order: ``images``, ``preprocess``, ``features`` (with ``backbone``),
``head``, ``validation``.
"""

import importlib

__version__ = "0.1.0"

_MODULES = (
    "backbone",
    "challenges",
    "checks",
    "classreport",
    "features",
    "head",
    "images",
    "lesson",
    "paths",
    "plots",
    "preprocess",
    "project",
    "quiz",
    "report",
    "slides",
    "stream",
    "trace",
    "validation",
    "widgets",
)
_NAMES = {
    "FeatlibError": "checks",
    "run": "lesson",
    "show_flashcards": "widgets.flashcards",
    "show_lab": "widgets.lab",
    "show_own_images": "widgets.own_images",
    "show_quiz": "widgets.quiz",
}
__all__ = ["__version__", *_MODULES, *_NAMES]


def __getattr__(name):
    """Import a submodule on its first use, so that ``import featlib`` does not wait for torch."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
