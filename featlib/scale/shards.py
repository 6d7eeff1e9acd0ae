"""Stage 3 for more images than memory holds: features, shard by shard, in Parquet files.

A shard is a few thousand images in a row. Threads decode its batches and send them through the
network at the same time, and only a few batches are in memory at once. The rows of a dataset whose
code may not bear threads are read one at a time, by the thread that calls.

A shard is written whole or not at all, with a record of what its files are. So whatever stops the
work, or damages a file, the same call continues it: what is finished stays, the rest is computed.
"""

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch.utils.data import Dataset

from featlib import checks, features
from featlib.backbone import Backbone
from featlib.engine import threads
from featlib.engine.decode import strictly
from featlib.engine.files import atomic_write
from featlib.engine.folders import PLAN
from featlib.engine.progress_bar import progress_bar
from featlib.engine.words import printable, reason
from featlib.images import ImageSet
from featlib.scale import jobs
from featlib.scale.items import Rows
from featlib.scale.jobs import FINISHED, UNREADABLE, Job
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

_LEFTOVERS = f"_{16 * '[0-9a-f]'}.tmp"  # of `atomic_write`, where a process was killed
_LOCK = "_lock"
_NAMED = 10  # files in a message

log = logging.getLogger("featlib")

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
    same call continues it. Finished files are first compared with their SHA-256, which takes
    seconds for a million images; one that is damaged or of something else is named in a warning,
    and made again.

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
    if precision == "int8" and device == "auto":
        device = "cpu"
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
        _refuse_no_files(job.folder)
    with _alone(job.folder):
        with _writing(job.folder):
            _begin(job, backbone, plan, overwrite, progress)
            shards = _unfinished(job, plan, progress)
        due = sum(len(job.rows(shard)) for shard in shards)
        before = len(job.source) - due
        with progress_bar("features", len(job.source), "image", progress, done=before) as done:
            write(shards, done.update)
        for place in (job.folder, job.folder / FINISHED, job.folder / UNREADABLE):
            for leftover in place.glob(_LEFTOVERS):
                with suppress(OSError):  # in use elsewhere, or no file
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
        _write_part(job, shard, names, labels, vectors.numpy())


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
    job: Job, shard: int, names: list[str], labels: list[str | None], vectors: np.ndarray
) -> None:
    arrow, parquet = _pyarrow()
    flat = arrow.array(vectors.reshape(-1))
    columns = {
        "path": arrow.array(names, arrow.string()),
        "label": arrow.array(labels, arrow.string()),
        "features": arrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
    }
    plan = jobs.plan_digest(jobs.read_plan(job.folder))
    for path in (job.part(shard), job.record(shard)):
        _remove_link(path)
    with atomic_write(job.part(shard)) as file:
        parquet.write_table(arrow.table(columns), file, compression="none")
        file.flush()
        jobs.write_record(job, shard, plan, Path(file.name))


def _remove_link(path: Path) -> None:
    """Remove a link before its place is written to: what it leads to may be another's."""
    if path.is_symlink():
        path.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / _LOCK, timeout=0)
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


def _begin(
    job: Job, backbone: Backbone | Weights, plan: dict[str, Any], overwrite: bool, progress: bool
) -> None:
    """Write the plan into a new folder; refuse a folder that was made by another plan."""
    path, said = job.folder / PLAN, jobs.plan_digest(plan)
    found = jobs.read_plan(job.folder)
    parts = sorted(job.folder.glob("*.parquet"))
    if found != plan and parts and all(jobs.is_recorded(job, part, said) for part in parts):
        log.warning("shards.extract: '%s' is damaged and is made again", printable(str(path)))
    else:
        _refuse_foreign(job.folder, parts, found)
        if found == plan:
            return
        if found == {**plan, "format": 1}:
            _record_older(job, backbone.width, said, progress)
        else:
            if found and not overwrite:
                _refuse_other(job.folder, plan, found)
            _remove(job.folder, parts, found)
    _remove_link(path)
    with atomic_write(path) as file:
        file.write(json.dumps(plan, indent=1).encode())


def _refuse_no_files(folder: Path) -> None:
    """Refuse what lies where a file of ours belongs, but is another thing or cannot be read."""
    rooms = [folder / name for name in (FINISHED, UNREADABLE)]
    files = [folder / PLAN, folder / _LOCK, *folder.glob("part-*.parquet")]
    files += [path for room in rooms for path in room.glob("part-*.json")]
    for path in filter(os.path.lexists, [*rooms, *files]):
        is_room, got = path in rooms, ""
        if not (path.is_dir() if is_room else path.is_file()):
            got = "something else, or a link that leads nowhere"
        elif not is_room:
            try:
                open(path, "rb").close()
            except OSError as error:
                got = reason(error)
        if got:
            wanted = f"a {'folder' if is_room else 'file'} that can be read at '{path}'"
            checks.refuse("shards.extract", wanted, got, "Move it away: it is made again.")


def _refuse_foreign(folder: Path, parts: list[Path], plan: dict[str, Any]) -> None:
    shards = _count_shards(plan)
    foreign = [f"'{part.name}'" for part in parts if not _is_ours(part, shards)]
    if foreign:
        wanted = f"no Parquet files in '{folder}' but those of this work: they are read as one"
        fix = "Choose another folder, or move them away."
        checks.refuse("shards.extract", wanted, _some(foreign), fix)


def _refuse_other(folder: Path, plan: dict[str, Any], found: dict[str, Any]) -> None:
    changed = [name for name in plan if found.get(name) != plan[name]] or ["other entries"]
    wanted = f"'{folder}' to be empty or to hold features of the same images and settings"
    got = f"features that differ in: {', '.join(changed)}"
    fix = "Choose another folder, or say overwrite=True (--overwrite) to remove them."
    checks.refuse("shards.extract", wanted, got, fix)


def _remove(folder: Path, parts: list[Path], plan: dict[str, Any]) -> None:
    """Remove the Parquet files of a plan, and what else belongs to them."""
    shards = _count_shards(plan)
    lists = [path for room in (FINISHED, UNREADABLE) for path in (folder / room).glob("*.json")]
    for old in (*parts, *(path for path in lists if _is_ours(path, shards))):
        old.unlink()


def _record_older(job: Job, width: int, plan: str, progress: bool) -> None:
    """Read the files of an earlier featlib, which wrote no records, and record what is whole."""
    with progress_bar("checking", job.shards, "file", progress, range(job.shards)) as numbers:
        for shard in numbers:
            if job.part(shard).is_file() and _is_whole(job, shard, width):
                jobs.write_record(job, shard, plan)


def _is_whole(job: Job, shard: int, width: int) -> bool:
    """Say whether a Parquet file can be read, and holds features of all images of its shard."""
    _, parquet = _pyarrow()
    try:
        table = parquet.read_table(job.part(shard), columns=["path", "label", "features"])
        vectors = table["features"].combine_chunks()
        names = [*table["path"].to_pylist(), *(name for name, _ in _listed(job, shard))]
        return (
            sorted(names) == sorted(map(job.source.name, job.rows(shard)))
            and vectors.type.list_size == width
            and bool(np.isfinite(vectors.flatten().to_numpy()).all())
        )
    except Exception:  # whatever pyarrow raises at a damaged file
        return False


def _unfinished(job: Job, plan: dict[str, Any], progress: bool) -> list[int]:
    """Return the shards that are to be computed; name the files that are not what they were."""
    said = jobs.plan_digest(plan)
    checked = threads.map_ordered(
        lambda shard: jobs.is_finished(job, shard, said), range(job.shards)
    )
    with progress_bar("checking", job.shards, "file", progress, checked) as finished:
        missing = [shard for shard, done in enumerate(finished) if not done]
    damaged = [part.name for part in map(job.part, missing) if part.is_file()]
    if damaged:
        log.warning(
            "shards.extract: %s in '%s': damaged, or of something else; computed again",
            _some(damaged),
            printable(str(job.folder)),
        )
    return missing


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _count_shards(plan: dict[str, Any]) -> int:
    """Return how many files a plan stands for; none if it is not ours."""
    images, size = plan.get("images"), plan.get("images a shard")
    if not (isinstance(images, int) and isinstance(size, int) and size > 0):
        return 0
    return -(-images // size)


def _is_ours(path: Path, shards: int) -> bool:
    found = re.fullmatch(r"part-(\d{6,})\.(parquet|json)", path.name, re.ASCII)
    return bool(found) and int(found[1]) < shards


def _summary(job: Job, computed: int, seconds: float) -> Summary:
    unreadable = [row for shard in range(job.shards) for row in _listed(job, shard)]
    if len(unreadable) == len(job.source):
        wanted, (name, why) = "pictures that can be read", unreadable[0]
        checks.refuse("shards.extract", wanted, f"'{name}': {why}", "Check them.")
    images = len(job.source) - len(unreadable)
    unreadable += job.source.skipped
    return Summary(job.folder, images, computed, job.shards, job.size, tuple(unreadable), seconds)


def _listed(job: Job, shard: int) -> list[tuple[str, str]]:
    """Read the list of what could not be read of a shard; each with the reason."""
    path = job.unreadable(shard)
    found = json.loads(path.read_text("utf-8")) if path.is_file() else []
    return [(name, why) for name, why in found]


def _pyarrow() -> tuple[Any, Any]:
    """Import pyarrow, which nothing else needs."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        fix = "python -m pip install 'featlib[scale]'"
        checks.refuse("shards.extract", "pyarrow, which writes Parquet files", "none", fix)
    return pyarrow, parquet
