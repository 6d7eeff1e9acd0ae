"""The doctor finds what is wrong and says how to fix it."""

import os
import sys
from pathlib import Path

import pytest
import torch

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
    cells = [list(column.cells) for column in shown.columns]
    assert cells == [["✓", "✗"], ["a", "b"], ["1", "2"], ["", "Fix b."]]


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


def kernel_of(command, monkeypatch):
    """Let notebooks run by a command, or by none, and return what the doctor finds."""
    from jupyter_client import kernelspec

    def get(self, name):
        if command is None:
            raise kernelspec.NoSuchKernel(name)
        return kernelspec.KernelSpec(argv=[str(command)])

    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", get)
    return find("notebook kernel")


@pytest.mark.parametrize("command", [sys.executable, "python", "python3"])
def test_a_kernel_of_this_python(command, monkeypatch):
    assert kernel_of(command, monkeypatch) == doctor.Finding("notebook kernel", "this Python")


@pytest.mark.parametrize(
    "command",
    [Path(__file__), Path("/no/such/environment/bin/python"), None],
    ids=["another program", "a removed environment", "no kernel"],
)
def test_a_kernel_of_another_python(command, monkeypatch):
    finding = kernel_of(command, monkeypatch)
    assert "ipykernel install" in finding.fix
    assert finding.found == ("none" if command is None else str(command))


@pytest.mark.skipif(os.name != "posix", reason="links as in an environment of Unix")
def test_a_kernel_of_another_environment_whose_python_is_a_link_to_the_same_file(
    monkeypatch, tmp_path
):
    (tmp_path / "python").symlink_to(Path(sys.executable).resolve())
    assert "ipykernel install" in kernel_of(tmp_path / "python", monkeypatch).fix
