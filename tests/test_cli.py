"""The command line as a person or a program uses it."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from featlib import FeatlibError, __version__, cli, images, lesson, quiz, weights, workspace
from featlib.engine import cache
from featlib.model import classifier, lines
from featlib.tables import Table

pytestmark = pytest.mark.usefixtures("undrawn")  # tests/slow runs the command as a learner does


@pytest.mark.usefixtures("empty_cache")
def test_the_second_run_says_that_features_were_read(run, picture_folder):
    assert "read from the cache" not in run("run", "--images", picture_folder)[1]
    assert "read from the cache" in run("run", "--images", picture_folder)[1]


def test_json_is_all_there_is_on_stdout(run, picture_folder, tmp_path):
    code, out, _ = run("run", "--images", picture_folder, "--json", "--report", tmp_path / "here")
    facts = json.loads(out)
    assert code == 0
    assert facts["report"] == str(tmp_path / "here" / "index.html")
    assert len(facts["training_trace"]) == 5


def test_pictures_that_a_card_of_weights_reads_at_64_are_said_to_be(run, picture_folder, tmp_path):
    file, card = (tmp_path / f"mine{ending}" for ending in (".safetensors", ".json"))
    shutil.copyfile(weights.BUNDLED, file)
    facts = json.loads(weights.BUNDLED.with_suffix(".json").read_text(encoding="utf-8"))
    facts["size"] = 64
    card.write_text(json.dumps(facts), encoding="utf-8")
    out = run("run", "--images", picture_folder, "--weights", file, "--no-baselines")[1]
    assert "uint8 12×3×64×64" in out
    assert "read at 64×64 pixels; --size N takes another size" in out


def test_a_bundled_set_has_the_size_that_it_has(run, monkeypatch, emoji10):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    monkeypatch.setattr(images, "load", lambda name: few)
    assert "pixels; --size" not in run("run", "--no-baselines")[1]


@pytest.mark.parametrize(("words", "size", "said"), [([], 128, True), (["--size", 96], 96, False)])
def test_a_run_says_at_which_size_pictures_were_read_unless_it_was_asked_for(
    run, picture_folder, words, size, said
):
    out = run("run", "--images", picture_folder, *words)[1]
    assert f"uint8 12×3×{size}×{size}" in out
    assert (f"read at {size}×{size} pixels; --size N takes another size" in out) == said
    assert "The same layer on raw pixels of 64×64 copies: " in out


@pytest.mark.parametrize(("words", "size", "said"), [([], 128, True), (["--size", 96], 96, False)])
def test_an_extraction_says_at_which_size_pictures_were_read(
    run, picture_folder, words, size, said
):
    command = "extract", picture_folder, "--out", "features", "--device", "cpu", *words
    out = run(*command)[1]
    assert f"The pictures were read at {size}×{size} pixels" in out
    assert ("--size N takes another size" in out) == said
    assert json.loads(run(*command, "--json")[1])["size"] == size


def test_without_baselines_there_is_no_comparison(run, picture_folder):
    words = "run", "--images", picture_folder, "--no-baselines"
    out = run(*words)[1]
    assert "The same layer on" not in out
    page = Path("lesson-report", "index.html").read_text(encoding="utf-8")
    assert "Why features" not in page
    assert not Path("lesson-report", "comparison.png").exists()
    assert json.loads(run(*words, "--json")[1])["baselines"] == {}


def test_epochs_and_seed_are_passed_on(run, picture_folder):
    facts = json.loads(
        run("run", "--images", picture_folder, "--epochs", 2, "--seed", 3, "--json")[1]
    )
    assert len(facts["training_trace"]) == 2
    assert facts["recipe"]["seed"] == 3


def test_skipped_files_are_named(run, picture_folder):
    (picture_folder / "red" / "[b]notes.png").write_text("[bold]not a picture[/bold]")
    assert "skipped red/[b]notes.png: no PNG" in run("run", "--images", picture_folder)[1]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_no_name_of_a_file_or_class_reaches_the_terminal_raw(run, picture_folder):
    (picture_folder / "red").rename(picture_folder / "r\x1b[31m\ned")
    (picture_folder / "r\x1b[31m\ned" / "\x1b]0;pwned\x07\n.png").write_text("not a picture")
    code, out, err = run("run", "--images", picture_folder, "--report", "\x1b[2J", "--no-baselines")
    assert (code, set(re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out + err))) == (0, set())
    assert r"skipped r\x1b[31m\ned/\x1b]0;pwned\x07\n.png: no PNG" in out
    assert r"Report: \x1b[2J" in out
    facts = json.loads(Path("\x1b[2J", "report.json").read_text(encoding="utf-8"))
    [skipped] = facts["skipped"]
    assert skipped["file"].startswith("r\x1b[31m\ned/"), "the data stays as it is"
    for words in (["--images", "a\x1b[2J"], ["\x1b[1m"]):
        assert "\x1b" not in run("run", *words)[2]


def test_of_many_skipped_files_ten_are_named(run, picture_folder):
    for i in range(120):
        (picture_folder / "red" / f"no picture {i}.png").write_text("none")
    out = run("run", "--images", picture_folder, "--no-baselines")[1]
    assert out.count("skipped red/") == 10
    assert f"… 110 more in {Path('lesson-report', 'report.json')}" in out
    page = Path("lesson-report", "index.html").read_text(encoding="utf-8")
    assert page.count("<code>red/") == 100
    assert "… and 20 more; all are in" in page
    facts = json.loads(Path("lesson-report", "report.json").read_text(encoding="utf-8"))
    assert len(facts["skipped"]) == 120


SHAPES = "uint8 1000×3×224×224", "float32 800×512"
LONG = "/a/path/that/is/longer/than/a/line/of/sixty/columns/as/those/of/temporary/folders/are"


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_a_table_fits_its_terminal_and_cuts_nothing(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    cells = "1", "feature extraction", *SHAPES, "image 0: 0.18, 0.00, …", "12.34"
    table = Table("Data flow", ("#", "stage", "in", "out", "example", ">seconds"), (cells,))
    for shown in (table, Table("Paths", ("what", "where"), (("cache", LONG),))):
        cli._console().print(shown)
        out = capsys.readouterr().out
        assert max(map(len, out.splitlines())) <= columns
        assert "…" not in out.replace("0.00, …", "")
        for cell in shown.rows[0]:
            for word in cell.split():
                assert word in out or word == LONG
        if LONG in shown.rows[0]:
            assert LONG in "".join(re.sub(r"where|cache|[ ─]", "", out).split())


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_run_and_a_doctor_fit_the_terminal(run, picture_folder, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    out = run("run", "--images", picture_folder)[1].splitlines()
    assert [line for line in out if len(line) > columns and "Report: " not in line] == []
    words = " ".join(out).split()
    for word in ("12×3×128×128", "12×512", "extraction"):
        assert word in words
    longest = max(words, key=lambda word: word.count("█"))
    assert longest.count("█") >= 4
    assert max(map(len, run("doctor")[1].splitlines())) <= columns


def test_where_columns_are_not_said_a_pipe_has_140(monkeypatch):
    for said, width in (("", 140), ("no number", 140), ("80", 80)):
        monkeypatch.setenv("COLUMNS", said)
        assert cli._console().width == width


def test_an_own_split_is_passed_on(run, picture_folder, monkeypatch):
    given = {}

    def note(images, **settings):
        given.update(settings)
        raise FeatlibError("stop")

    monkeypatch.setattr(lesson, "run", note)
    run("run", "--images", picture_folder, "--validation", "others")
    assert given["validation"] == "others"


def test_without_a_command_there_is_help(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out == run("--help")[1]


def test_the_name_of_the_command_is_said_once(run):
    assert run("progress", "--reset", "nothing", "--yes")[2].startswith("featlib progress: wanted")
    assert run("run", "--images", "nowhere")[2].startswith("featlib: ")


WRONG_USE = {
    "an answer to no question": ["cache", "--yes"],
    "unknown command": ["frobnicate"],
    "unknown option": ["run", "--frobnicate"],
    "no number": ["run", "--epochs", "many"],
    "no epochs": ["run", "--epochs", "0"],
    "a seed below zero": ["run", "--seed", "-1"],
    "a size that no network sees": ["run", "--size", "513"],
    "files without images": ["extract", ".", "--out", "o", "--shard-size", "0"],
    "workers without a cluster": ["extract", ".", "--out", "o", "--workers", "2"],
    "yes to no question": ["progress", "--yes"],
    "yes to an export": ["progress", "--export", "ada", "--yes"],
    "no pictures": ["run", "--images", ""],
    "nothing to validate on": ["run", "--validation", ""],
    "no weights": ["run", "--weights", " "],
    "no report": ["run", "--report", ""],
    "no folder of notebooks": ["lab", "--folder", ""],
    "no name of an export": ["progress", "--export", ""],
    "no quiz": ["progress", "--reset", ""],
    "no notebook": ["slides", ""],
    "no slides": ["slides", "--out", ""],
    "no results": ["class-report", ""],
    "no class report": ["class-report", ".", "--out", ""],
    "no quiz to export": ["quiz-export", "", "--format", "gift", "--out", "o"],
    "no file of questions": ["quiz-export", "--format", "gift", "--out", ""],
    "no results for marks": ["gradebook", ""],
    "no marks": ["gradebook", ".", "--out", ""],
    "no roster": ["gradebook", ".", "--roster", ""],
    "no source": ["extract", "", "--out", "o"],
    "no features": ["extract", ".", "--out", ""],
    "no address": ["extract", ".", "--out", "o", "--address", ""],
}


@pytest.mark.parametrize("case", WRONG_USE)
def test_wrong_use_is_one_line_and_exit_code_2(run, case):
    code, out, err = run(*WRONG_USE[case])
    command = "" if WRONG_USE[case][0] == "frobnicate" else f" {WRONG_USE[case][0]}"
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"featlib{command}: ")
    assert err.endswith(f"(see featlib{command} --help)\n")


FAULTS = {
    "no such folder": (["run", "--images", "nowhere"], "Check the path"),
    "no such weights": (["run", "--weights", "nowhere.pt"], "Check the path"),
    "misspelled weights": (["run", "--weights", "imagnet"], "Check the spelling"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_in_the_data_is_one_line_and_exit_code_1(run, case, tmp_path):
    words, said = FAULTS[case]
    code, out, err = run(*words)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err
    assert not (tmp_path / "lesson-report").exists()


OUTPUTS = {
    "run": (["run", "--report"], "featlib.lesson.run"),
    "slides": (["slides", "04", "--out"], "featlib.pages.slides.export"),
    "extract": (["extract", ".", "--out"], "featlib.scale.shards.extract"),
}


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.parametrize("below", ["", "/report"])
def test_a_file_where_a_folder_would_be_made_is_noticed_before_the_work(
    run, tmp_path, monkeypatch, command, below
):
    words, work = OUTPUTS[command]
    monkeypatch.setattr(work, lambda *_, **__: pytest.fail("the work has begun"))
    (tmp_path / "taken").touch()
    code, out, err = run(*words, f"taken{below}")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"featlib {command}: wanted a folder for ")
    assert "file" in err
    assert err.endswith("Choose another folder.\n")


def test_an_error_of_the_system_comes_with_advice(run, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied", "/some/\x1bwhere")

    monkeypatch.setattr(lesson, "run", fail)
    said = r"featlib: Permission denied: '/some/\x1bwhere'. Check the folder, "
    assert run("run")[2].startswith(said)


def test_debug_shows_the_traceback(run):
    with pytest.raises(ValueError, match="Check the path"):
        run("run", "--images", "nowhere", "--debug")


def test_an_interrupt_is_one_line(run, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(lesson, "run", interrupt)
    code, _, err = run("run")
    assert (code, err.count("\n")) == (130, 1)


HELP = {
    "": ["run", "lab", "progress", "slides", "class-report", "extract", "cache", "doctor"],
    "run": [
        "--validation DIR",
        "--images DIR",
        "--weights NAME",
        "--epochs N",
        "--seed N",
        "--json",
        "--report DIR",
    ],
    "lab": [
        "--folder DIR",
        "--fresh",
        "--variant NAME",
        "go to JupyterLab: featlib lab --no-browser",
    ],
    "progress": ["--export [NAME]", "--reset [QUIZ]", "--yes"],
    "slides": ["NAME", "--out DIR"],
    "class-report": ["DIR", "--out FILE", "--variants"],
    "quiz-export": ["[QUIZ ...]", "--format {gift,qti}", "--out PATH"],
    "gradebook": ["DIR", "--out FILE", "--format", "--roster CSV", "--quiz QUIZ", "--first-try"],
    "extract": ["DIR", "--out DIR", "--precision", "--engine", "the same command continues"],
    "cache": ["--clear", "--yes"],
    "doctor": ["what is installed and what is wrong"],
}


@pytest.mark.parametrize("command", HELP)
def test_help_names_what_each_command_does_and_takes(run, command):
    code, out, err = run(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: featlib {command}".rstrip())
    for words in HELP[command]:
        assert words in " ".join(out.split())
    assert f"featlib {command}".rstrip() in out.splitlines()[-1], "an example"


# featlib lab


@pytest.fixture
def lab(monkeypatch):
    """Let nothing start, and return the list of commands that would have been."""
    started = []

    def note(command, check):
        started.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", note)
    return started


def test_lab_opens_the_learners_copy_of_the_first_notebook(run, lab, tmp_path):
    code, out, err = run("lab")
    folder = (tmp_path / "featlib-notebooks").resolve()
    assert (code, out, err) == (3, f"Your notebooks: {folder}\n", ""), "JupyterLab's own exit code"
    assert (folder / "00_start_here.ipynb").is_file()
    [command] = lab
    assert command[:4] == [sys.executable, "-m", "jupyter", "lab"]
    assert "--ip=127.0.0.1" in command
    assert f"--notebook-dir={folder.parent}" in command
    assert "--LabApp.default_url=/lab/tree/featlib-notebooks/00_start_here.ipynb" in command


def test_lab_in_another_folder_with_spaces_and_other_letters(run, lab, tmp_path):
    (tmp_path / "my nötebooks 家").mkdir()
    assert run("lab", "--folder", "my nötebooks 家")[0] == 3
    folder = (tmp_path / "my nötebooks 家").resolve()
    assert f"--notebook-dir={folder}" in lab[0]
    assert (folder / "featlib-notebooks" / "README.md").is_file()
    assert not (tmp_path / "featlib-notebooks").exists()


def test_lab_keeps_a_variant_and_shows_it_first(run, lab, tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FEATLIB_VARIANT", "")
    assert run("lab", "--variant", "Otter")[1].splitlines()[0] == "Your variant: otter"
    assert os.environ["FEATLIB_VARIANT"] == "otter", "what kernels inherit"
    monkeypatch.setenv("FEATLIB_VARIANT", "")  # as on another day
    for command in ("lab", "progress"):
        assert run(command)[1].splitlines()[0] == "Your variant: otter"
    assert "Your variant" not in run("lab", "--variant", "default")[1]
    assert "such as otter" in run("lab", "--variant", "a/b")[2]


def test_lab_passes_other_options_on_to_jupyterlab(run, lab):
    run("lab", "--no-browser", "--fresh", "--port", "9000")
    assert lab[0][-3:] == ["--no-browser", "--port", "9000"]


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["--ip=0.0.0.0"], "--ip=127"),  # as in a container
        (["--ip", "0.0.0.0"], "--ip=127"),
        (["--ServerApp.ip=::"], "--ip=127"),
        (["--notebook-dir", "/"], "--notebook-dir="),
        (["--ServerApp.root_dir=/"], "--notebook-dir="),
        (["--LabApp.default_url=/tree"], "--LabApp.default_url=/lab"),
    ],
)
def test_what_a_user_gives_jupyterlab_stands_in_place_of_ours(run, lab, words, ours):
    """JupyterLab refuses to start with two values for one option."""
    run("lab", *words)
    assert lab[0][-len(words) :] == words
    assert not any(word.startswith(ours) for word in lab[0])


def test_lab_names_what_it_kept_and_how_to_get_the_new_versions(run, lab, tmp_path, monkeypatch):
    originals = tmp_path / "originals"
    originals.mkdir()
    start = originals / "00_start_here.ipynb"
    start.write_text("first")
    monkeypatch.setattr(workspace, "bundled", lambda name: originals)
    run("lab")
    mine = tmp_path / "featlib-notebooks" / start.name
    mine.write_text("mine")
    start.write_text("second")
    out = run("lab")[1]
    assert "Changed by you, so kept as they are: 00_start_here.ipynb" in out
    assert "featlib lab --fresh" in out
    out = run("lab", "--fresh")[1]
    assert out.startswith(f"Your notebooks: {(tmp_path / 'featlib-notebooks-2').resolve()}")
    assert "Changed by you" not in out
    assert "/lab/tree/featlib-notebooks-2/" in " ".join(lab[-1])
    assert mine.read_text() == "mine"


def test_lab_in_a_hub_says_where_to_open_the_notebooks_and_starts_no_second_server(
    run, lab, tmp_path, monkeypatch
):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/hub-2/user/anna/")
    monkeypatch.setenv("JUPYTERHUB_ROOT_DIR", str(tmp_path.parent))
    code, out, err = run("lab")
    place = f"{tmp_path.name}/featlib-notebooks/00_start_here.ipynb"
    assert (code, lab, err) == (0, [], "")
    assert out.endswith(f" Open there: /hub-2/user/anna/lab/tree/{place}\n")
    assert (tmp_path / "featlib-notebooks" / "00_start_here.ipynb").is_file()

    (tmp_path / "a b").mkdir()
    assert f"{tmp_path.name}/a%20b/featlib-notebooks/00" in run("lab", "--folder", "a b")[1]

    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("JUPYTERHUB_ROOT_DIR", str(elsewhere))
    start = (tmp_path / "featlib-notebooks" / "00_start_here.ipynb").resolve()
    assert run("lab")[1].endswith(f" Open there: {start}\n")

    monkeypatch.delenv("JUPYTERHUB_ROOT_DIR")
    monkeypatch.setattr("os.path.expanduser", lambda path: str(tmp_path.parent))
    assert f"/lab/tree/{place}" in run("lab")[1]


def test_lab_starts_nothing_where_the_notebooks_cannot_be_copied(run, lab):
    code, out, err = run("lab", "--folder", "nowhere")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert lab == []


def test_help_and_import_do_not_wait_for_torch():
    script = "import sys, featlib.cli\ntry: featlib.cli.main(['--help'])\nexcept SystemExit: pass\n"
    script += "print('torch' in sys.modules, 'IPython' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.splitlines()[-1] == "False False"


def test_a_terminal_without_unicode_is_no_reason_to_stop(picture_folder, tmp_path, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "--images", str(picture_folder)]) == 0
    sys.stdout.flush()
    assert b"12?3?128?128" in written.getvalue()


@pytest.mark.parametrize("words", [["progress"], ["progress", "--export"]], ids=str)
def test_a_reader_that_stops_early_is_no_reason_to_complain(tmp_path, words):
    command = [sys.executable, "-m", "featlib", *words]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment
    ) as running:
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0


def test_python_m_featlib_is_the_command(tmp_path):
    command = [sys.executable, "-m", "featlib", "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (answer.stdout, answer.stderr) == (f"featlib {__version__}\n", "")
    wrong = subprocess.run([*command[:3], "frobnicate"], capture_output=True, cwd=tmp_path)
    assert wrong.returncode == 2


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Return a progress store with two answers, and make the command line use it."""
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))
    progress = quiz.Progress()
    progress.add("03_feature_extraction", "identity", 0, False)
    progress.add("03_feature_extraction", "identity", 1, True)
    return progress


def test_progress_has_a_line_for_each_quiz(run, answers):
    code, out, _ = run("progress")
    assert code == 0
    found = quiz.load("03_feature_extraction")
    begun, n = found.title, str(len(found.questions))
    states = {title: next(line for line in out.splitlines() if title in line) for title in (
        quiz.load(name).title for name in quiz.names()
    )}  # fmt: skip
    assert states.pop(begun).split()[-5:] == ["1", "of", n, "0", "begun"]
    assert all(line.endswith("not begun") for line in map(str.rstrip, states.values()))


def test_progress_export_writes_csv_and_json(run, answers, tmp_path):
    code, out, _ = run("progress", "--export", "ada")
    assert (code, out.split()) == (0, ["ada.csv", "ada.json"])
    assert json.loads((tmp_path / "ada.json").read_text())["summary"][0]["tries"] == 2
    assert (tmp_path / "ada.csv").read_text().splitlines()[0].startswith("quiz,question,tries")


def test_progress_export_to_where_nothing_can_be_written(run, answers):
    code, _, err = run("progress", "--export", "no/such/folder/ada")
    assert code == 1
    assert err.startswith("featlib progress: wanted to write 'no/such/folder/ada.csv', got ")
    assert "Errno" not in err
    assert err.endswith("Give a name in a folder that is there and that you can write to.\n")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("said", "left"), [("y", 0), ("n", 2), ("", 2)])
def test_progress_reset_asks_first(run, answers, monkeypatch, said, left):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: said)
    assert run("progress", "--reset")[0] == 0
    assert len(answers.answers()) == left


def test_progress_reset_where_nobody_can_be_asked(run, answers):
    code, _, err = run("progress", "--reset")
    assert code == 1
    assert "--yes" in err
    assert len(answers.answers()) == 2
    assert run("progress", "--reset", "04_train_linear_head", "--yes")[0] == 0
    assert len(answers.answers()) == 2
    assert run("progress", "--reset", "03_feature_extraction", "--yes")[0] == 0
    assert answers.answers() == []


def test_progress_reset_of_an_unknown_quiz(run, answers):
    code, _, err = run("progress", "--reset", "99_nothing", "--yes")
    assert code == 1
    assert "03_feature_extraction" in err


# featlib cache


@pytest.fixture
def entries(empty_cache):
    """Return a cache with two entries, beside a file that is not featlib's."""
    for name in "ab":
        cache.write(cache.entry("features", name * 64), torch.zeros(1000))
    (empty_cache / "features" / "letter.txt").write_text("mine")
    return empty_cache


def test_cache_says_what_there_is(run, entries):
    code, out, _ = run("cache")
    files, size = cache.usage()["features"]
    assert (code, files) == (0, 2)
    [line] = (line for line in out.splitlines() if line.split()[:1] == ["features"])
    assert line.split() == ["features", "2", f"{size / 1e6:.1f}"]
    assert f"In all: 2 files ({size / 1e6:.1f} MB) in {entries}" in out


@pytest.mark.parametrize(("said", "left"), [("y", 0), ("Yes", 0), ("n", 2), ("", 2)])
def test_cache_clear_asks_first(run, entries, monkeypatch, said, left):
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or said)
    assert run("cache", "--clear")[0] == 0
    assert asked[0].startswith("Remove 2 files (")
    assert asked[0].endswith("? [y/N] ")
    assert cache.usage()["features"][0] == left
    assert (entries / "features" / "letter.txt").read_text() == "mine"


def test_no_answer_is_a_no(run, entries, monkeypatch):
    def end_of_input(question):
        raise EOFError

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", end_of_input)
    assert run("cache", "--clear") == (0, "\nNothing was changed.\n", "")
    assert cache.usage()["features"][0] == 2


def test_cache_clear_where_nobody_can_be_asked(run, entries):
    code, _, err = run("cache", "--clear")
    assert (code, err.count("\n")) == (1, 1)
    assert "--yes" in err
    assert cache.usage()["features"][0] == 2
    code, out, _ = run("cache", "--clear", "--yes")
    assert (code, out[:8], cache.usage()["features"][0]) == (0, "Removed:", 0)
    assert run("cache", "--clear")[1].startswith("Nothing to remove: 0 files")


@pytest.mark.parametrize("place", ["_parser", "_progress"])
def test_ctrl_c_is_one_line_wherever_it_comes(run, monkeypatch, place):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, place, interrupt)
    code, out, err = run("progress")
    assert (code, out, err.count("\n")) == (130, "", 1)


@pytest.mark.parametrize("module", ["featlib.cli", "featlib.checks", "featlib.quiz"])
def test_ctrl_c_while_featlib_is_imported(module, tmp_path):
    code = "import runpy, sys\n"
    code += "class Interrupt:\n    def find_spec(self, name, *_):\n"
    code += f"        if name == {module!r}: raise KeyboardInterrupt\n"
    code += "sys.meta_path.insert(0, Interrupt())\nsys.argv = ['featlib', 'progress']\n"
    code += "runpy.run_module('featlib', run_name='__main__')"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 130
    assert answer.stderr.startswith("featlib: interrupted")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("closed", ["stdin", "stdout"])
def test_a_program_without_streams(run, answers, monkeypatch, closed):
    monkeypatch.setattr(sys, closed, None)
    for words in (["progress"], ["progress", "--reset"], ["cache"], ["cache", "--clear"]):
        code, _, err = run(*words)
        assert code in (0, 1)
        assert "Traceback" not in err


def test_bytes_that_are_no_text_are_a_no(run, entries, monkeypatch):
    typed = io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), encoding="utf-8")
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", typed)
    assert run("cache", "--clear")[0] == 0
    assert cache.usage()["features"][0] == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_an_error_of_the_system_is_one_line_whatever_the_name(run, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied", "a\nb\x1b")

    monkeypatch.setattr(lesson, "run", fail)
    err = run("run")[2]
    assert err.count("\n") == 1
    assert r"a\nb\x1b" in err


@pytest.fixture(scope="module")
def model(tmp_path_factory, emoji10):
    """Return a small run and the model that was kept of it."""
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    finished = lesson.run(few, epochs=1, baselines=False, progress=False)
    return finished, finished.save(tmp_path_factory.mktemp("kept") / "my_model")


@pytest.fixture
def shown(model, tmp_path):
    """Return a folder with two pictures of the run, a damaged one, and what is none."""
    folder = tmp_path / "shown"
    folder.mkdir()
    for row in (0, 7):
        model[0].images.picture(row).save(folder / f"{row}.png")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:900])
    (folder / "notes.txt").write_text("none")
    return folder


def test_a_run_keeps_its_model_and_predict_says_the_same(run, picture_folder, tmp_path):
    words = "run", "--images", picture_folder, "--no-baselines", "--save"
    assert f"Model: {tmp_path / 'm'}" in run(*words, tmp_path / "m")[1]
    assert json.loads(run(*words, tmp_path / "m", "--json")[1])["model"] == str(tmp_path / "m")
    picture = picture_folder / "red" / "0.png"
    code, out, _ = run("predict", tmp_path / "m", picture)
    assert (code, out.split(":")[-1].split()[0]) == (0, "red")


def test_a_folder_that_is_no_model_is_refused_before_the_run(run, picture_folder, monkeypatch):
    monkeypatch.setattr(lesson, "run", None)
    (picture_folder / "README.md").write_text("mine")
    code, out, err = run("run", "--save", picture_folder)
    assert (code, out) == (1, "")
    assert "featlib run: wanted a folder for the model" in err
    assert (picture_folder / "README.md").read_text() == "mine"


def test_a_prediction_names_the_best_classes(run, model, shown):
    code, out, err = run("predict", model[1], shown, "--top", 2)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    for line, row in zip(lines, (0, 7), strict=False):
        best = model[0].predict(row).probabilities.topk(2)
        named = [f"{model[0].images.classes[k]} {p:.3f}" for p, k in zip(*best, strict=True)]
        assert line == f"{shown / f'{row}.png'}: {', '.join(named)}"
    assert lines[2].startswith(f"unreadable {shown / 'cut.png'}: damaged")
    assert lines[3].startswith(f"unreadable {shown / 'notes.txt'}: no PNG")
    assert len(lines) == 4


def test_json_lines_hold_the_numbers_of_the_lesson(run, model, shown):
    out = run("predict", model[1], shown, "--json", "--top", 100)[1]
    *found, cut, notes = map(json.loads, out.splitlines())
    for facts, row in zip(found, (0, 7), strict=True):
        wanted = model[0].predict(row)
        assert facts["picture"] == str(shown / f"{row}.png")
        assert facts["label"] == wanted.label == next(iter(facts["probabilities"]))
        ours = [facts["probabilities"][name] for name in wanted.classes]
        torch.testing.assert_close(torch.tensor(ours), wanted.probabilities, atol=1e-5, rtol=0)
    assert [facts.keys() for facts in (cut, notes)] == [{"picture", "error"}] * 2


def test_csv_has_a_row_a_picture(run, model, shown):
    out = run("predict", model[1], shown, "--csv", "--top", 1)[1]
    heading, *rows = csv.reader(io.StringIO(out))
    assert heading == ["picture", "class_1", "probability_1", "error"]
    assert [Path(row[0]).name for row in rows] == ["0.png", "7.png", "cut.png", "notes.txt"]
    wanted = model[0].predict(0)
    assert rows[0][1] == wanted.label
    assert float(rows[0][2]) == pytest.approx(wanted.probabilities.max().item(), abs=1e-5)
    assert rows[2][1:3] == ["", ""]
    assert rows[2][3].startswith("damaged")


def test_a_picture_that_was_named_and_cannot_be_read_makes_the_code_1(run, model, shown):
    code, out, err = run("predict", model[1], shown / "nowhere.png", shown / "0.png")
    assert (code, err) == (1, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [
        str(shown / "0.png"), f"unreadable {shown / 'nowhere.png'}",
    ]  # fmt: skip
    code, out, err = run("predict", model[1], shown / "cut.png")
    assert (code, len(out.splitlines())) == (1, 1)
    assert "wanted pictures that can be read" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere", "a.png"], 1, "wanted a folder of a model"),
        ([".", "a.png"], 1, "no card.json there"),
        (["MODEL"], 2, "PICTURE"),
        (["MODEL", ""], 2, "it is empty"),
        (["MODEL", "https://example.org/a.png"], 1, "the address"),
        (["MODEL", "a.png", "--top", 0], 2, "0 is less than 1"),
        (["MODEL", "a.png", "--json", "--csv"], 2, "not allowed"),
        (["MODEL", "a.png", "--weights", "untrained"], 1, "the backbone that the head was trained"),
    ],
)
def test_what_predict_cannot_take_is_refused_in_one_line(run, model, words, code, said):
    words = [model[1] if word == "MODEL" else word for word in words]
    found, out, err = run("predict", *words)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert said in err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("form", ["--top=3", "--json", "--csv"])
def test_no_name_of_a_picture_or_class_is_obeyed(run, emoji10, tmp_path, form):
    names = ["=1+1", "\x1b[31m", "\x7f\x9b", *"defghij"]
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], names)
    finished = lesson.run(few, epochs=1, baselines=False, progress=False)
    finished.save(tmp_path / "m")
    for name in ("=2.png", "\x1b[2J\n\x7f.png", "\udcff.png"):
        few.picture(0).save(tmp_path / name)
    (tmp_path / "\x1b]0;pwned\x07.txt").write_text("none")
    files = sorted(tmp_path.glob("*.*"))
    code, out, err = run("predict", "m", *(file.name for file in files), form)
    assert code == 1
    assert not re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out + err)
    if form == "--csv":
        cells = [cell for row in csv.reader(io.StringIO(out)) for cell in row]
        assert "'=2.png" in cells
        assert not [cell for cell in cells if cell.startswith("=")]
    assert len(out.splitlines()) == len(files) + (form == "--csv")


def test_a_reader_that_leaves_ends_predict_quietly(model, shown):
    command = [sys.executable, "-m", "featlib", "predict", str(model[1]), *[str(shown)] * 300]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout.readline().startswith(str(shown).encode())
        started.stdout.close()
        assert (started.wait(), started.stderr.read()) == (0, b"")


def test_predictions_are_written_as_they_come():
    asked = []

    def predictions():
        for k in range(4):
            asked.append(k)
            probabilities = None if k == 0 else torch.tensor([0.25, 0.75])
            yield classifier.Prediction(Path(str(k)), probabilities, "" if k else "damaged")

    written = lines.write_lines(predictions(), ("cat", "dog"), top=1)
    assert next(written) == "1: dog 0.750"
    assert asked == [0, 1]
    assert list(written) == ["2: dog 0.750", "3: dog 0.750", "unreadable 0: damaged"]


def test_an_export_needs_a_file(run, model):
    code, _, err = run("export", model[1])
    assert (code, "name a file: --onnx FILE" in err) == (2, True)


def test_an_export_says_what_it_wrote_and_what_is_missing(run, model, tmp_path, monkeypatch):
    assert run("export", model[1], "--torch", "m.pt2")[:2] == (0, "m.pt2\n")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    code, _, err = run("export", model[1], "--onnx", "m.onnx")
    assert (code, "pip install 'featlib[export]'" in err) == (1, True)
    assert not (tmp_path / "m.onnx").exists()
