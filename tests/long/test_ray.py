"""Features by a Ray cluster of this machine, with two workers: the same, and complete."""

import ipaddress
import os
import shutil
import signal
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import ray
from pyarrow import parquet

from featlib import FeatlibError, images
from featlib.scale import cluster, shards

SETTINGS = {"shard_size": 10, "progress": False}


def make_source(folder):
    """Make a folder of 150 bundled pictures and one that is broken."""
    own = images.load("emoji10")
    for i in range(150):
        place = folder / own.classes[own.labels[i]]
        place.mkdir(parents=True, exist_ok=True)
        own.picture(i).save(place / f"{i:03}.{'png' if i % 2 else 'jpg'}")
    (folder / "broken.png").write_text("x")
    return folder


def read(folder):
    table = parquet.read_table(folder)
    return table["path"].to_pylist(), np.stack(table["features"].to_numpy())


def part(folder, number):
    return folder / f"part-{number:06d}.parquet"


def workers():
    """Return the processes that compute features; each has a name when it has begun."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has ended since
            if "MapWorker" in " ".join(child.cmdline()):
                found.append(child)
    return found


def listening():
    """Return the addresses at which this process and those of Ray wait for connections."""
    found = []
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        connections = process.net_connections("inet")
        found += [each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN]
    return found


def watch(folder, seen):
    """Wait for the first shard that Ray finishes, and kill one of the workers."""
    while len(workers()) < 2:
        time.sleep(0.1)
    victim, seen.listening = workers()[0], listening()
    while not part(folder, 4).exists() and not part(folder, 5).exists():
        time.sleep(0.01)
    os.kill(victim.pid, signal.SIGKILL)
    seen.killed.append(victim.pid)


@pytest.fixture(scope="module")
def job(tmp_path_factory, resnet):
    """Begin on one machine, damage a file, and go on with Ray, which loses a worker."""
    folder = tmp_path_factory.mktemp("ray")
    source, here, there = make_source(folder / "pictures"), folder / "here", folder / "there"
    alone = shards.extract(source, here, resnet, **SETTINGS)
    shutil.copytree(here, there)
    for number in range(4, 16):
        part(there, number).unlink()
    part(there, 2).write_bytes(part(there, 3).read_bytes())
    seen = SimpleNamespace(killed=[], listening=[])
    watcher = threading.Thread(target=watch, args=(there, seen), daemon=True)
    watcher.start()
    together = cluster.extract(source, there, resnet, workers=2, **SETTINGS)
    watcher.join(10)
    return SimpleNamespace(
        source=source, here=here, there=there, alone=alone, together=together, seen=seen
    )


def test_what_one_machine_began_a_cluster_goes_on_with_and_a_killed_worker_costs_nothing(job):
    assert len(job.seen.killed) == 1
    assert (job.together.computed, job.together.images, job.together.shards) == (121, 150, 16)
    assert job.together.unreadable == job.alone.unreadable
    assert [name for name, _ in job.together.unreadable] == ["broken.png"]
    for number in (0, 1, 3):
        assert part(job.there, number).read_bytes() == part(job.here, number).read_bytes()


def test_features_of_a_cluster_are_those_of_one_machine(job):
    paths, vectors = read(job.there)
    expected_paths, expected = read(job.here)
    assert paths == expected_paths
    np.testing.assert_allclose(vectors, expected, atol=1e-4)


def test_all_that_workers_wrote_is_recorded_as_finished(job, resnet):
    for extract in (cluster.extract, shards.extract):
        assert extract(job.source, job.there, resnet, **SETTINGS).computed == 0


def test_no_other_machine_can_reach_a_cluster_of_our_own(job):
    assert len(job.seen.listening) > 5
    addresses = [ipaddress.ip_address(ip.removeprefix("::ffff:")) for ip in job.seen.listening]
    assert [address for address in addresses if not address.is_loopback] == []


def test_a_cluster_of_our_own_ends_with_the_work(job):
    assert not ray.is_initialized()
    assert workers() == []


def test_wrong_use_is_refused(job, tmp_path, resnet):
    with pytest.raises(FeatlibError, match="workers"):
        cluster.extract(job.source, tmp_path / "o", resnet, workers=0)
