"""What is finished is known: wherever the work was stopped, and whoever wrote at the same time."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from featlib import backbone, features
from featlib.scale import jobs, shards

SETTINGS = {"shard_size": 3, "device": "cpu", "progress": False}
PICTURES = [(Image.new("RGB", (40, 40), (20 * i, 0, 0)), "cat") for i in range(8)] + [None]


@pytest.fixture(scope="module")
def small():
    return backbone.resnet18(size=32)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, small):
    """Return a folder of nine rows, of which the last cannot be read."""
    folder = tmp_path_factory.mktemp("whole")
    shards.extract(PICTURES, folder, small, **SETTINGS)
    return folder


def vectors(folder):
    return np.stack(parquet.read_table(folder)["features"].to_numpy())


def planned(folder, small):
    """Return the job, and the digest of its plan."""
    job = shards.plan_job(PICTURES, folder, small, 64, "fp32", "cpu", 3)
    return job, jobs.plan_digest(job.plan(small))


def test_a_record_tells_of_the_rows_and_the_sha_256_of_both_files(whole, small):
    job, plan = planned(whole, small)
    for shard in range(3):
        digests = [
            hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
            for path in (job.part(shard), job.unreadable(shard))
        ]
        assert json.loads(job.record(shard).read_text()) == {
            "plan": plan, "rows": [3 * shard, 3 * shard + 3],
            "features": digests[0], "unreadable": digests[1],
        }  # fmt: skip
    assert (digests[1] is None, job.unreadable(0).exists()) == (False, False)


RENAMES = range(8)  # the plan; a record and a part three times; a list of reasons


@pytest.mark.parametrize("stop", RENAMES)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_stopped_at_any_file_the_same_call_continues(
    stop, before, whole, small, tmp_path, monkeypatch, caplog
):
    """Each file gets its name at once; a kill comes before or after that."""
    real, calls = os.replace, []

    def replace(*names):
        calls.append(names)
        if before and len(calls) == stop + 1:
            raise KeyboardInterrupt
        real(*names)
        if len(calls) == stop + 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            shards.extract(PICTURES, tmp_path, small, **SETTINGS)
    finished = {path: path.read_bytes() for path in tmp_path.glob("part*")}
    done = shards.extract(PICTURES, tmp_path, small, **SETTINGS)
    assert done.computed == 9 - 3 * len(finished)
    assert all(path.read_bytes() == data for path, data in finished.items())
    assert caplog.messages == []
    np.testing.assert_allclose(vectors(tmp_path), vectors(whole), atol=1e-5)
    files = {path.relative_to(whole) for path in whole.rglob("*")}
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*")} == files


def test_there_are_as_many_renames_as_that_test_stops_at(small, tmp_path, monkeypatch):
    real, calls = os.replace, []
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append(names), real(*names)))
    shards.extract(PICTURES, tmp_path, small, **SETTINGS)
    assert len(calls) == len(RENAMES)


def test_a_record_of_another_writer_is_no_record_of_this_file(whole, small, tmp_path, monkeypatch):
    """Two write one shard at the same time, with features that differ in the last digits."""
    shards.extract(PICTURES, tmp_path, small, **SETTINGS)
    job, plan = planned(tmp_path, small)
    forward, write_record = features.fast_forward(small, "fp32", "cpu"), jobs.write_record

    def then_another(*arguments):
        write_record(*arguments)
        monkeypatch.setattr(jobs, "write_record", write_record)
        shards.write_shard(job, 0, lambda images: forward(images) + 1e-6, small)

    monkeypatch.setattr(jobs, "write_record", then_another)
    shards.write_shard(job, 0, forward, small)
    assert [jobs.is_finished(job, shard, plan) for shard in range(3)] == [False, True, True]
    assert shards.extract(PICTURES, tmp_path, small, **SETTINGS).computed == 3
    assert shards.extract(PICTURES, tmp_path, small, **SETTINGS).computed == 0


def test_what_killed_writers_have_left_is_removed_and_nothing_else(whole, small, tmp_path):
    shards.extract(PICTURES, tmp_path, small, **SETTINGS)
    rooms = [tmp_path, tmp_path / "_finished", tmp_path / "_unreadable"]
    ours = [room / "_0123456789abcdef.tmp" for room in rooms]
    others = [room / name for room in rooms for name in ("_mine.tmp", "_012345678.tmp", "x.tmp")]
    folder = tmp_path / "_fedcba9876543210.tmp"
    folder.mkdir()
    for path in (*ours, *others):
        path.write_text("x")
    shards.extract(PICTURES, tmp_path, small, **SETTINGS)
    assert [path.exists() for path in ours] == [False] * 3
    assert all(path.exists() for path in (*others, folder))


def test_a_file_that_the_disk_does_not_give_is_made_again(
    whole, small, tmp_path, monkeypatch, caplog
):
    shards.extract(PICTURES, tmp_path, small, **SETTINGS)
    real = jobs.sha256

    def failing(path):
        if Path(path).name == "part-000001.parquet":
            raise OSError(5, "Input/output error")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "sha256", failing)
        assert shards.extract(PICTURES, tmp_path, small, **SETTINGS).computed == 3
    assert ["part-000001.parquet" in message for message in caplog.messages] == [True]
    assert shards.extract(PICTURES, tmp_path, small, **SETTINGS).computed == 0


def test_other_settings_of_the_plan_are_another_plan(whole, small):
    job, plan = planned(whole, small)
    assert jobs.plan_digest(jobs.read_plan(whole)) == plan
    assert jobs.plan_digest({**jobs.read_plan(whole), "precision": "bf16"}) != plan
    assert jobs.is_recorded(job, job.part(0), plan)
    assert not jobs.is_recorded(job, job.part(0), "another")
