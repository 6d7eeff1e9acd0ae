"""A file is whole or not there: on the disk first, and only then under its name."""

import hashlib
import os

import pytest

from featlib.engine.files import atomic_write, sha256


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept.bin"


def names(path):
    return [entry.name for entry in path.parent.iterdir()]


def test_what_is_written_is_there_afterwards(path):
    with atomic_write(path) as file:
        file.write(b"all of it")
    assert path.read_bytes() == b"all of it"
    assert names(path) == ["kept.bin"]


def test_until_the_end_the_old_file_is_there(path):
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        [other] = [name for name in names(path) if name != "kept.bin"]
        assert other.startswith("_")
        assert other.endswith(".tmp")
    assert path.read_bytes() == b"new"


def test_after_an_error_the_old_file_is_there_and_nothing_else(path):
    path.write_bytes(b"old")

    def fail_half_way():
        with atomic_write(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert names(path) == ["kept.bin"]


def test_all_bytes_reach_the_disk_before_the_file_gets_its_name(path, monkeypatch):
    """After a power cut a name may be on the disk before the bytes are, unless one waits."""
    seen, sync, replace = [], os.fsync, os.replace

    def syncing(number):
        seen.append(("on the disk", os.fstat(number).st_size))
        sync(number)

    def replacing(old, new):
        seen.append(("named", new))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    with atomic_write(path) as file:
        file.write(b"all of it")
    assert seen == [("on the disk", 9), ("named", path)]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "no" / "kept.bin"):
        pass


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 7], ids=["empty", "a byte", "two pieces"])
def test_the_checksum_is_of_all_bytes(size, path):
    content = bytes(i % 251 for i in range(size))
    path.write_bytes(content)
    assert sha256(path) == sha256(str(path)) == hashlib.sha256(content).hexdigest()


of_unix = pytest.mark.skipif(os.name != "posix", reason="modes and links of Unix")


@pytest.fixture(params=[0o022, 0o027, 0o077, 0o002])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_who_may_read_a_new_file_is_decided_as_for_any_other(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    with atomic_write(tmp_path / "ours") as file:
        file.write(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@of_unix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_a_file_that_is_replaced_keeps_its_mode_and_is_never_open_to_more(mode, path):
    path.write_bytes(b"old")
    path.chmod(mode)
    with atomic_write(path) as file:
        assert os.fstat(file.fileno()).st_mode & 0o777 == mode
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == mode


@of_unix
def test_a_link_stays_a_link(path, tmp_path):
    target = tmp_path / "elsewhere" / "target.bin"
    target.parent.mkdir()
    path.symlink_to(target)
    for content in (b"new", b"newer"):
        with atomic_write(path) as file:
            file.write(content)
        assert target.read_bytes() == content
    assert path.is_symlink()
    assert list(target.parent.iterdir()) == [target]
