"""featlib: the feature extraction strategy in PyTorch, in five stages.

>>> import featlib
>>> lesson = featlib.run(progress=False)  # all five stages on the bundled images
>>> lesson.report.accuracy > 0.7  # on 200 images that the head never saw
True

Read the stages in this order: `images`, `preprocess`, `features` (with `backbone` and `weights`),
`head`, `validation`. Everything that is public is listed in the ``__all__`` of its module.
"""

import importlib
from typing import TYPE_CHECKING, Any

# Without it, what a fork makes of a process that has computed would wait for ever. No torch in it.
from featlib.engine import forks as _forks  # noqa: F401

__version__ = "0.1.0"

if TYPE_CHECKING:  # what editors see; at run time `__getattr__` imports on first use
    from featlib import (
        backbone,
        costs,
        doctor,
        explain,
        features,
        head,
        images,
        lesson,
        plots,
        preprocess,
        quiz,
        tables,
        trace,
        validation,
        weights,
    )
    from featlib.checks import FeatlibError
    from featlib.lesson import run
    from featlib.model.classifier import load
    from featlib.pages.cheat_sheet import show_cheat_sheet
    from featlib.scale.transformer import FeatureExtractor
    from featlib.widgets.flashcards import show_flashcards
    from featlib.widgets.guess import predict_first
    from featlib.widgets.lab import show_lab
    from featlib.widgets.my_picture import show_my_picture
    from featlib.widgets.own_images import show_own_images
    from featlib.widgets.quiz import show_quiz

__all__ = [
    "FeatlibError",
    "FeatureExtractor",
    "__version__",
    "backbone",
    "costs",
    "doctor",
    "explain",
    "features",
    "head",
    "images",
    "lesson",
    "load",
    "plots",
    "predict_first",
    "preprocess",
    "quiz",
    "run",
    "show_cheat_sheet",
    "show_flashcards",
    "show_lab",
    "show_my_picture",
    "show_own_images",
    "show_quiz",
    "tables",
    "trace",
    "validation",
    "weights",
]

# What is not a module of its own: the name, and the module that it comes from.
_ORIGINS = {
    "FeatlibError": "checks",
    "FeatureExtractor": "scale.transformer",
    "load": "model.classifier",
    "predict_first": "widgets.guess",
    "run": "lesson",
    "show_cheat_sheet": "pages.cheat_sheet",
    "show_flashcards": "widgets.flashcards",
    "show_lab": "widgets.lab",
    "show_my_picture": "widgets.my_picture",
    "show_own_images": "widgets.own_images",
    "show_quiz": "widgets.quiz",
}


def __getattr__(name: str) -> Any:
    """Import a public name on its first use, so that ``import featlib`` does not wait for torch."""
    if name in _ORIGINS:
        return getattr(importlib.import_module(f"featlib.{_ORIGINS[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"featlib.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
