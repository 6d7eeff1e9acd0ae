"""A file is whole or not there: on the disk first, and only then under its name."""

import ast
import hashlib
import os
import re
import socket
import time
from pathlib import Path

import pytest

import featlib
from featlib.engine import files
from featlib.engine.files import (
    atomic_write,
    atomic_write_all,
    atomic_write_text,
    read_regular,
    sha256,
)

PACKAGE = Path(featlib.__file__).parent


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


# What is in the way


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@of_unix
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to a folder"])
def test_what_is_no_regular_file_is_never_replaced(kind, tmp_path, pipe):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    there = {"pipe": pipe, "device": Path("/dev/null"), "folder": tmp_path / "folder"}
    there["link to a folder"] = tmp_path / "link"
    before, kept = os.lstat(there[kind]), sorted(os.listdir(tmp_path))
    with pytest.raises(OSError, match=f"a {kind.split()[-1]} is there"), atomic_write(there[kind]):
        pytest.fail("the work must not begin")
    assert os.path.samestat(os.lstat(there[kind]), before)
    assert sorted(os.listdir(tmp_path)) == kept


@pytest.mark.parametrize("name", [".", "..", "", "x" * 300, "no/such/folder/x"])
def test_a_name_that_no_file_can_have_is_an_os_error_and_leaves_nothing(name, tmp_path):
    with pytest.raises(OSError), atomic_write(tmp_path / name):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", [".", ".."])
def test_a_folder_by_a_relative_name_is_an_os_error(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError), atomic_write(Path(name)):
        pass


# What killed processes have left


OLD = "_0123456789abcdef.tmp"
FOREIGN = ["_0123456789abcdef.tmp2", "_0123456789ABCDEF.tmp", "x_0123456789abcdef.tmp", "_1.tmp"]


def make_old(path, days=1.1):
    os.utime(path, (time.time() - days * 86_400,) * 2)


def test_the_next_write_removes_what_is_older_than_a_day_and_ours(path):
    for name in (OLD, *FOREIGN):
        (path.parent / name).write_bytes(b"half")
        make_old(path.parent / name)
    (path.parent / "_fedcba9876543210.tmp").write_bytes(b"of a process that is at work")
    for _ in range(2):
        with atomic_write(path) as file:
            file.write(b"new")
    assert sorted(names(path)) == sorted([*FOREIGN, "_fedcba9876543210.tmp", "kept.bin"])
    (path.parent / OLD).write_bytes(b"half")
    make_old(path.parent / OLD)
    with atomic_write(path) as file:
        file.write(b"newer")
    assert OLD not in names(path), "not only the first write of a process removes it"


@of_unix
def test_a_folder_or_a_link_of_such_a_name_stays(path, tmp_path):
    (tmp_path / "a file").write_bytes(b"of the learner's own")
    make_old(tmp_path / "a file")
    (tmp_path / OLD).symlink_to("a file")
    (tmp_path / "_0000000000000000.tmp").mkdir()
    make_old(tmp_path / "_0000000000000000.tmp")
    with atomic_write(path):
        pass
    assert {OLD, "_0000000000000000.tmp", "a file"} < set(names(path))


# A text, and several files at once


def test_a_text_is_utf8_with_its_own_line_ends_and_half_characters_written_out(path):
    atomic_write_text(path, "5 × 3\r\n\udcff\n")
    assert path.read_bytes() == "5 × 3\r\n\\udcff\n".encode()


def together(tmp_path):
    return {tmp_path / name: name.encode() for name in ("a", "b", "the page")}


def test_files_that_belong_together_get_their_names_in_order(tmp_path, monkeypatch):
    seen, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (seen.append("on the disk"), sync(number)))
    monkeypatch.setattr(os, "replace", lambda old, new: (seen.append(new.name), replace(old, new)))
    atomic_write_all(together(tmp_path))
    assert seen == [*["on the disk"] * 3, "a", "b", "the page"]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == together(tmp_path)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_disk_that_is_full_leaves_all_files_as_they_were(number, tmp_path, monkeypatch):
    before = dict.fromkeys(together(tmp_path), b"old")
    atomic_write_all(before)
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == number:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_write_all(together(tmp_path))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_in_the_place_of_one_leaves_all_files_as_they_were(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OSError, match="a folder is there"):
        atomic_write_all(together(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == b"old"


# Files of strangers


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_regular_file_is_read_to_its_end(size, path):
    path.write_bytes(bytes(size))
    assert read_regular(path, 100) == bytes(size)


def test_a_larger_file_is_refused(path):
    path.write_bytes(bytes(1_500_001))
    with pytest.raises(ValueError, match=r"larger than 1\.5 MB"):
        read_regular(path, 1_500_000)


@of_unix
def test_a_link_to_a_regular_file_is_read(path, tmp_path):
    path.write_bytes(b"content")
    (tmp_path / "link").symlink_to(path)
    assert read_regular(tmp_path / "link", 100) == b"content"


@of_unix
@pytest.mark.parametrize("target", ["/dev/zero", "/dev/null", "pipe", "folder", "socket"])
def test_what_is_no_regular_file_is_refused_at_once(target, tmp_path, pipe, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(target)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket")
        kind = "device" if target.startswith("/dev") else target
        with pytest.raises(ValueError, match=f"a {kind}, no file"):
            read_regular(Path("link"), 100)


@of_unix
def test_a_pipe_that_took_the_name_of_a_file_is_not_waited_for(path, pipe, monkeypatch):
    path.write_bytes(b"content")
    regular = os.stat(path)
    monkeypatch.setattr(files.os, "stat", lambda name: regular)
    with pytest.raises(ValueError, match="a pipe, no file"):
        read_regular(pipe, 100)


# No other way of writing


OTHER_WAYS = {
    "write_text", "write_bytes", "savefig", "save_file", "save", "savetxt", "savez", "tofile",
    "savez_compressed", "memmap", "write_table", "ParquetWriter", "fdopen", "touch",
    "NamedTemporaryFile", "mkstemp", "copy2", "copyfile", "copytree", "move", "extractall",
    "print_png", "to_csv", "to_parquet", "to_json", "to_pickle", "to_excel", "to_html",
}  # fmt: skip
OF_MODULES = {"os.open", "shutil.copy", "nbformat.write", "pickle.dump", "joblib.dump"}
OPENING = {"open", "ZipFile", "TarFile", "File", "GzipFile"}
ALLOWED = {
    ("engine/files.py", "_whole"): "the one way",
    ("engine/files.py", "open_at_once"): "it reads",
    ("engine/own_picture.py", "keep"): "into a file of atomic_write",
    ("engine/decode.py", "_room_on_disk"): "memory on the disk, without a name",
    ("quiz/progress.py", "_append"): "lines are added under a lock",
    ("engine/thumbnails.py", "photograph"): "into memory",
    ("quiz/qti.py", "package"): "into memory",
    ("widgets/my_picture.py", "_seen"): "into memory",
    ("scale/shards.py", "_write_part"): "into a file of atomic_write",
    ("images.py", "contact_sheet"): "into memory",
    ("engine/cache.py", "_share"): "it opens folders and files to change who may read them",
    ("exercises/challenges.py", "_kept"): "into a temporary folder of its own",
    ("exercises/challenges.py", "_refuse_code"): "into a temporary folder of its own",
    ("plots/style.py", "png"): "into memory",
    ("cli.py", "main"): "opens what is thrown away",
    ("cli.py", "_run"): "a lesson's own save, which writes that way",
    ("model/exports.py", "export_torch"): "into memory",
    ("web/content.py", "_my_picture"): "into memory",
    **{
        (f"site/{file}.py", name): "into a temporary folder that takes the site's place as a whole"
        for file, names in {
            "builder": ("_decks", "_static", "build"),
            "sources": ("_write", "write"),
        }.items()
        for name in names
    },
}


def mode_of(call):
    """Return the mode of a call that opens: its text, or one of writing if that is computed."""
    given = [*call.args[:2], *(word.value for word in call.keywords if word.arg == "mode")]
    texts = [a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    computed = len(call.args) > 1 and not isinstance(call.args[1], ast.Constant)
    return "w" if computed else next((t for t in texts if re.fullmatch("[rwaxbt+]+", t)), "r")


def writes(call):
    name = ast.unparse(call.func)
    last = name.split(".")[-1]
    if name in OF_MODULES or (last in OTHER_WAYS and "." in name) or name in OTHER_WAYS - {"save"}:
        return True
    return last in OPENING and bool(set(mode_of(call)) & set("wax+"))


def writers(file):
    """Return the functions of a file that write in another way than this module's."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    within = {id(node): f.name for f in functions for node in ast.walk(f)}  # the innermost is last
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and writes(node))
    return {within.get(id(call), "") for call in calls}


def test_nothing_writes_in_another_way():
    found = {
        (file.relative_to(PACKAGE).as_posix(), function)
        for file in PACKAGE.rglob("*.py")
        for function in writers(file)
    }
    assert found - ALLOWED.keys() == set(), "use atomic_write"
    assert ALLOWED.keys() - found == set(), "no longer there: take it from the list"


WRITING = [
    "open(p, 'w')", "p.open('ab')", "open(p, mode='x')", "open(p, mode)", "io.open(p, 'r+b')",
    "Path(p).write_text('x')", "frame.to_csv(p)", "figure.savefig(p)", "torch.save(x, p)",
    "shutil.copy(a, b)", "copyfile(a, b)", "gzip.open(p, 'wt')", "zipfile.ZipFile(p, 'w')",
    "os.open(p, os.O_WRONLY)", "parquet.write_table(t, p)", "nbformat.write(n, p)", "x.save(p)",
    "h5py.File(p, 'w')", "save_file(t, p)", "np.memmap(p, 'u1', 'w+')", "open(p, 'w', -1, 'utf8')",
]  # fmt: skip
READING = [
    "open(p)", "open(p, 'rb')", "p.open()", "Image.open(p)", "save(tensors)", "d.copy()",
    "sys.stdout.write('x')", "json.dump(x, sys.stdout)", "file.write(b'')",
]  # fmt: skip


@pytest.mark.parametrize("text", WRITING)
def test_the_search_finds(text):
    assert writes(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize("text", READING)
def test_the_search_leaves(text):
    assert not writes(ast.parse(text, mode="eval").body)
