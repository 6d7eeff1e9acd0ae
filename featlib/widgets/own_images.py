"""Train a head on your own pictures: add them class by class, train, and try new ones live.

The pictures are in the memory of the kernel alone: they are gone when it stops, or when the widget
is closed. They go nowhere else.
"""

from pathlib import Path
from typing import Any, ClassVar

import torch

from featlib import checks, features, lesson, plots, trace
from featlib.engine.data_address import data_address
from featlib.engine.decode import LARGEST_WHOLE, NO_FORMAT, begins_as_picture
from featlib.engine.thumbnails import photograph
from featlib.engine.words import printable, shape_text
from featlib.scale import pictures
from featlib.scale.pictures import Picture
from featlib.widgets.base import Widget, script
from featlib.widgets.own_pictures import (
    MOST,
    WHERE,
    OwnPictures,
    decoded,
)

__all__ = ["OwnImagesWidget", "show_own_images"]

_HERE = Path(__file__).parent
_PARTS = ("own_shrink.js", "own_files.js", "own_camera.js", "own_class.js")
_NEAREST = 3  # training pictures that are shown beside a new one
_KEPT = (
    "They are kept in the memory of the machine that runs this notebook, and go nowhere else: when "
    "its kernel stops, they are gone."
)
_TRY = -1  # the number that stands for no class: a picture to try
_QUIET = {"piece", "show", "dismiss"}  # messages that cure no earlier error
_NEW = {"try", "frame"}  # new pictures: a view of the camera cures only errors of these


class OwnImagesWidget(Widget):
    """Two to ten classes of your own pictures, a trained head, and new pictures to try it on.

    Attributes
    ----------
    lesson : featlib.lesson.Lesson or None
        The five stages on these pictures; None before they ran.
    view : dict
        What the front end shows. Of a picture only its number and name: its thumbnail is sent when
        the front end asks for it.
    """

    _esm = "\n".join(
        [script("own_images"), *((_HERE / part).read_text(encoding="utf-8") for part in _PARTS)]
    )
    _invitation = "Run this cell to train on your own pictures."
    _messages: ClassVar = {
        "upload": {"upload": int, "file": str, "content": bytes},
        "batch": {"batch": int, "files": list, "content": bytes},
        "piece": {"piece": str, "number": int, "file": str, "content": bytes},
        "remove": {"remove": int},
        "clear": {"clear": int},
        "add": {"add": str},
        "rename": {"rename": int, "name": str},
        "drop": {"drop": int},
        "dismiss": {"dismiss": int},
        "show": {"show": list},
        "train": {"train": dict},
        "folder": {"folder": str},
        "try": {"try": str, "content": bytes},
        "frame": {"frame": int, "content": bytes},
    }

    def __init__(self) -> None:
        self.lesson: lesson.Lesson | None = None
        self._pictures = OwnPictures()
        self._pieces: dict[str, bytes] = {}  # of large files, by the mark of the message to come
        self._answer: dict[str, Any] = {}  # what goes into the reply
        self._kind = "message"  # what the last one asked for
        self._wrong = ""  # the kind of the message whose error is shown
        start = {"words": "", "trained": False, "stale": False, "picture": None, "seen": None}
        fixed = {"most": MOST, "kept": _KEPT, "machine": True}
        super().__init__(view=start | fixed | self._classes())

    def plain(self) -> tuple[str, str]:
        """Return what it is for as text and as HTML.

        Returns
        -------
        text, html : str
        """
        words = "Pictures that you choose, drop, paste, or take with the camera train a head here."
        return "OwnImages()", f"<p>{words}</p>"

    def close(self) -> None:
        """Forget the pictures, and close the widget."""
        self._pictures, self._pieces = OwnPictures(), {}
        super().close()

    def train(self, folder: str | Path) -> None:
        """Run the five stages on a folder of pictures and show what came out.

        Decoded pictures and features are kept in the cache folder, as by `featlib.run`.

        Parameters
        ----------
        folder : str or pathlib.Path
            One folder a class.

        Raises
        ------
        featlib.FeatlibError
            If the folder does not hold at least two classes of pictures.
        """
        root = checks.folder(folder, WHERE, "pictures, one folder a class,")
        self._finish(lesson.run(root, baselines=False, progress=False))

    def try_picture(self, picture: Picture) -> None:
        """Show what the head says of a new picture, and its prediction trace.

        Parameters
        ----------
        picture : str, pathlib.Path, PIL.Image.Image, numpy.ndarray or torch.Tensor
            Its file, or one of the other forms that `Lesson.predict` takes: pixels are uint8 3×H×W.

        Raises
        ------
        featlib.FeatlibError
            If nothing was trained yet, or the picture cannot be read.
        """
        size = self._trained().images.pixels.shape[-1]
        self._explain(pictures.read(picture, size, WHERE))

    def _trained(self) -> lesson.Lesson:
        if self.lesson is None:
            fix = "Add pictures of two classes and press Train."
            checks.refuse(WHERE, "a trained head", "none yet", fix)
        return self.lesson

    def _finish(self, finished: lesson.Lesson) -> None:
        self.lesson = finished
        self._forward = features.fast_forward(finished.weights)
        words = _summary(finished)
        self._show(words=words, trained=True, stale=False, picture=None, seen=None)

    def _explain(self, pixels: torch.Tensor) -> None:
        traced = self._look(pixels)
        sure = traced.probabilities.max().item()
        figure = plots.prediction_trace(traced)
        source = data_address(figure.png(dpi=100), "image/png")
        picture = {"src": source, "alt": printable(figure.alt)}
        self._show(words=f"The head says {traced.label}, {sure:.0%} sure.", picture=picture)

    def _look(self, pixels: torch.Tensor) -> trace.PredictionTrace:
        """Show at once what the head says, and the training pictures that are most alike."""
        run = self._trained()
        row = self._forward(pixels[None])[0]
        traced = trace.predict_from_features(pixels, row, run.head, run.images.classes)
        shares = zip(run.images.classes, traced.probabilities.tolist(), strict=True)
        seen = {
            "label": traced.label,
            "shares": [[printable(name), share] for name, share in shares],
            "nearest": [_shown(run, i) for i in _nearest(run, row)],
        }
        self._show(seen=seen, picture=None)
        return traced

    def _show(self, **changes: Any) -> None:
        if "words" in changes:  # they may name a file, whose name may be no text
            changes["words"] = printable(changes["words"])
            self._wrong = ""
        self.view = self.view | changes

    def _classes(self) -> dict[str, Any]:
        known = self._pictures.classes
        return {
            "classes": [
                {
                    "number": n,
                    "name": one.name,
                    "pictures": [[i, picture.name] for i, picture in one.pictures.items()],
                    "missing": one.missing,
                    "refused": list(one.refused),
                }
                for n, one in known.items()
            ],
        }

    def _changed(self) -> None:
        """Show the classes after a change, which the head has not seen."""
        self._show(**self._classes(), stale=self.view["trained"])

    def _do(self, kind: str, fields: dict[str, Any], mark: str | None) -> str:
        self._answer = {}
        self._kind = kind
        if kind in ("upload", "try") and mark:
            fields["content"] = self._pieces.pop(mark, b"") + fields["content"]
        if self._wrong and kind not in _QUIET and (kind != "frame" or self._wrong in _NEW):
            self._show(words="")
        return getattr(self, f"_on_{kind}")(*fields.values()) or ""

    def _reply(self, words: str, mark: str | None) -> None:
        self.send({"done": mark} | self._answer)
        self._answer = {}
        if words:  # they stay where the learner looks for the result
            self._show(words=words)
            self._wrong = self._kind

    def _on_upload(self, number: int, name: str, content: bytes) -> None:
        if self._pictures.put(number, name, content):
            self._show(**self._classes())  # the class names the file and the reason
        else:
            self._changed()

    def _on_batch(self, number: int, files: list[object], content: bytes) -> None:
        """Read several small files, which lie one behind the other."""
        wanted, again = "pairs of a name and a size", "Reload the page and try again."
        start, counted = 0, False
        for one in files:
            pair = checks.instance(one, list, WHERE, wanted, again)
            name = checks.instance(pair[0] if len(pair) == 2 else None, str, WHERE, wanted, again)
            size = checks.whole_number(pair[1], WHERE, "size", low=0, high=len(content) - start)
            counted |= not self._pictures.put(number, name, content[start : start + size])
            start += size
        stale = self.view["stale"] or (self.view["trained"] and counted)
        self._show(**self._classes(), stale=stale)

    def _on_piece(self, mark: str, number: int, name: str, content: bytes) -> None:
        """Keep a piece of a file that is too large for one message; refuse what is no picture."""
        why = "" if mark in self._pieces or begins_as_picture(content) else NO_FORMAT
        if sum(map(len, self._pieces.values())) + len(content) > LARGEST_WHOLE:
            why = f"too large: at most {LARGEST_WHOLE // 1_000_000} MB are read"
        if not why:
            self._pieces[mark] = self._pieces.get(mark, b"") + content
            return
        self._pieces.clear()
        self._answer = {"refused": True}
        if number == _TRY:
            checks.refuse(WHERE, "a picture", f"{name}: {why}", "Try another one.")
        self._pictures.refuse(number, name, why)
        self._show(**self._classes())

    def _on_remove(self, picture: int) -> None:
        self._pictures.remove(picture)
        self._changed()

    def _on_clear(self, number: int) -> None:
        self._pictures.clear(number)
        self._changed()

    def _on_add(self, name: str) -> None:
        self._answer = {"number": self._pictures.add(name)}
        self._show(**self._classes())

    def _on_rename(self, number: int, name: str) -> None:
        self._pictures.rename(number, name)
        self._changed()

    def _on_drop(self, number: int) -> None:
        self._pictures.drop(number)
        self._changed()

    def _on_dismiss(self, number: int) -> None:
        self._pictures[number].refused.clear()
        self._show(**self._classes())

    def _on_show(self, numbers: list[object]) -> None:
        found = {i: self._pictures.picture(i) for i in numbers if type(i) is int}
        self._answer = {"thumbnails": {i: photograph(p.pixels) for i, p in found.items() if p}}

    def _on_train(self, names: dict[str, object]) -> None:
        """Train with the names as the learner sees them: they may have been typed just now."""
        for number in [n for n in self._pictures.classes if str(n) in names]:
            fix = "Add pictures to each class, and name it."
            name = checks.instance(names[str(number)], str, WHERE, "names as text", fix)
            self._pictures.rename(number, name)
        self._show(**self._classes())
        self._finish(self._pictures.train())

    def _on_folder(self, folder: str) -> None:
        if not folder.strip():
            fix = "Write the path of a folder that has one folder a class in it."
            checks.refuse(WHERE, "a folder", "nothing", fix)
        self.train(folder.strip())

    def _on_try(self, name: str, content: bytes) -> None:
        self._explain(self._read(name, content))

    def _on_frame(self, number: int, content: bytes) -> None:
        pixels = self._read("the camera's view", content)
        if self.view["picture"]:  # what was said of the picture before
            self._show(words="")
        self._look(pixels)

    def _read(self, name: str, content: bytes) -> torch.Tensor:
        pixels = decoded(content, self._trained().images.pixels.shape[-1])
        if isinstance(pixels, str):
            checks.refuse(WHERE, "a picture", f"{name}: {pixels}", "Try another one.")
        return pixels


def _nearest(run: lesson.Lesson, row: torch.Tensor) -> list[int]:
    """Return the training pictures whose features have the smallest angle to those of a new one."""
    train = run.images.train
    alike = torch.nn.functional.cosine_similarity(run.features[train], row[None])
    return train[alike.topk(min(_NEAREST, len(train))).indices].tolist()


def _shown(run: lesson.Lesson, i: int) -> dict[str, str]:
    name = run.images.classes[run.images.labels[i]]
    words = {"class": name, "file": run.images.captions[i]}
    return {"src": photograph(run.images.pixels[i])} | {k: printable(v) for k, v in words.items()}


def _summary(run: lesson.Lesson) -> str:
    low, high = run.report.interval
    n = len(run.report.labels)
    right = round(run.report.accuracy * n)
    words = (
        f"Trained on {len(run.images.train)} pictures, read at "
        f"{shape_text(run.images.pixels.shape[-2:])} pixels, in {run.seconds:.1f} seconds. Of "
        f"{n} others, {right} are right: {run.report.accuracy:.0%}, with so few "
        f"pictures anything from {low:.0%} to {high:.0%}."
    )
    if run.images.skipped:
        listed = "; ".join(f"{Path(file).name} ({reason})" for file, reason in run.images.skipped)
        words += f" Left out: {listed}."
    return words


def show_own_images() -> OwnImagesWidget:
    """Show a place for pictures of your own, as the last line of a cell.

    Returns
    -------
    OwnImagesWidget
    """
    return OwnImagesWidget()
