"""The learner's copies of the notebooks: made once, updated where untouched, never lost."""

import json
import os
import platform
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import without_roots_rights

import featlib
from featlib import FeatlibError, workspace
from featlib.engine import files, paths

NOTEBOOKS = Path(featlib.__file__).parents[1] / "notebooks"
EXECUTED = json.loads((NOTEBOOKS / workspace.START).read_text())["metadata"]["language_info"].get(
    "version", ""
)
OURS = platform.python_version()
posix = pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")


@pytest.fixture
def originals(tmp_path, monkeypatch):
    """Return a folder of small notebooks that featlib takes for those that come with it."""
    folder = tmp_path / "originals"
    folder.mkdir()
    for name in ("00_start_here.ipynb", "01_raw_input.ipynb", "README.md", "cheat_sheet.html"):
        (folder / name).write_text(f"first version of {name}")
    (folder / "conftest.py").write_text("not for learners")
    monkeypatch.setattr(workspace, "bundled", lambda name: folder)
    return folder


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def state(folder):
    """Return the content and the time of change of each file of a folder."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file()
    }


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


# What is copied


def test_the_first_call_copies_what_a_learner_reads(home):
    ours = workspace.prepare(home)
    expected = [p.name for p in NOTEBOOKS.iterdir() if p.suffix in (".ipynb", ".md", ".html")]
    assert names(ours.folder) == sorted(expected)
    assert len(expected) >= 15
    for name in expected:
        copy, original = ((folder / name).read_text() for folder in (ours.folder, NOTEBOOKS))
        assert copy == original.replace(f'"version": "{EXECUTED}"', f'"version": "{OURS}"')
    assert ours.folder == (home / "featlib-notebooks").resolve()
    assert ours.start == ours.folder / "00_start_here.ipynb"
    assert ours.start.is_file()
    assert ours.kept == ()


def test_a_second_call_changes_nothing(originals, home):
    before = state(workspace.prepare(home).folder)
    again = workspace.prepare(home)
    assert state(again.folder) == before
    assert again.kept == ()


def test_the_path_may_have_spaces_and_other_letters(originals, tmp_path):
    (tmp_path / "Мои файлы é").mkdir()
    ours = workspace.prepare(str(tmp_path / "Мои файлы é"))
    assert "README.md" in names(ours.folder)


@posix
def test_the_copy_of_a_read_only_file_can_be_changed(originals, home):
    for original in originals.iterdir():
        original.chmod(0o444)
    copy = workspace.prepare(home).start
    assert copy.stat().st_mode & 0o200
    with without_roots_rights():
        copy.write_text("mine")


# After an upgrade of featlib


def test_an_untouched_copy_follows_an_upgrade(originals, home):
    workspace.prepare(home)
    (originals / "README.md").write_text("second version")
    (originals / "13_new.ipynb").write_text("a new notebook")
    ours = workspace.prepare(home)
    assert (ours.folder / "README.md").read_text() == "second version"
    assert (ours.folder / "13_new.ipynb").read_text() == "a new notebook"
    assert ours.kept == ()
    (originals / "README.md").write_text("third version")
    assert (workspace.prepare(home).folder / "README.md").read_text() == "third version"


def test_a_changed_copy_is_kept_and_named(originals, home):
    start = workspace.prepare(home).start
    start.write_text("my own work")
    assert workspace.prepare(home).kept == (), "there is no other version of it yet"
    (originals / start.name).write_text("second version")
    for _ in range(2):
        assert workspace.prepare(home).kept == (start.name,)
        assert start.read_text() == "my own work"


def test_a_file_of_the_learners_own_is_not_replaced_by_a_new_notebook(originals, home):
    ours = workspace.prepare(home)
    (ours.folder / "13_new.ipynb").write_text("my own notebook")
    (originals / "13_new.ipynb").write_text("a new notebook")
    assert workspace.prepare(home).kept == ("13_new.ipynb",)
    assert (ours.folder / "13_new.ipynb").read_text() == "my own notebook"


def test_a_deleted_copy_comes_back(originals, home):
    start = workspace.prepare(home).start
    start.unlink()
    assert workspace.prepare(home).start.read_text() == "first version of 00_start_here.ipynb"


LISTS = {
    "missing": None,
    "cut off": b'{"README.md": "12',
    "no object": b"[1, 2]",
    "of other values": b'{"README.md": [], "00_start_here.ipynb": null}',
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("case", LISTS)
def test_without_a_list_of_what_was_copied_nothing_is_lost(originals, home, case):
    ours = workspace.prepare(home)
    ours.start.write_text("my own work")
    listed = ours.folder / ".featlib.json"
    listed.unlink()
    if LISTS[case] is not None:
        listed.write_bytes(LISTS[case])
    (originals / "README.md").write_text("second version")
    # Nobody knows any more whether the learner changed README.md, so it stays.
    assert workspace.prepare(home).kept == ("00_start_here.ipynb", "README.md")
    assert ours.start.read_text() == "my own work"
    assert (ours.folder / "README.md").read_text() == "first version of README.md"
    # What equals featlib's own file is known to be untouched, and follows the next upgrade.
    (originals / "01_raw_input.ipynb").write_text("second version")
    workspace.prepare(home)
    assert (ours.folder / "01_raw_input.ipynb").read_text() == "second version"


# A process that is killed half-way


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.fixture
def killed_at(monkeypatch):
    """Return a function that ends the work when the n-th file gets its name."""

    def arrange(number):
        replace, calls = os.replace, []

        def last(old, new):
            calls.append(new)
            if len(calls) == number:
                raise Killed
            replace(old, new)

        monkeypatch.setattr("featlib.engine.files.os.replace", last)

    return arrange


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("upgraded", [False, True])
def test_a_first_copy_that_was_killed_completes(number, upgraded, originals, home, killed_at):
    """Four files, each of them listed and copied: eight moments to die."""
    killed_at(number)
    with pytest.raises(Killed):
        workspace.prepare(home)
    if upgraded:
        for original in originals.iterdir():
            original.write_text("second version")
    ours = workspace.prepare(home)
    assert ours.kept == ()
    for name in names(ours.folder):
        assert (ours.folder / name).read_bytes() == (originals / name).read_bytes()
    assert len(names(ours.folder)) == 4


@pytest.mark.parametrize("number", range(1, 9))
def test_an_upgrade_that_was_killed_completes(number, originals, home, killed_at):
    workspace.prepare(home)
    for original in originals.iterdir():
        original.write_text("second version")
    killed_at(number)
    with pytest.raises(Killed):
        workspace.prepare(home)
    ours = workspace.prepare(home)
    assert ours.kept == ()
    assert {(ours.folder / name).read_text() for name in names(ours.folder)} == {"second version"}


# What is there under the name of a copy, and is none


ODD = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to zeros without end": lambda path: path.symlink_to("/dev/zero"),
    "a file that may not be read": lambda path: (path.write_text("mine"), path.chmod(0)),
}


@posix
@pytest.mark.parametrize("case", ODD)
def test_what_cannot_be_read_is_the_learners_and_costs_no_other_copy(case, originals, home):
    folder = home / "featlib-notebooks"
    folder.mkdir()
    ODD[case](folder / "01_raw_input.ipynb")
    before = os.lstat(folder / "01_raw_input.ipynb")
    with without_roots_rights():
        assert workspace.prepare(home).kept == ("01_raw_input.ipynb",)
    assert os.path.samestat(os.lstat(folder / "01_raw_input.ipynb"), before)
    assert (folder / "README.md").read_text() == "first version of README.md"


@posix
@pytest.mark.parametrize("case", ODD)
def test_a_list_that_is_no_file_is_no_list(case, originals, home):
    folder = workspace.prepare(home).folder
    (folder / ".featlib.json").unlink()
    ODD[case](folder / ".featlib.json")
    if case == "a link that leads nowhere" or "file" in case:  # these can be replaced
        assert workspace.prepare(home).kept == ()
    else:
        with pytest.raises(FeatlibError, match=f"{case.split()[1][:5]}|device"):
            workspace.prepare(home)


# Several folders of copies


def test_a_copy_has_the_version_of_the_python_that_will_run_it(home, originals):
    kernel = '"pygments_lexer": "ipython3",\n   "version": "{}"\n'
    (originals / "00_start_here.ipynb").write_text(kernel.format("3.0.1"))
    copy = workspace.prepare(home).folder / "00_start_here.ipynb"
    assert copy.read_text() == kernel.format(OURS)
    assert workspace.prepare(home).kept == ()


def test_fresh_copies_go_into_a_second_folder_which_is_then_the_one(originals, home):
    first = workspace.prepare(home)
    first.start.write_text("my own work")
    second = workspace.prepare(home, fresh=True)
    assert second.folder.name == "featlib-notebooks-2"
    assert second.start.read_text() == "first version of 00_start_here.ipynb"
    assert first.start.read_text() == "my own work"
    assert workspace.prepare(home).folder == second.folder
    for _ in range(3, 11):
        workspace.prepare(home, fresh=True)
    assert workspace.prepare(home).folder.name == "featlib-notebooks-10"


def test_fresh_without_an_old_folder_is_the_first(originals, home):
    assert workspace.prepare(home, fresh=True).folder.name == "featlib-notebooks"


def test_a_file_of_that_name_stays_and_the_copies_go_beside_it(originals, home):
    (home / "featlib-notebooks").write_text("a file of my own")
    for _ in range(2):
        assert workspace.prepare(home).folder.name == "featlib-notebooks-2"
    assert (home / "featlib-notebooks").read_text() == "a file of my own"


@pytest.mark.parametrize("name", ["featlib-notebooks-old", "featlib-notebooks-02", "my-featlib"])
def test_folders_of_other_names_are_not_ours(originals, home, name):
    (home / name).mkdir()
    assert workspace.prepare(home).folder.name == "featlib-notebooks"
    assert names(home / name) == []


# Faults


@posix
def test_a_folder_that_cannot_be_written_is_one_error(originals, home):
    home.chmod(0o555)
    with without_roots_rights(), pytest.raises(FeatlibError, match=r"Permission.*--folder DIR"):
        workspace.prepare(home)
    home.chmod(0o755)
    assert names(home) == []


@posix
def test_copies_that_are_up_to_date_may_lie_in_a_folder_that_cannot_be_written(originals, home):
    folder = workspace.prepare(home).folder
    folder.chmod(0o555)
    with without_roots_rights():
        assert workspace.prepare(home).kept == ()
        (originals / "README.md").write_text("second version")
        with pytest.raises(FeatlibError, match="Permission"):
            workspace.prepare(home)
    folder.chmod(0o755)
    assert (folder / "README.md").read_text() == "first version of README.md"


def test_no_such_parent_folder_is_an_error(originals, home):
    with pytest.raises(FeatlibError, match=r"your notebooks.*Check the path"):
        workspace.prepare(home / "nowhere")


def test_a_copy_that_fails_half_way_leaves_what_was_there(originals, home, monkeypatch):
    folder = workspace.prepare(home).folder
    (originals / "README.md").write_text("second version")

    @contextmanager
    def half(path):
        with files.atomic_write(path) as file:
            file.write(b"seco")
            raise OSError(28, "No space left on device")
            yield

    monkeypatch.setattr(workspace, "atomic_write", half)
    with pytest.raises(FeatlibError, match="No space left"):
        workspace.prepare(home)
    monkeypatch.undo()
    assert (folder / "README.md").read_text() == "first version of README.md"
    assert [name for name in names(folder) if name.endswith(".tmp")] == []


# In a clone


def test_in_a_clone_the_tracked_notebooks_stay_as_they_are(tmp_path, monkeypatch):
    clone = tmp_path / "clone"
    (clone / "featlib").mkdir(parents=True)
    shutil.copytree(NOTEBOOKS, clone / "notebooks", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(paths, "PACKAGE", clone / "featlib")
    before = state(clone / "notebooks")
    ours = workspace.prepare(clone)
    assert ours.folder.parent == clone.resolve()
    ours.start.write_text("run and changed by the learner")
    workspace.prepare(clone)
    workspace.prepare(clone, fresh=True)
    assert state(clone / "notebooks") == before
    ignored = (NOTEBOOKS.parent / ".gitignore").read_text().splitlines()
    assert "featlib-notebooks*/" in ignored


def test_a_copy_that_another_process_makes_between_two_looks_is_not_the_learners(
    originals, home, monkeypatch
):
    copy = home / "featlib-notebooks" / workspace.START
    copy.parent.mkdir()

    def and_then_made(look):
        def looked(path):
            found = look(path)
            if Path(path) == copy and not found:
                shutil.copy(originals / copy.name, copy)
            return found

        return looked

    monkeypatch.setattr(os.path, "lexists", and_then_made(os.path.lexists))
    monkeypatch.setattr(Path, "is_file", and_then_made(Path.is_file))
    assert workspace.prepare(home).kept == ()
