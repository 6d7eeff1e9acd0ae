"""Stage 3 for more than one machine: Ray spreads the shards over the machines of a cluster.

Each worker loads the network once and writes whole shards, with the same code as one machine. If a
worker dies, Ray gives its shard to another. Written twice, it is the same file under the same name:
nothing is lost or doubled.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset

from featlib import checks, features
from featlib.backbone import Backbone
from featlib.engine.words import reason
from featlib.images import ImageSet
from featlib.scale import shards
from featlib.scale.items import Rows
from featlib.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    import ray

__all__ = ["ShardWriter", "extract"]


class ShardWriter:
    """What runs in each worker: it loads the network once, and writes the shards that it is given.

    Parameters
    ----------
    work : ray.ObjectRef
        Ray's name for a pair: the `featlib.scale.shards.Job`, and the backbone or its weights.
    """

    def __init__(self, work: "ray.ObjectRef") -> None:
        self.job, self.backbone = _ray().get(work)
        self.forward = features.fast_forward(self.backbone, self.job.precision, self.job.device)

    def __call__(self, batch: "dict[str, np.ndarray]") -> "dict[str, np.ndarray]":
        """Write the shards of a batch.

        Parameters
        ----------
        batch : dict of str to numpy.ndarray
            Under ``id`` the numbers of the shards, int64 N.

        Returns
        -------
        dict of str to numpy.ndarray
            The same.
        """
        for shard in batch["id"].tolist():
            shards.write_shard(self.job, shard, self.forward, self.backbone)
        return batch


def extract(
    source: str | os.PathLike[str] | Dataset | ImageSet | Rows,
    folder: str | os.PathLike[str],
    backbone: Backbone | Weights,
    *,
    workers: int | None = None,
    address: str | None = None,
    batch_size: int = 64,
    precision: str = "fp32",
    device: str = "auto",
    shard_size: int = 4096,
    source_id: str | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> shards.Summary:
    """Do what `shards.extract` does on a Ray cluster.

    Parameters
    ----------
    source, folder
        As for `shards.extract`. Every machine must find both under the same path, on a shared disk.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        From `backbone.resnet18`; Ray brings it to each worker.
    workers : int, optional
        How many processes. Left out: one for every two processors of the cluster, or with
        ``device="cuda"`` one for every GPU.
    address : str, optional
        The address of a running cluster, such as ``"auto"`` or ``"ray://head:10001"``. Left out:
        the one that ``RAY_ADDRESS`` names, else a new cluster on this machine, which ends with the
        work. No other machine can reach it.
    batch_size, precision, device, shard_size, source_id, overwrite, progress
        As for `shards.extract`.

    Returns
    -------
    featlib.scale.shards.Summary
        As of `shards.extract`.

    Raises
    ------
    featlib.FeatlibError
        As of `shards.extract`; also if Ray is not installed or the cluster cannot be reached.
    """
    ray = _ray()
    if workers is not None:
        checks.whole_number(workers, "cluster.extract", "workers")
    job = shards.plan_job(
        source, folder, backbone, batch_size, precision, device, shard_size, source_id, progress
    )

    def write(missing, tick):
        if not missing:
            return
        started = _connect(ray, address)
        try:
            for shard in _write_on_workers(ray, job, backbone, missing, workers):
                tick(len(job.rows(shard)))
        finally:
            if started:
                ray.shutdown()

    return shards.write_missing(job, backbone, write, overwrite, progress)


def _write_on_workers(
    ray: Any,
    job: shards.Job,
    backbone: Backbone | Weights,
    missing: list[int],
    workers: int | None,
) -> Iterator[int]:
    """Yield the number of each shard when it is written."""
    gpu = job.device == "cuda"
    each = {"num_gpus": 1} if gpu else {"num_cpus": 2}
    there = ray.cluster_resources()
    fit = int(there.get("GPU", 0) if gpu else there.get("CPU", 1) / 2)
    if workers:
        each = each if gpu else {"num_cpus": max(1, int(there.get("CPU", 1)) // workers)}
    workers = min(len(missing), workers or max(1, fit))
    # The progress bar is ours, and Ray replaces a worker that dies without our help.
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    work = ray.put((job, backbone))
    numbers = ray.data.from_items([{"id": n} for n in missing], override_num_blocks=len(missing))
    written = numbers.map_batches(
        ShardWriter,
        fn_constructor_args=(work,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        **each,
    )
    for row in written.iter_rows():
        yield row["id"]


def _connect(ray: Any, address: str | None) -> bool:
    """Join or start a cluster; return False if this process is in one already."""
    if ray.is_initialized():
        return False
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    here = address == "local"
    try:
        with _loopback_only() if here else nullcontext():
            ray.init(address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except Exception as error:  # Ray raises many kinds
        ray.shutdown()  # what has been started
        got = f"{type(error).__name__}: {reason(error).rstrip('.')}"
        if here:
            fix = "Try again when less runs on this machine, or use shards.extract."
            checks.refuse("cluster.extract", "to start Ray", got, fix)
        fix = "Check the address; `ray status` says whether a cluster runs."
        checks.refuse("cluster.extract", f"a Ray cluster at '{address}'", got, fix)
    return True


@contextmanager
def _loopback_only() -> Iterator[None]:
    """Let Ray start a cluster that no other machine can reach.

    On macOS and Windows Ray listens on 127.0.0.1 anyway. On Linux it replaces that address, even
    where ``_node_ip_address`` asks for it, by the one under which others find this machine. The
    constant of Ray that makes the difference is read at every start.
    """
    from ray._private import ray_constants as constants

    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _ray() -> Any:
    """Import Ray, which nothing else needs."""
    # Workers report each other's restarts, which the reader can do nothing about.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError:
        fix = "python -m pip install 'featlib[scale]'"
        checks.refuse("cluster.extract", "Ray", "none", fix)
    return ray
