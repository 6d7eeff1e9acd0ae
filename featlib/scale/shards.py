"""Stage 3 for more images than memory holds: features, shard by shard, in Parquet files.

A shard is a few thousand images in a row. Threads decode its batches and send them through the
network at the same time, and only a few batches are in memory at once. The rows of a dataset whose
code may not bear threads are read one at a time, by the thread that calls.

A shard is written whole or not at all. So whatever stops the work, the same call continues where it
stopped.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch.utils.data import Dataset

from featlib import checks, features
from featlib.backbone import Backbone, fingerprint
from featlib.engine import threads
from featlib.engine.decode import strictly
from featlib.engine.files import atomic_write
from featlib.engine.folders import PLAN
from featlib.engine.progress_bar import progress_bar
from featlib.images import ImageSet
from featlib.scale.items import Rows
from featlib.scale.sources import DatasetSource, FolderSource
from featlib.weights import Weights

__all__ = [
    "UNREADABLE",
    "Job",
    "Summary",
    "extract",
    "plan_job",
    "write_missing",
    "write_shard",
]

# Names that begin with _ are not read as data by pyarrow, pandas and Spark.
UNREADABLE = "_unreadable"
_LEFTOVERS = f"_{16 * '[0-9a-f]'}.tmp"  # of `atomic_write`, where a process was killed

_Forward = Callable[[torch.Tensor], torch.Tensor]
_Tick = Callable[[int], object]
_Image = tuple[str, str | None, np.ndarray | str]  # as `FolderSource.read` returns it


@dataclass(frozen=True)
class Summary:
    """What an extraction has done.

    Attributes
    ----------
    folder : pathlib.Path
        Where the Parquet files are.
    images : int
        Images whose features are in the folder, those of earlier calls included.
    computed : int
        Images that this call has read, unreadable ones included.
    shards : int
        The number of Parquet files.
    size : int
        Height and width at which the images were read, in pixels.
    unreadable : tuple of (str, str)
        Files and rows that could not be read, each with the reason.
    seconds : float
        Time of this call.
    """

    folder: Path
    images: int
    computed: int
    shards: int
    size: int
    unreadable: tuple[tuple[str, str], ...]
    seconds: float


@dataclass(frozen=True)
class Job:
    """What to extract and where to write it; the same for one machine and for a cluster.

    Attributes
    ----------
    source : FolderSource or DatasetSource
        The images.
    folder : pathlib.Path
        Where the Parquet files go.
    size : int
        Height and width at which the images are read, in pixels.
    shard_size : int
        Images in a file.
    batch_size, precision, device
        As for `features.extract`.
    """

    source: FolderSource | DatasetSource
    folder: Path
    size: int
    shard_size: int
    batch_size: int
    precision: str
    device: str

    @property
    def shards(self) -> int:
        """int: the number of shards in all."""
        return -(-len(self.source) // self.shard_size)

    def rows(self, shard: int) -> range:
        """Return the rows of the images of a shard.

        Parameters
        ----------
        shard : int
            Its number, from 0.

        Returns
        -------
        range
            The last shard may be shorter than the others.
        """
        start = shard * self.shard_size
        return range(start, min(start + self.shard_size, len(self.source)))

    def part(self, shard: int) -> Path:
        """Return the path of the Parquet file of a shard.

        Parameters
        ----------
        shard : int
            Its number, from 0.

        Returns
        -------
        pathlib.Path
            It is there if the shard is finished.
        """
        return self.folder / f"part-{shard:06d}.parquet"

    def unfinished(self) -> list[int]:
        """Return the shards that are not written yet.

        Returns
        -------
        list of int
            Their numbers, from the lowest.
        """
        return [shard for shard in range(self.shards) if not self.part(shard).is_file()]

    def unreadable(self, shard: int) -> Path:
        """Return the path of the list of what could not be read of a shard.

        Parameters
        ----------
        shard : int
            Its number, from 0.

        Returns
        -------
        pathlib.Path
            It is there if something of the shard could not be read.
        """
        return self.folder / UNREADABLE / f"{self.part(shard).stem}.json"

    def plan(self, backbone: Backbone | Weights, progress: bool = True) -> dict[str, Any]:
        """Describe what the features are made from; only equal plans may share a folder.

        Parameters
        ----------
        backbone : featlib.backbone.Backbone or featlib.weights.Weights
            What computes the features.
        progress : bool
            Whether to show a bar while the images are told from others.

        Returns
        -------
        dict
            Plain data that `json.dumps` takes.
        """
        return {
            "format": 1,
            "images": len(self.source),
            "source": self.source.digest(progress),
            "weights": fingerprint(backbone.state()),
            "preprocessing": repr(replace(backbone.transform, size=self.size)),
            "precision": self.precision,
            "images a shard": self.shard_size,
        }


def extract(
    source: str | os.PathLike[str] | Dataset | ImageSet | Rows,
    folder: str | os.PathLike[str],
    backbone: Backbone | Weights,
    *,
    batch_size: int = 64,
    precision: str = "fp32",
    device: str = "auto",
    shard_size: int = 4096,
    source_id: str | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Summary:
    """Turn images into features, in bounded memory, into Parquet files.

    pyarrow, pandas, Polars, DuckDB and Spark can read the folder as it is. Its columns are ``path``
    (text), ``label`` (text or null) and ``features`` (512 float32), in the order of the images.
    What could not be read is listed in its subfolder ``_unreadable``. If the work is stopped, the
    same call continues it.

    Parameters
    ----------
    source : str, pathlib.Path, torch.utils.data.Dataset, ImageSet or sequence
        A folder of pictures, searched with its subfolders, as for `images.from_folder`; or a
        dataset like those of torchvision and Hugging Face: ``len(source)`` rows, each an image and
        a label, a dict of both, or an image alone. Images are Pillow pictures, or tensors 3×H×W,
        uint8 or float from 0 to 1. Without a random transform, and without ``Normalize``, which
        comes with the backbone.
    folder : str or pathlib.Path
        Where the files go; it is made if it is not there.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        From `backbone.resnet18`.
    batch_size, precision, device
        As for `features.extract`.
    shard_size : int
        Images in a Parquet file; at most so many are lost when the work is stopped.
    source_id : str, optional
        A name of your own for this very data, such as ``"pets, version 3"``. Left out, the call
        finds out by itself whether the features in the folder belong to the data. For a folder,
        and for torchvision's ``ImageFolder`` and parts of it, names, sizes and times of the files
        tell, which takes seconds. Of another dataset each row is read once more for it, and must
        be the same each time. With a name nothing is read: change it whenever the data changes. Of
        a Hugging Face dataset that holds its pictures, ``source._fingerprint`` is such a name; of
        one that holds paths only, it stays the same when a file changes.
    overwrite : bool
        Whether to remove features in the folder that were made from something else. Only files
        that an earlier call has written are removed.
    progress : bool
        Whether to show a bar with the rate and the time left.

    Returns
    -------
    Summary
        What is in the folder now, and what this call did.

    Raises
    ------
    featlib.FeatlibError
        If there is nothing to read or none of it can be read, a setting is wrong, the dataset is
        random, the folder holds other features or Parquet files of another origin, another process
        writes to it, or it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from featlib import backbone, images
    >>> from featlib.scale import shards
    >>> emoji, resnet = images.load("emoji10"), backbone.resnet18()
    >>> with tempfile.TemporaryDirectory() as place:
    ...     for i in range(6):
    ...         emoji.picture(i).save(f"{place}/{i}.png")
    ...     done = shards.extract(
    ...         place, f"{place}/features", resnet, shard_size=4, device="cpu", progress=False
    ...     )
    >>> done.images, done.shards, done.unreadable
    (6, 2, ())
    """
    job = plan_job(
        source, folder, backbone, batch_size, precision, device, shard_size, source_id, progress
    )
    forward = features.fast_forward(backbone, job.precision, job.device)

    def write(shards, tick):
        for shard in shards:
            write_shard(job, shard, forward, backbone, tick)

    return write_missing(job, backbone, write, overwrite, progress)


def plan_job(
    source: str | os.PathLike[str] | Dataset | ImageSet | Rows,
    folder: str | os.PathLike[str],
    backbone: Backbone | Weights,
    batch_size: int,
    precision: str,
    device: str,
    shard_size: int,
    source_id: str | None = None,
    progress: bool = True,
) -> Job:
    """Check the settings and list the images.

    Parameters
    ----------
    source, folder, backbone, batch_size, precision, device, shard_size, source_id, progress
        As for `extract`.

    Returns
    -------
    Job
        What to extract and where to write it.

    Raises
    ------
    featlib.FeatlibError
        If a setting is wrong, there is nothing to read, or pyarrow is not installed.
    """
    where = "shards.extract"
    checks.whole_number(batch_size, where, "batch_size")
    checks.whole_number(shard_size, where, "shard_size")
    checks.one_of(precision, where, "precision", features.PRECISIONS)
    progress = checks.switch(progress, where, "progress")
    fix = "Get one with backbone.resnet18()."
    checks.instance(backbone, (Backbone, Weights), where, "a frozen backbone, or weights", fix)
    folder = checks.path(folder, where, "the folder for the features").resolve()
    _pyarrow()
    if isinstance(source, (str, os.PathLike)):
        found = FolderSource(source, source_id, progress)
    else:
        found = DatasetSource(source, source_id)
    size = backbone.transform.size or found.usual_size()
    return Job(found, folder, size, shard_size, batch_size, precision, device)


def write_missing(
    job: Job,
    backbone: Backbone | Weights,
    write: Callable[[list[int], _Tick], None],
    overwrite: bool = False,
    progress: bool = True,
) -> Summary:
    """Let a function write the shards that are missing, while no other process writes there.

    Parameters
    ----------
    job : Job
        From `plan_job`.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        What computes the features.
    write : callable
        It gets the numbers of the shards, and a function that it calls with the number of images
        whenever some are done.
    overwrite, progress
        As for `extract`.

    Returns
    -------
    Summary
        As of `extract`.

    Raises
    ------
    featlib.FeatlibError
        If the folder holds other features, another process writes to it, it cannot be written, or
        none of the images can be read.
    """
    started = time.perf_counter()
    overwrite = checks.switch(overwrite, "shards.extract", "overwrite")
    plan = job.plan(backbone, progress)
    with _writing(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
    with _alone(job.folder):
        with _writing(job.folder):
            _begin(job, plan, overwrite)
        shards = job.unfinished()
        due = sum(len(job.rows(shard)) for shard in shards)
        before = len(job.source) - due
        with progress_bar("features", len(job.source), "image", progress, done=before) as done:
            write(shards, done.update)
        for leftover in job.folder.glob(_LEFTOVERS):
            leftover.unlink()
        return _summary(job, due, time.perf_counter() - started)


def write_shard(
    job: Job,
    shard: int,
    forward: _Forward,
    backbone: Backbone | Weights,
    tick: _Tick = lambda n: None,
) -> None:
    """Decode the images of a shard, compute their features, and write its file.

    Parameters
    ----------
    job : Job
        What the shard is a part of.
    shard : int
        Its number, from 0.
    forward : callable
        From `features.fast_forward`.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        What `forward` was made from.
    tick : callable
        It gets the number of images after each batch.

    Raises
    ------
    featlib.FeatlibError
        If the file cannot be written.
    """
    rows = job.rows(shard)
    step = job.batch_size  # a GPU takes as many as it is given
    if features.choose_device(job.device) == "cpu":
        step = threads.batch_size(len(rows), job.batch_size, job.size)
    batches = [rows[i : i + step] for i in range(0, len(rows), step)]
    compute = partial(_compute_batch, forward)
    images = _Batches(job.source, job.size, batches)
    names, labels, vectors, unreadable = [], [], [], []
    with strictly():
        for batch, found in zip(batches, threads.map_ordered(compute, images), strict=True):
            for whole, part in zip((names, labels, vectors, unreadable), found, strict=True):
                whole += part
            tick(len(batch))
    vectors = torch.cat(vectors) if vectors else torch.empty(0, backbone.width)
    with _writing(job.folder):
        _list_unreadable(job, shard, unreadable)
        _write_part(job.part(shard), names, labels, vectors.numpy())


class _Batches(Sequence):
    """The images of each batch, read where it is asked for; or, if threads may, where it is used.

    A list is full before the next batch is asked for: no two rows are ever read at once.
    """

    def __init__(
        self, source: FolderSource | DatasetSource, size: int, batches: Sequence[Sequence[int]]
    ) -> None:
        self.source, self.size, self.batches = source, size, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, n: int) -> Iterable[_Image]:
        images = (self.source.read(i, self.size) for i in self.batches[n])
        return images if self.source.threadsafe else list(images)


def _compute_batch(
    forward: _Forward, images: Iterable[_Image]
) -> tuple[list[str], list[str | None], list[torch.Tensor], list[tuple[str, str]]]:
    """Return names, labels and features of what can be read, and names and reasons of the rest."""
    names, labels, pictures, unreadable = [], [], [], []
    for name, label, picture in images:
        if isinstance(picture, str):
            unreadable.append((name, picture))
        else:
            names.append(name)
            labels.append(label)
            pictures.append(picture)
    if not pictures:
        return names, labels, [], unreadable
    # Pillow's order, height × width × channels, is the fastest for a convolution.
    batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return names, labels, [forward(batch)], unreadable


def _list_unreadable(job: Job, shard: int, unreadable: list[tuple[str, str]]) -> None:
    """Write down what could not be read; before the part, so that a finished shard has a list."""
    listed = job.unreadable(shard)
    listed.unlink(missing_ok=True)
    if unreadable:
        listed.parent.mkdir(exist_ok=True)
        with atomic_write(listed) as file:
            file.write(json.dumps(unreadable, ensure_ascii=False, indent=1).encode())


def _write_part(
    path: Path, names: list[str], labels: list[str | None], vectors: np.ndarray
) -> None:
    arrow, parquet = _pyarrow()
    flat = arrow.array(vectors.reshape(-1))
    columns = {
        "path": arrow.array(names, arrow.string()),
        "label": arrow.array(labels, arrow.string()),
        "features": arrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
    }
    with atomic_write(path) as file:
        parquet.write_table(arrow.table(columns), file, compression="none")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / "_lock", timeout=0)
    try:
        with _writing(folder):
            lock.acquire()
    except Timeout:
        wanted = f"to be the only process that writes to '{folder}'"
        checks.refuse("shards.extract", wanted, "another one at work", "Wait, or write elsewhere.")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except Timeout:  # also an OSError, but it is about the lock
        raise
    except OSError as error:
        wanted = f"to write features into '{folder}'"
        fix = "Make room, or choose another folder. Finished parts are kept: repeat, to go on."
        checks.refuse("shards.extract", wanted, str(error), fix)


def _begin(job: Job, plan: dict[str, Any], overwrite: bool) -> None:
    """Write the plan into a new folder; refuse a folder that was made by another plan."""
    path = job.folder / PLAN
    found = _read_plan(path)
    ours = partial(_is_ours, shards=_count_shards(found))
    parts = list(job.folder.glob("*.parquet"))
    foreign = ", ".join(f"'{part.name}'" for part in sorted(parts) if not ours(part))
    if foreign:
        wanted = f"no Parquet files in '{job.folder}' but those of this work: they are read as one"
        checks.refuse(
            "shards.extract", wanted, foreign, "Choose another folder, or move them away."
        )
    if found == plan:
        return
    if found and not overwrite:
        changed = [name for name in plan if found.get(name) != plan[name]]
        wanted = f"'{job.folder}' to be empty or to hold features of the same images and settings"
        got = f"features that differ in: {', '.join(changed)}"
        fix = "Choose another folder, or say overwrite=True (--overwrite) to remove them."
        checks.refuse("shards.extract", wanted, got, fix)
    for old in (*parts, *filter(ours, (job.folder / UNREADABLE).glob("*.json"))):
        old.unlink()
    with atomic_write(path) as file:
        file.write(json.dumps(plan, indent=1).encode())


def _count_shards(plan: dict[str, Any]) -> int:
    """Return how many files a plan stands for; none if it is not ours."""
    try:
        return -(-plan["images"] // plan["images a shard"])
    except (KeyError, TypeError, ZeroDivisionError):
        return 0


def _is_ours(path: Path, shards: int) -> bool:
    found = re.fullmatch(r"part-(\d{6,})\.(parquet|json)", path.name, re.ASCII)
    return bool(found) and int(found[1]) < shards


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # there is none, or it is not ours
        found = None
    return found if isinstance(found, dict) else {}


def _summary(job: Job, computed: int, seconds: float) -> Summary:
    lists = [path for path in map(job.unreadable, range(job.shards)) if path.is_file()]
    unreadable = [
        (name, reason) for path in lists for name, reason in json.loads(path.read_text("utf-8"))
    ]
    if len(unreadable) == len(job.source):
        wanted, (name, reason) = "pictures that can be read", unreadable[0]
        checks.refuse("shards.extract", wanted, f"'{name}': {reason}", "Check them.")
    images = len(job.source) - len(unreadable)
    unreadable += job.source.skipped
    return Summary(job.folder, images, computed, job.shards, job.size, tuple(unreadable), seconds)


def _pyarrow() -> tuple[Any, Any]:
    """Import pyarrow, which nothing else needs."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        fix = "python -m pip install 'featlib[scale]'"
        checks.refuse("shards.extract", "pyarrow, which writes Parquet files", "none", fix)
    return pyarrow, parquet
