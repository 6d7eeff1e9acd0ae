"""Stage 3 past one machine: the shards of `shards`, spread by Ray over the machines of a cluster.

Each worker loads the network once and writes whole shards with the very code that one machine uses.
A shard that is written twice, since a worker died and Ray gave its work to another, is the same
file under the same name: nothing is lost or doubled.
"""

import logging
import os

from featlib import checks, features
from featlib.scale import shards


class ShardWriter:
    """What runs in each worker: the network, loaded once, and the shards that Ray hands it.

    Parameters
    ----------
    work : ray.ObjectRef
        Of a pair: the `featlib.scale.shards.Job` and the `featlib.backbone.Backbone`.
    """

    def __init__(self, work):
        self.job, self.backbone = _ray().get(work)
        self.forward = features.fast_forward(self.backbone, self.job.precision, self.job.device)

    def __call__(self, batch):
        """Write the shards of a batch.

        Parameters
        ----------
        batch : dict of str to numpy.ndarray
            The numbers of the shards, as ``id``.

        Returns
        -------
        dict of str to numpy.ndarray
            The same.
        """
        for shard in batch["id"].tolist():
            shards.write_shard(self.job, shard, self.forward, self.backbone)
        return batch


def extract(
    source,
    folder,
    backbone,
    *,
    workers=None,
    address=None,
    batch_size=64,
    precision="fp32",
    device="auto",
    shard_size=4096,
    overwrite=False,
    progress=True,
):
    """Do what `shards.extract` does on a Ray cluster.

    Parameters
    ----------
    source, folder
        As for `shards.extract`. Every machine must find both under the same path: a shared disk.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        From `backbone.resnet18`; Ray brings it to each worker.
    workers : int, optional
        How many processes; left out, one for each two processors of the cluster, or for each GPU
        with ``device="cuda"``.
    address : str, optional
        Of a running cluster, such as ``"auto"`` or ``"ray://head:10001"``. Left out, the one that
        ``RAY_ADDRESS`` names, else a cluster on this machine for as long as the work takes.
    batch_size, precision, device, shard_size, overwrite, progress
        As for `shards.extract`.

    Returns
    -------
    featlib.scale.shards.Summary

    Raises
    ------
    featlib.FeatlibError
        As `shards.extract`; and if Ray is not installed or the cluster cannot be reached.
    """
    ray = _ray()
    if workers is not None:
        checks.whole_number(workers, "cluster.extract", "workers")
    job = shards.plan_job(source, folder, batch_size, precision, device, shard_size)

    def write(shards, tick):
        if not shards:
            return
        started = _connect(ray, address)
        try:
            for shard in _write_on_workers(ray, job, backbone, shards, workers):
                tick(len(job.rows(shard)))
        finally:
            if started:
                ray.shutdown()

    return shards.write_missing(job, backbone, write, overwrite, progress)


def _write_on_workers(ray, job, backbone, shards, workers):
    """Yield the number of each shard when it is written."""
    gpu = job.device == "cuda"
    each = {"num_gpus": 1} if gpu else {"num_cpus": 2}
    there = ray.cluster_resources()
    fit = int(there.get("GPU", 0) if gpu else there.get("CPU", 1) / 2)
    if workers:
        each = each if gpu else {"num_cpus": max(1, int(there.get("CPU", 1)) // workers)}
    workers = min(len(shards), workers or max(1, fit))
    # The bar is ours, and a worker that dies is Ray's business as long as it can be replaced.
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    work = ray.put((job, backbone))
    numbers = ray.data.from_items([{"id": n} for n in shards], override_num_blocks=len(shards))
    written = numbers.map_batches(
        ShardWriter,
        fn_constructor_args=(work,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        **each,
    )
    for row in written.iter_rows():
        yield row["id"]


def _connect(ray, address):
    """Join or start a cluster; return whether it was done here."""
    if ray.is_initialized():
        return False
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    except Exception as error:  # Ray raises many kinds
        wanted = f"a Ray cluster at '{address}'" if address else "to start Ray"
        fix = "Check the address; `ray status` says whether a cluster runs."
        checks.refuse("cluster.extract", wanted, f"{type(error).__name__}: {error}", fix)
    return True


def _ray():
    """Import Ray, which only this needs."""
    # What workers say of each other's restarts is nothing that a reader can fix.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError:
        fix = "python -m pip install 'featlib[scale]'"
        checks.refuse("cluster.extract", "Ray", "none", fix)
    return ray
