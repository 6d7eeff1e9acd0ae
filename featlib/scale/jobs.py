"""What an extraction is to do, where its files lie, and which of its shards are finished.

A shard is finished if its files are those that its record tells of, byte by byte. The record is
written before the Parquet file gets its name. So wherever the work is stopped, and whoever writes
at the same time, a record never says of other files that they are finished.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from featlib.backbone import Backbone, fingerprint
from featlib.engine.files import atomic_write, sha256
from featlib.engine.folders import PLAN
from featlib.engine.strict_json import parse_json
from featlib.scale.sources import DatasetSource, FolderSource
from featlib.weights import Weights

__all__ = [
    "FINISHED",
    "UNREADABLE",
    "Job",
    "is_finished",
    "is_recorded",
    "plan_digest",
    "read_plan",
    "write_record",
]

# Names that begin with _ are not read as data by pyarrow, pandas and Spark.
UNREADABLE = "_unreadable"
FINISHED = "_finished"
_LARGEST = 1 << 20  # bytes that are read of a plan or a record


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
            Whether it is whole, `is_finished` tells.
        """
        return self.folder / f"part-{shard:06d}.parquet"

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

    def record(self, shard: int) -> Path:
        """Return the path of the record of a shard: what its files are when it is finished.

        Parameters
        ----------
        shard : int
            Its number, from 0.

        Returns
        -------
        pathlib.Path
            From `write_record`.
        """
        return self.folder / FINISHED / f"{self.part(shard).stem}.json"

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
            "format": 2,
            "images": len(self.source),
            "source": self.source.digest(progress),
            "weights": fingerprint(backbone.state()),
            "preprocessing": repr(replace(backbone.transform, size=self.size)),
            "precision": self.precision,
            "images a shard": self.shard_size,
        }


def plan_digest(plan: Mapping[str, Any]) -> str:
    """Hash a plan.

    Parameters
    ----------
    plan : mapping
        From `Job.plan`, or what is left of one.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def read_plan(folder: Path) -> dict[str, Any]:
    """Read the plan of a folder of features.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.

    Returns
    -------
    dict
        As of `Job.plan`; empty if there is none, or it is damaged.
    """
    return _read(folder / PLAN)


def write_record(job: Job, shard: int, plan: str, part: Path | None = None) -> None:
    """Write down what the files of a finished shard are.

    Parameters
    ----------
    job : Job
        What the shard is a part of.
    shard : int
        Its number, from 0.
    plan : str
        From `plan_digest`.
    part : pathlib.Path, optional
        The Parquet file, where it does not have its name yet.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = job.record(shard)
    path.parent.mkdir(exist_ok=True)
    facts = _facts(job, shard, plan, part or job.part(shard))
    with atomic_write(path) as file:
        file.write(json.dumps(facts, indent=1).encode())


def is_recorded(job: Job, part: Path, plan: str) -> bool:
    """Say whether a Parquet file has a record, and this is of a plan.

    Parameters
    ----------
    job : Job
        What the file may be a part of.
    part : pathlib.Path
        The file.
    plan : str
        From `plan_digest`.

    Returns
    -------
    bool
        Whether the file is what the record says of it is another question: `is_finished`.
    """
    return _read(job.folder / FINISHED / f"{part.stem}.json").get("plan") == plan


def is_finished(job: Job, shard: int, plan: str) -> bool:
    """Say whether the files of a shard are what its record says of them.

    Both files are read: their sizes and times would not tell of a damaged disk, nor of a copy.

    Parameters
    ----------
    job : Job
        What the shard is a part of.
    shard : int
        Its number, from 0.
    plan : str
        From `plan_digest`.

    Returns
    -------
    bool
        False if there is no Parquet file that can be read, or no record of it.
    """
    part = job.part(shard)
    try:
        recorded = is_recorded(job, part, plan) and part.is_file()
        return recorded and _read(job.record(shard)) == _facts(job, shard, plan, part)
    except OSError:  # a damaged disk
        return False


def _facts(job: Job, shard: int, plan: str, part: Path) -> dict[str, Any]:
    rows, listed = job.rows(shard), job.unreadable(shard)
    return {
        "plan": plan,
        "rows": [rows.start, rows.stop],
        "features": sha256(part),
        "unreadable": sha256(listed) if listed.is_file() else None,
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            found = parse_json(file.read(_LARGEST))
    except (OSError, ValueError):  # there is none, or it is not ours
        return {}
    return found if isinstance(found, dict) else {}
