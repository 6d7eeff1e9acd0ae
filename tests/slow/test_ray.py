"""Features by a Ray cluster of this machine, with two workers: the same, and complete."""

import os
import signal
import threading
import time

import numpy as np
import psutil
import pytest
import ray
from pyarrow import parquet

from featlib import FeatlibError, images
from featlib.scale import cluster, shards


@pytest.fixture(scope="module")
def ray_cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture
def source(tmp_path):
    """Return a folder of 200 bundled pictures and one that is broken."""
    own = images.load("emoji10")
    folder = tmp_path / "pictures"
    for i in range(200):
        place = folder / own.classes[own.labels[i]]
        place.mkdir(parents=True, exist_ok=True)
        own.picture(i).save(place / f"{i:03}.{'png' if i % 2 else 'jpg'}")
    (folder / "broken.png").write_text("x")
    return folder


def read(folder):
    table = parquet.read_table(folder)
    return table["path"].to_pylist(), np.stack(table["features"].to_numpy())


def kill_a_worker_at_work(folder, killed):
    """Wait for the first finished shard, then kill one of the workers."""
    while not list(folder.glob("part*")):
        time.sleep(0.01)
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or [""]
        if words[0].startswith("ray::MapWorker"):
            os.kill(process.pid, signal.SIGKILL)
            killed.append(process.pid)
            return


def test_a_killed_worker_costs_nothing_and_features_are_those_of_one_machine(
    ray_cluster, source, tmp_path, resnet
):
    killed = []
    killer = threading.Thread(
        target=kill_a_worker_at_work, args=(tmp_path / "ray", killed), daemon=True
    )
    killer.start()
    there = cluster.extract(
        source, tmp_path / "ray", resnet, workers=2, shard_size=10, progress=False
    )
    here = shards.extract(source, tmp_path / "here", resnet, progress=False)
    assert len(killed) == 1
    assert (there.images, there.computed, there.shards) == (200, 201, 21)
    assert there.unreadable == here.unreadable
    assert [name for name, _ in there.unreadable] == ["broken.png"]
    paths, vectors = read(tmp_path / "ray")
    expected_paths, expected = read(tmp_path / "here")
    assert paths == expected_paths
    np.testing.assert_allclose(vectors, expected, atol=1e-4)


def test_what_one_machine_began_a_cluster_goes_on_with(ray_cluster, source, tmp_path, resnet):
    settings = {"shard_size": 50, "progress": False}
    shards.extract(source, tmp_path / "both", resnet, **settings)
    for number in (1, 3):
        (tmp_path / "both" / f"part-{number:06d}.parquet").unlink()
    done = cluster.extract(source, tmp_path / "both", resnet, workers=1, **settings)
    assert (done.computed, done.images) == (100, 200)
    assert cluster.extract(source, tmp_path / "both", resnet, **settings).computed == 0


def test_wrong_use_is_refused(source, tmp_path, resnet):
    with pytest.raises(FeatlibError, match="workers"):
        cluster.extract(source, tmp_path / "o", resnet, workers=0)
