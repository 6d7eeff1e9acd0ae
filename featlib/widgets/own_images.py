"""Train a head on your own pictures: upload them class by class, or name a folder.

Uploaded pictures are written into a temporary folder of the machine that runs the kernel, and
deleted with the widget. They go nowhere else.
"""

import base64
import re
import tempfile
from pathlib import Path
from typing import Any

from featlib import checks, lesson, plots
from featlib.engine.words import readable, shape_text
from featlib.scale.pictures import Picture
from featlib.widgets.base import Widget, script

__all__ = ["OwnImagesWidget", "show_own_images"]

_CLASSES = range(2, 11)  # how many there may be


class OwnImagesWidget(Widget):
    """Two to ten classes of your own pictures, a trained head, and a picture to try it on.

    Attributes
    ----------
    lesson : featlib.lesson.Lesson or None
        The five stages on these pictures; None before they ran.
    view : dict
        What the front end shows.
    """

    _esm = script("own_images")

    def __init__(self) -> None:
        self.lesson: lesson.Lesson | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="featlib-own-")
        self._pictures: dict[int, list[Path]] = {}  # class number: uploaded files
        super().__init__(view={"counts": {}, "words": "", "trained": False, "picture": None})
        self.on_msg(self._receive)

    def plain(self) -> tuple[str, str]:
        """Return what it is for as text and as HTML.

        Returns
        -------
        text, html : str
        """
        words = "Here you upload pictures of your own, once the notebook runs."
        return "OwnImages()", f"<p><em>{words}</em></p>"

    def close(self) -> None:
        """Delete the uploads, and the widget."""
        self._folder.cleanup()
        super().close()

    def train(self, folder: str | Path, cache: bool = True) -> None:
        """Run the five stages on a folder of pictures and show what came out.

        Parameters
        ----------
        folder : str or pathlib.Path
            One folder a class.
        cache : bool
            Whether to keep decoded pictures and features on disk.

        Raises
        ------
        featlib.FeatlibError
            If the folder does not hold at least two classes of pictures.
        """
        root = checks.folder(folder, "own pictures", "pictures, one folder a class,")
        self.lesson = lesson.run(root, cache=cache, progress=False)
        self._show(words=_summary(self.lesson), trained=True, picture=None)

    def try_picture(self, picture: Picture) -> None:
        """Show the prediction trace of a new picture.

        Parameters
        ----------
        picture : str, pathlib.Path, PIL.Image.Image, numpy.ndarray or torch.Tensor
            Its file, or one of the other forms that `Lesson.predict` takes: pixels are uint8 3×H×W.

        Raises
        ------
        featlib.FeatlibError
            If nothing was trained yet, or the picture cannot be read.
        """
        if self.lesson is None:
            fix = "Upload pictures of two classes and press Train."
            checks.refuse("own pictures", "a trained head", "none yet", fix)
        prediction = self.lesson.predict(picture)
        figure = plots.prediction_trace(prediction)
        source = "data:image/png;base64," + base64.b64encode(figure.png(dpi=100)).decode()
        sure = prediction.probabilities.max().item()
        words = f"The head says {prediction.label}, {sure:.0%} sure."
        self._show(words=words, picture={"src": source, "alt": figure.alt})

    def _show(self, **changes: Any) -> None:
        self.view = self.view | changes

    def _receive(self, _: object, content: dict[str, Any], buffers: list[Any]) -> None:
        try:
            if "upload" in content:
                self._keep(int(content["upload"]), content["file"], buffers[0])
            elif "clear" in content:
                self._pictures.pop(int(content["clear"]), None)
                self._count()
            elif "train" in content:
                # Uploads are private and gone soon: nothing of them is kept in the cache.
                self.train(self._sorted(content["train"]), cache=False)
            elif "folder" in content:
                self._train_on(content["folder"].strip())
            elif "try" in content:
                self.try_picture(self._write("tried", content["try"], buffers[0]))
        except (checks.FeatlibError, OSError) as error:
            self._show(words=str(error))
        self.send({"done": content.get("sent")})

    def _train_on(self, folder: str) -> None:
        if not folder:
            fix = "Write the path of a folder that has one folder a class in it."
            checks.refuse("own pictures", "a folder", "nothing", fix)
        self.train(Path(folder).expanduser())

    def _keep(self, number: int, name: str, content: bytes) -> None:
        known = self._pictures.setdefault(number, [])
        known.append(self._write(f"{number}-{len(known)}", name, content))
        self._count()

    def _count(self) -> None:
        self._show(counts={str(n): len(files) for n, files in self._pictures.items()})

    def _write(self, stem: str, name: str, content: bytes) -> Path:
        """Write an upload under a name of ours, of which only the ending is the learner's."""
        ending = re.sub(r"[^.a-z0-9]", "", Path(name).suffix.lower())[:6]
        uploads = Path(self._folder.name) / "uploads"
        uploads.mkdir(exist_ok=True)
        path = uploads / f"{stem}{ending}"
        path.write_bytes(content)
        return path

    def _sorted(self, names: dict[str, str]) -> Path:
        """Copy the uploads into one folder a class."""
        used = {n: _folder_name(names[str(n)]) for n, files in self._pictures.items() if files}
        where, fix = "own pictures", "Name each class and upload pictures for it."
        if len(used) not in _CLASSES:
            checks.refuse(where, "pictures of two to ten classes", f"{len(used)}", fix)
        if not all(used.values()) or len(set(used.values())) < len(used):
            checks.refuse(where, "another name for each class", str(list(used.values())), fix)
        root = Path(tempfile.mkdtemp(dir=self._folder.name))
        for number, name in used.items():
            (root / name).mkdir()
            for file in self._pictures[number]:
                (root / name / file.name).write_bytes(file.read_bytes())
        return root


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


def _folder_name(name: str) -> str:
    """Take out of a class's name what no folder's name may hold."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "-", readable(name)).strip(" .")


def show_own_images() -> OwnImagesWidget:
    """Show a place to upload pictures of your own, as the last line of a cell.

    Returns
    -------
    OwnImagesWidget
    """
    return OwnImagesWidget()
