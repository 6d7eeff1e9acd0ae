"""Stage 3 for more images than memory holds: features, shard by shard, in Parquet files.

A shard is a few thousand images in a row. Threads decode its batches and send them through the
network side by side, and only a few batches are in memory at once. A shard is written whole or not
at all, so whatever stops the work, the same call goes on where it stopped.
"""

import json
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout

from featlib import checks, features
from featlib.backbone import fingerprint
from featlib.engine import threads
from featlib.engine.decode import strictly
from featlib.engine.files import atomic_write
from featlib.engine.progress_bar import progress_bar
from featlib.scale.sources import DatasetSource, FolderSource

PLAN = "_featlib.json"  # names that begin with _ are no data to pyarrow, pandas and Spark
UNREADABLE = "_unreadable"


@dataclass(frozen=True)
class Summary:
    """What an extraction has done.

    Attributes
    ----------
    folder : pathlib.Path
        Where the Parquet files are.
    images : int
        Images whose features are there, those of earlier calls included.
    computed : int
        Of these, what this call computed.
    shards : int
        Parquet files.
    unreadable : tuple of (str, str)
        Files that could not be read, each with the reason.
    seconds : float
        What this call took.
    """

    folder: Path
    images: int
    computed: int
    shards: int
    unreadable: tuple[tuple[str, str], ...]
    seconds: float


@dataclass(frozen=True)
class Job:
    """What is to be extracted, and where to; the same for each way of doing it.

    Attributes
    ----------
    source : FolderSource or DatasetSource
        The images.
    folder : pathlib.Path
        Where the Parquet files go.
    shard_size : int
        Images a file.
    batch_size, precision, device
        As for `features.extract`.
    """

    source: FolderSource
    folder: Path
    shard_size: int
    batch_size: int
    precision: str
    device: str

    @property
    def shards(self):
        """Return how many shards there are in all."""
        return -(-len(self.source) // self.shard_size)

    def rows(self, shard):
        """Return the rows of the images of a shard, as a range."""
        start = shard * self.shard_size
        return range(start, min(start + self.shard_size, len(self.source)))

    def part(self, shard):
        """Return the Parquet file of a shard."""
        return self.folder / f"part-{shard:06d}.parquet"

    def unfinished(self):
        """Return the shards that are not written yet."""
        return [shard for shard in range(self.shards) if not self.part(shard).is_file()]

    def plan(self, backbone):
        """Return what a folder of features must have been made from, to be gone on with."""
        return {
            "format": 1,
            "images": len(self.source),
            "source": self.source.digest(),
            "weights": fingerprint(backbone.state()),
            "preprocessing": repr(backbone.transform),
            "precision": self.precision,
            "images a shard": self.shard_size,
        }


def extract(
    source,
    folder,
    backbone,
    *,
    batch_size=64,
    precision="fp32",
    device="auto",
    shard_size=4096,
    overwrite=False,
    progress=True,
):
    """Turn images into features, in bounded memory, into Parquet files.

    The folder can be read as it is by pyarrow, pandas, Polars, DuckDB or Spark; its columns are
    ``path`` (text), ``label`` (text or null) and ``features`` (512 float32), in the order of the
    images. What could not be read is listed in ``_unreadable``. Call it again with the same
    arguments, and it goes on where it was stopped.

    Parameters
    ----------
    source : str, pathlib.Path or torch.utils.data.Dataset
        A folder of pictures, searched with its subfolders; or a dataset as torchvision has them,
        without a transform.
    folder : str or pathlib.Path
        Where the files go; made if need be.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        From `backbone.resnet18`.
    batch_size, precision, device
        As for `features.extract`.
    shard_size : int
        Images a Parquet file, and what is lost at most when the work is stopped.
    overwrite : bool
        Whether to remove features in the folder that were made from something else.
    progress : bool
        Whether to show a bar with the rate and the time left.

    Returns
    -------
    Summary

    Raises
    ------
    featlib.FeatlibError
        If there is nothing to read or none of it can be read, the folder holds other features, or
        another process writes to it.
    """
    job = plan_job(source, folder, batch_size, precision, device, shard_size)
    forward = features.fast_forward(backbone, job.precision, job.device)

    def write(shards, tick):
        for shard in shards:
            write_shard(job, shard, forward, backbone, tick)

    return write_missing(job, backbone, write, overwrite, progress)


def plan_job(source, folder, batch_size, precision, device, shard_size):
    """Check settings and list the source.

    Parameters
    ----------
    source, folder, batch_size, precision, device, shard_size
        As for `extract`.

    Returns
    -------
    Job
    """
    where = "shards.extract"
    checks.whole_number(batch_size, where, "batch_size")
    checks.whole_number(shard_size, where, "shard_size")
    checks.one_of(precision, where, "precision", features.PRECISIONS)
    _pyarrow()
    known = FolderSource if isinstance(source, (str, os.PathLike)) else DatasetSource
    folder = Path(folder).expanduser().resolve()
    return Job(known(source), folder, shard_size, batch_size, precision, device)


def write_missing(job, backbone, write, overwrite=False, progress=True):
    """Let a function write the shards that are missing, while nobody else writes to the folder.

    Parameters
    ----------
    job : Job
        From `plan_job`.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        What computes.
    write : callable
        Gets the numbers of the shards, and a function to call with each number of images done.
    overwrite, progress
        As for `extract`.

    Returns
    -------
    Summary
    """
    started = time.perf_counter()
    with _writing(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
    with _alone(job.folder):
        with _writing(job.folder):
            _begin(job, job.plan(backbone), overwrite)
        shards = job.unfinished()
        due = sum(len(job.rows(shard)) for shard in shards)
        before = len(job.source) - due
        with progress_bar("features", len(job.source), "image", progress, done=before) as done:
            write(shards, done.update)
        for leftover in job.folder.glob("_*.tmp"):  # of processes that were killed
            leftover.unlink()
        return _summary(job, due, time.perf_counter() - started)


def write_shard(job, shard, forward, backbone, tick=lambda n: None):
    """Decode the images of a shard, compute their features, and write its file.

    Parameters
    ----------
    job : Job
        What the shard is part of.
    shard : int
        Its number.
    forward : callable
        From `features.fast_forward`.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        What `forward` was made from.
    tick : callable
        Gets the number of images after each batch.
    """
    rows = job.rows(shard)
    step = threads.batch_size(len(rows), job.batch_size)
    batches = [rows[i : i + step] for i in range(0, len(rows), step)]
    compute = partial(_compute_batch, job.source, forward, backbone.transform.size)
    names, labels, vectors, unreadable = [], [], [], []
    with strictly():
        for batch, found in zip(batches, threads.map_ordered(compute, batches), strict=True):
            for whole, part in zip((names, labels, vectors, unreadable), found, strict=True):
                whole += part
            tick(len(batch))
    vectors = torch.cat(vectors) if vectors else torch.empty(0, backbone.width)
    with _writing(job.folder):
        _list_unreadable(job, shard, unreadable)
        _write_part(job.part(shard), names, labels, vectors.numpy())


def _compute_batch(source, forward, size, rows):
    """Return names, labels and features of what can be read, and names and reasons of the rest."""
    names, labels, pictures, unreadable = [], [], [], []
    for name, label, picture in (source.read(i, size) for i in rows):
        if isinstance(picture, str):
            unreadable.append((name, picture))
        else:
            names.append(name)
            labels.append(label)
            pictures.append(picture)
    if not pictures:
        return names, labels, [], unreadable
    # Pillow's order, height × width × channels, is what a fast convolution wants in memory.
    batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return names, labels, [forward(batch)], unreadable


def _list_unreadable(job, shard, unreadable):
    """Keep what could not be read; before the part, so that a finished shard has its list."""
    listed = job.folder / UNREADABLE / f"{job.part(shard).stem}.json"
    listed.unlink(missing_ok=True)
    if unreadable:
        listed.parent.mkdir(exist_ok=True)
        with atomic_write(listed) as file:
            file.write(json.dumps(unreadable, ensure_ascii=False, indent=1).encode())


def _write_part(path, names, labels, vectors):
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
def _alone(folder):
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
def _writing(folder):
    try:
        yield
    except Timeout:  # an OSError, too, but of the lock
        raise
    except OSError as error:
        wanted = f"to write features into '{folder}'"
        fix = "Make room, or choose another folder. Finished parts are kept: repeat, to go on."
        checks.refuse("shards.extract", wanted, str(error), fix)


def _begin(job, plan, overwrite):
    """Keep the plan of a new folder; refuse a folder that was made by another plan."""
    path = job.folder / PLAN
    found = _read_plan(path)
    parts = list(job.folder.glob("*.parquet"))
    if found != plan and (parts or found) and not overwrite:
        changed = [name for name in plan if found.get(name) != plan[name]]
        wanted = f"'{job.folder}' to be empty or to hold features of the same images and settings"
        got = f"features that differ in: {', '.join(changed)}"
        fix = "Choose another folder, or say overwrite=True (--overwrite) to remove them."
        checks.refuse("shards.extract", wanted, got, fix)
    if found != plan:
        for part in parts:
            part.unlink()
        shutil.rmtree(job.folder / UNREADABLE, ignore_errors=True)
        with atomic_write(path) as file:
            file.write(json.dumps(plan, indent=1).encode())


def _read_plan(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none there, or not ours
        return {}


def _summary(job, computed, seconds):
    lists = sorted((job.folder / UNREADABLE).glob("*.json"))
    unreadable = [tuple(row) for path in lists for row in json.loads(path.read_text("utf-8"))]
    if len(unreadable) == len(job.source):
        wanted, (name, reason) = "pictures that can be read", unreadable[0]
        checks.refuse("shards.extract", wanted, f"'{name}': {reason}", "Check the files.")
    images = len(job.source) - len(unreadable)
    return Summary(job.folder, images, computed, job.shards, tuple(unreadable), seconds)


def _pyarrow():
    """Import pyarrow, which only this needs."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        fix = "python -m pip install 'featlib[scale]'"
        checks.refuse("shards.extract", "pyarrow, which writes Parquet files", "none", fix)
    return pyarrow, parquet
