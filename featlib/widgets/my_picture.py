"""One picture of the learner's own that travels through the lesson; without one, the cat does.

It is kept as ``my-picture.png`` in the learner's data folder, on the machine that runs the
notebook, so that every notebook finds it. There it stays until "Take the cat instead" is pressed,
which removes the file at once, or another picture takes its place. `featlib progress --reset` is
about answers and leaves it. It is sent nowhere else.
"""

import html
import io
from pathlib import Path
from typing import ClassVar

from PIL import Image

from featlib import checks, images
from featlib.engine import own_picture
from featlib.engine.data_address import data_address
from featlib.engine.words import printable
from featlib.widgets.base import Widget, script

__all__ = ["MyPictureWidget", "show_my_picture"]

_HERE = Path(__file__).parent
_PARTS = ("own_shrink.js", "own_files.js", "own_camera.js", "own_class.js")
_SHOWN = 192  # pixels a side
_TITLE = "The picture that travels with you"
_KEPT = (
    "It is kept on the machine that runs this notebook, in your data folder, until you take the "
    "cat instead or give another one. It is sent nowhere else. The lesson's figures show it: a "
    "notebook that you save then holds it, too."
)


class MyPictureWidget(Widget):
    """A place to give one picture, which shows the one that is taken.

    Attributes
    ----------
    view : dict
        ``src`` and ``caption`` of the picture, whether it is the learner's ``own``, and ``words``
        about the last try.
    """

    _esm = "\n".join(
        [script("my_picture"), *((_HERE / part).read_text(encoding="utf-8") for part in _PARTS)]
    )
    _invitation = "Run this cell to give a picture of your own."
    _messages: ClassVar = {
        "picture": {"picture": str, "content": bytes},
        "cat": {"cat": bool},
    }

    def __init__(self) -> None:
        super().__init__(view=_seen("") | {"title": _TITLE, "kept": _KEPT})

    def plain(self) -> tuple[str, str]:
        """Return what it is for as text and as HTML.

        The picture itself is not in it: a notebook may be given to others.

        Returns
        -------
        text, html : str
        """
        words = f"One picture of yours, or the cat, travels through the lesson. {_KEPT}"
        return "MyPicture()", f"<p>{html.escape(words)}</p>"

    def _do(self, kind: str, fields: dict[str, object], mark: str | None) -> str:
        if kind == "cat":
            own_picture.remove()
            return "The cat is taken."
        content = fields["content"]
        assert isinstance(content, bytes)  # `_messages` says so
        if why := own_picture.keep(content):
            fix = "Try another one."
            checks.refuse("my picture", "a picture", f"{str(fields['picture'])[:100]}: {why}", fix)
        return "Your picture is taken."

    def _reply(self, words: str, mark: str | None) -> None:
        self.view = self.view | _seen(printable(words))
        self.send({"done": mark})


def _seen(words: str) -> dict[str, object]:
    caption = images.my_caption()
    file = io.BytesIO()
    pixels = images.my_picture(_SHOWN).permute(1, 2, 0).contiguous().numpy()
    Image.fromarray(pixels).save(file, "PNG")
    source = data_address(file.getvalue(), "image/png")
    return {"src": source, "caption": caption, "own": caption != "cat face", "words": words}


def show_my_picture() -> MyPictureWidget:
    """Show a place to give one picture that travels through the lesson, as the last line of a cell.

    The picture is kept as a PNG of at most 512×512 pixels, without the date and place that a camera
    writes, in the learner's data folder on the machine that runs the notebook, until the learner
    takes the cat instead. It is sent nowhere else. `featlib.images.my_picture` returns it.

    Returns
    -------
    MyPictureWidget
    """
    return MyPictureWidget()
