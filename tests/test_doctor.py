"""The doctor finds what is wrong and says how to fix it."""

import hashlib
import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import without_roots_rights
from rich.console import Console

from featlib import cli, doctor, features, quiz


def find(what):
    [finding] = [found for found in doctor.examine() if found.what == what]
    return finding


def test_a_healthy_environment_has_nothing_to_fix(capsys, empty_cache):
    assert [found for found in doctor.examine() if found.fix] == []
    assert cli.main(["doctor"]) == 0
    assert "✗" not in capsys.readouterr().out


def test_a_table_has_a_row_for_each_finding_and_a_sign_for_each_fault():
    shown = doctor.table([doctor.Finding("a", "1"), doctor.Finding("b", "2", "Fix b.")])
    assert shown.rows == (("✓", "a", "1", ""), ("✗", "b", "2", "Fix b."))


def test_it_names_versions_device_and_folders(empty_cache):
    assert find("torch").found == torch.__version__.split("+")[0]
    assert find("device").found.startswith(("CPU", "CUDA", "Apple"))
    assert find("cache folder").found == str(empty_cache)


def test_torch_and_torchvision_that_do_not_fit_are_reinstalled_together(monkeypatch, capsys):
    def refuse(name):
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(doctor.importlib, "import_module", refuse)
    finding = find("torchvision")
    assert "nms does not exist" in finding.found
    assert finding.fix.endswith("torch torchvision")
    assert cli.main(["doctor"]) == 1


def test_a_missing_package_is_installed(monkeypatch):
    versions = {"jupyterlab": "4.2", "ipywidgets": "8.1", "matplotlib": "3.8"}

    def version(name):
        if name == "anywidget":
            raise doctor.importlib.metadata.PackageNotFoundError(name)
        return versions.get(name, "1")

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    assert find("anywidget").fix == "python -m pip install anywidget"
    assert find("jupyterlab") == doctor.Finding("jupyterlab", "4.2")


def test_a_cache_that_cannot_be_written(monkeypatch):
    monkeypatch.setenv("FEATLIB_CACHE_DIR", "/proc/featlib")
    finding = find("cache folder")
    assert "FEATLIB_CACHE_DIR" in finding.fix


def test_widgets_that_jupyterlab_does_not_find(monkeypatch, tmp_path):
    assert find("widgets of anywidget").found == "found"
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *parts: [str(tmp_path)])
    for package in ("anywidget", "jupyterlab_widgets"):
        assert find(f"widgets of {package}").fix.endswith(f"--force-reinstall {package}")


def test_damaged_answers_are_set_aside_and_said(monkeypatch, tmp_path):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path))
    progress = quiz.Progress()
    progress.add("03_feature_extraction", "identity", 1, True)
    assert find("your answers") == doctor.Finding("your answers", "1")
    with open(progress.path, "ab") as file:
        file.write(b'{"quiz": "03_fea')
    finding = find("your answers")
    assert finding.found.startswith("1, and what was damaged in answers-damaged-")
    [aside] = tmp_path.glob("answers-damaged-*")
    assert str(aside) in finding.fix
    assert aside.read_bytes().endswith(b'{"quiz": "03_fea')


def test_a_damaged_cache_entry(pixels, resnet, empty_cache):
    features.extract(pixels, resnet)
    assert find("cache entries").fix == ""
    entry = features.cache_paths(pixels, resnet)[0]
    entry.write_bytes(entry.read_bytes()[:-9])
    finding = find("cache entries")
    assert "1 damaged" in finding.found
    assert entry.name in finding.fix


def test_the_size_of_the_cache_is_one_line(pixels, resnet, empty_cache, monkeypatch):
    assert find("cache entries").found.startswith("0 files, 0.0 MB; ")
    features.extract(pixels, resnet)
    [size] = [path.stat().st_size for path in empty_cache.rglob("*.safetensors")]
    monkeypatch.setenv("FEATLIB_CACHE_GB", "0.5")
    found = find("cache entries").found
    assert found == f"1 files, {size / 1e6:.1f} MB; features and pictures may take 0.5 GB"


def test_looking_at_the_cache_does_not_count_as_using_it(pixels, resnet, empty_cache):
    features.extract(pixels, resnet)
    [entry] = features.cache_paths(pixels, resnet)
    os.utime(entry, (1000, 1000))
    find("cache entries")
    assert entry.stat().st_mtime == 1000


@pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")
def test_entries_and_answers_of_another_user(pixels, resnet, empty_cache, monkeypatch, tmp_path):
    features.extract(pixels, resnet)
    [entry] = features.cache_paths(pixels, resnet)
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path))
    quiz.Progress().add("03_feature_extraction", "identity", 1, True)
    entry.chmod(0)
    quiz.Progress().path.chmod(0)
    with without_roots_rights():
        finding = find("cache entries")
        assert finding.found.endswith("; 1 not readable")
        assert f"Ask the owner of {entry}" in finding.fix
        assert "Permission denied" in find("your answers").found


@pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")
def test_a_cache_that_a_teacher_filled_is_no_fault_where_learners_may_only_read_it(
    pixels, resnet, empty_cache
):
    empty_cache.mkdir(mode=0o555)
    with without_roots_rights():
        assert "Set FEATLIB_CACHE_DIR" in find("cache folder").fix  # it is of no use to anybody
    empty_cache.chmod(0o755)
    features.extract(pixels, resnet)
    empty_cache.chmod(0o555)
    with without_roots_rights():
        finding = find("cache folder")
    assert finding == doctor.Finding(
        "cache folder", f"{empty_cache}: to read only; nothing new is kept"
    )


@pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")
def test_a_folder_within_one_that_may_not_be_entered(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir(mode=0)
    monkeypatch.setenv("FEATLIB_CACHE_DIR", str(tmp_path / "closed" / "cache"))
    with without_roots_rights():
        assert "Permission denied" in find("cache folder").found
        assert find("cache entries").fix == ""


def test_too_little_memory(monkeypatch):
    monkeypatch.setattr(doctor, "MEMORY_NEEDED", 2**60)
    assert find("free memory").fix == "Close other programs."


def test_an_altered_bundled_file(tmp_path, monkeypatch):
    (tmp_path / "w.safetensors").write_bytes(b"altered")
    (tmp_path / "w.json").write_text('{"sha256": "00"}')
    monkeypatch.setattr(doctor, "ASSETS", tmp_path)
    finding = find("w.safetensors")
    assert finding.found == "altered or cut off"
    assert "Reinstall featlib" in finding.fix


CARDS = {
    "no card": None,
    "no checksum": "{}",
    "no JSON": "{",
    "no object": "[]",
}


@pytest.mark.parametrize("case", CARDS)
def test_a_bundled_file_whose_card_is_damaged(case, tmp_path, monkeypatch):
    (tmp_path / "w.safetensors").write_bytes(b"data")
    if CARDS[case] is not None:
        (tmp_path / "w.json").write_text(CARDS[case])
    monkeypatch.setattr(doctor, "ASSETS", tmp_path)
    assert "Reinstall featlib" in find("w.safetensors").fix


@pytest.mark.parametrize(
    "name",
    [
        "emoji10.safetensors",
        "emoji3d.zip",
        "resnet18-int8.onnx",
        "pictures.json",
        "strategies.json",
    ],
)
def test_a_bundled_file_with_another_card_that_fits_it(name, tmp_path, monkeypatch):
    """Who alters a file can alter its card, too; that of the lesson is known by its checksum."""
    digest = hashlib.sha256(b"altered").hexdigest()
    (tmp_path / name).write_bytes(b"altered")
    (tmp_path / name).with_suffix(".json").write_text(json.dumps({"sha256": digest}))
    monkeypatch.setattr(doctor, "ASSETS", tmp_path)
    assert find(name).found == "altered or cut off"


def test_each_bundled_file_is_looked_at():
    names = {finding.what for finding in doctor.examine() if finding.found == "complete"}
    kinds = (".safetensors", ".onnx", ".zip")
    data = {path.name for path in doctor.ASSETS.iterdir() if path.suffix in kinds}
    assert data | {"pictures.json", "strategies.json"} <= names
    assert len(data) == 4


def test_a_row_fits_eighty_columns_and_no_path_is_cut():
    path = "/home/" + "ж" * 120
    rows = [doctor.Finding("a folder", path), doctor.Finding("b", "1", f"Delete {path}")]
    console = Console(width=80, file=io.StringIO())
    console.print(doctor.table(rows))
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("ж") == 240


KERNEL = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
MINOR = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def kernel_of(tmp_path, monkeypatch):
    """Return a function that installs a user's kernel and returns what the doctor finds."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")

    def find_it(content):
        folder = tmp_path / "kernels" / "python3"
        folder.mkdir(parents=True)
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "kernel.json").write_text(text, encoding="utf-8")
        return find("notebook kernel")

    return find_it


def spec(*argv):
    return {"argv": [*argv, *KERNEL], "display_name": "Python 3", "language": "python"}


@pytest.mark.parametrize(
    "command", [sys.executable, "python", "python3", MINOR, "{prefix}/bin/python"]
)
def test_a_kernel_of_this_python(command, kernel_of):
    if command.startswith("{") and os.name != "posix":
        command = sys.executable
    assert kernel_of(spec(command)) == doctor.Finding("notebook kernel", "this Python")


def test_without_a_kernel_of_the_users_it_is_this_python(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    assert find("notebook kernel").found == "this Python"


# What stands in kernel.json, and what the doctor finds.
OTHERS = {
    "another program": (spec(str(Path(__file__))), str(Path(__file__))),
    "a removed environment": (
        spec("/no/such/env/bin/python"),
        "/no/such/env/bin/python, which is not there",
    ),
    "another Python by its name": (spec("python2.4"), "'python2.4', no command on PATH"),
    "no text for a path": (spec("a\0b"), r"damaged: argv is ['a\x00b', "),
    "a number": ({"argv": [1], "display_name": "x"}, "damaged: argv is [1], which starts"),
    "a number behind": (spec(sys.executable, 1), "damaged: argv is ["),
    "an empty command": (spec(""), "damaged: argv is ['', "),
    "no command": ({"argv": [], "display_name": "", "language": ""}, "damaged: argv is []"),
    "no list": ({"argv": 3, "display_name": "", "language": ""}, "damaged: "),
    "no argv": ({}, "damaged: argv is []"),
    "no object": ([], "damaged: "),
    "no JSON": ("{", "damaged: "),
    "nothing": ("", "damaged: "),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_kernel_of_another_python(case, kernel_of):
    content, found = OTHERS[case]
    finding = kernel_of(content)
    assert finding.found.startswith(found)
    assert finding.fix == "python -m ipykernel install --user"


def test_a_kernel_that_is_started_by_a_command_on_path(kernel_of, tmp_path, monkeypatch):
    program = tmp_path / ("conda.bat" if os.name == "nt" else "conda")
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = kernel_of(spec("conda", "run"))
    assert finding.found.lower() == f"the command 'conda', which is {program}".lower()
    assert finding.fix == "python -m ipykernel install --user"


def test_no_kernel(monkeypatch):
    from jupyter_client import kernelspec

    def refuse(self, name):
        raise kernelspec.NoSuchKernel(name)

    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", refuse)
    assert find("notebook kernel").found == "none"


@pytest.mark.skipif(os.name != "posix", reason="links as in an environment of Unix")
def test_a_kernel_of_another_environment_whose_python_is_a_link_to_the_same_file(
    kernel_of, tmp_path
):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    finding = kernel_of(spec(str(tmp_path / "bin" / "python")))
    assert finding.found == str(tmp_path / "bin" / "python")
    assert "ipykernel install" in finding.fix


def test_a_name_with_brackets_or_codes_is_shown_as_it_is(monkeypatch, run, tmp_path):
    monkeypatch.setenv("FEATLIB_CACHE_DIR", str(tmp_path / "[/v2] \x1b[31m[red]"))
    out = run("doctor")[1]
    assert r"[/v2] \x1b[31m[red]" in " ".join(out.split())
    assert "\x1b" not in out


LOOKS = {
    "_python": "Python",
    "_packages": "packages",
    "_widgets": "widgets",
    "_device": "device",
    "_memory": "free memory",
    "_bundled_files": "bundled files",
    "_cache_folder": "cache folder",
    "_cache_entries": "cache entries",
    "_data_folder": "folder of your answers",
    "_answers": "your answers",
    "_kernel": "notebook kernel",
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("error", [OSError("no"), KeyError("uid not found"), RuntimeError("home")])
def test_what_cannot_be_examined_is_a_finding_and_hides_no_other(look, error, monkeypatch):
    for other in LOOKS:
        monkeypatch.setattr(doctor, other, lambda: doctor.Finding("other", "fine"))

    def fail():
        yield doctor.Finding("before", "fine")
        raise error

    monkeypatch.setattr(doctor, look, fail)
    found = doctor.examine()
    assert len(found) == len(LOOKS) + 1
    [fault] = [finding for finding in found if finding.fix]
    assert fault.what == LOOKS[look]
    assert type(error).__name__ in fault.found


def test_a_folder_of_a_user_that_is_none(monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", "~nobody-of-that-name/mine")
    finding = find("folder of your answers")
    assert finding.found == f"{Path('~nobody-of-that-name/mine')}: there is no such user"
    assert "FEATLIB_DATA_DIR" in finding.fix


DAMAGED = {
    "an infinite number": b'{"quiz": "q", "question": "q", "answer": 1e999, "correct": true, '
    b'"hint": false, "time": 1}\n{"cut',
    "a time at the end": b'{"card": "x", "rating": "good", "time": 253402300799}\n[',
}


@pytest.mark.parametrize("case", DAMAGED)
def test_every_command_goes_on_after_damage(case, run, monkeypatch, tmp_path):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path))
    (tmp_path / "answers.jsonl").write_bytes(DAMAGED[case])
    assert "damaged" in find("your answers").found
    (tmp_path / "answers.jsonl").write_bytes(DAMAGED[case])
    for words in ([], ["--export", "ada"], ["--reset", "--yes"]):
        assert run("progress", *words)[0] == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there, CUDA is used")
@pytest.mark.parametrize(("cuda", "said"), [(None, ""), ("13.0", "GB of CUDA lie unused")])
def test_it_says_what_lies_unused(monkeypatch, cuda, said):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    [found] = doctor._looked("device", doctor._device)
    assert ("unused" in found.found) == bool(said)
    assert said in found.found
    assert not found.fix, "it is no fault"


def test_where_cuda_has_no_packages_of_its_own_nothing_is_said(tmp_path):
    windows = SimpleNamespace(version=torch.version, __file__=str(tmp_path / "torch" / "a.py"))
    assert doctor._unused(windows) == ""
