"""The class report that renews itself while exports arrive."""

import functools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from featlib import FeatlibError, quiz
from featlib.pages import class_report

NAME = "03_feature_extraction"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "class"
    made.mkdir()
    return made


@pytest.fixture
def page(tmp_path):
    return tmp_path / "page.html"


@pytest.fixture
def reports(folder, page):
    watched = class_report.watch(folder, page, seconds=0.01)
    yield watched
    watched.close()


def export(folder, name, n=1):
    """Export n answers, as `featlib progress --export` does."""
    progress = quiz.Progress(folder.parent / f"{name}.jsonl")
    for question in quiz.load(NAME).questions[:n]:
        progress.add(NAME, question, 0, True)
    return progress.export(folder / f"{name}.json")


def right(report):
    return {learner.name: learner.right for learner in report.learners}


def test_the_page_is_written_anew_when_an_export_comes_changes_or_goes(folder, page, reports):
    assert right(next(reports)) == {}
    assert "0 learners" in page.read_text(encoding="utf-8")
    export(folder, "ada")
    assert right(next(reports)) == {"ada": 1}
    export(folder, "ben", 2)
    assert right(next(reports)) == {"ada": 1, "ben": 2}
    export(folder, "ada", 3)
    assert right(next(reports))["ada"] == 3
    (folder / "ben.json").unlink()
    assert right(next(reports)) == {"ada": 3}
    assert "<body data-watched>" in page.read_text(encoding="utf-8")


def test_a_page_that_is_not_watched_does_not_load_itself_anew(folder, page):
    export(folder, "ada")
    class_report.write(class_report.read(folder), page)
    assert "<body>" in page.read_text(encoding="utf-8")


def test_a_half_written_file_waits(folder, reports):
    whole = export(folder, "ada").read_bytes()
    next(reports)
    (folder / "ben.json").write_bytes(whole[:100])
    (folder / "ada.json").write_bytes(whole[:200])
    export(folder, "cy")
    report = next(reports)
    assert right(report) == {"ada": 1, "cy": 1}
    assert report.refused == ()
    (folder / "ben.json").write_bytes(whole)
    assert right(next(reports)) == {"ada": 1, "ben": 1, "cy": 1}


def test_a_file_that_stays_broken_is_named_and_what_was_read_of_it_stays(
    folder, reports, monkeypatch
):
    monkeypatch.setattr(class_report, "_SETTLED", 0.3)
    whole = export(folder, "ada").read_bytes()
    next(reports)
    (folder / "ada.json").write_bytes(whole[:200])
    begun = time.monotonic()
    report = next(reports)
    assert time.monotonic() - begun >= 0.3
    assert right(report) == {"ada": 1}
    assert [name for name, _ in report.refused] == ["ada.json"]
    (folder / "ada.json").write_bytes(whole)
    assert next(reports).refused == ()


def test_nothing_is_written_while_nothing_changes(folder, page, monkeypatch):
    export(folder, "ada")
    looks = iter(range(5))

    def sleep(_):
        if next(looks, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(class_report.time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        assert len(list(class_report.watch(folder, page))) == 1
    assert next(looks, None) is None


@pytest.mark.parametrize("begun", ["room", "another answer"])
def test_a_change_that_leaves_no_sign_is_seen(folder, reports, monkeypatch, begun):
    """A share may date files by two seconds only, and give room before it writes."""
    monkeypatch.setattr(class_report, "_SETTLED", 0.3)
    whole = export(folder, "ada").read_bytes()
    file = folder / "ben.json"
    other = whole.replace(b": true", b":false")
    file.write_bytes(b"\0" * len(whole) if begun == "room" else other)
    os.utime(file, (1e9, 1e9))
    first = right(next(reports))
    assert first == ({"ada": 1} if begun == "room" else {"ada": 1, "ben": 0})
    with open(file, "r+b") as there:
        there.write(whole)
    os.utime(file, (1e9, 1e9))
    assert right(next(reports)) == {"ada": 1, "ben": 1}


def test_a_folder_that_goes_and_comes_again_is_waited_for(folder, page, reports, caplog):
    export(folder, "ada")
    next(reports)
    moved = folder.rename(folder.with_name("away"))
    shown = page.read_text(encoding="utf-8")
    back = threading.Timer(0.3, lambda: moved.rename(folder))
    export(moved, "ben")
    back.start()
    assert right(next(reports)) == {"ada": 1, "ben": 1}
    back.join()
    assert "1 learner," in shown
    assert f"'{folder}' cannot be read; waiting for it" in caplog.text


def test_a_change_before_a_look_that_failed_is_shown_after_it(folder, reports, monkeypatch):
    """What was seen of a share that went away in between is not forgotten."""
    export(folder, "ada")
    next(reports)
    look = class_report._only_tables
    gone = iter([OSError(5, "gone")])

    def fails_once(at):
        for error in gone:
            raise error
        return look(at)

    monkeypatch.setattr(class_report, "_only_tables", fails_once)
    monkeypatch.setattr(class_report, "_SETTLED", 1e9)  # no second look without a change
    export(folder, "ben")
    found = []
    watching = threading.Thread(target=lambda: found.append(next(reports)), daemon=True)
    watching.start()
    watching.join(10)
    assert [right(report) for report in found] == [{"ada": 1, "ben": 1}]


def test_a_folder_that_is_not_there_is_refused(tmp_path, page):
    with pytest.raises(FeatlibError, match="nothing there"):
        next(class_report.watch(tmp_path / "none", page))


@pytest.mark.skipif(os.name != "posix", reason="Windows sends Ctrl+C to a whole console")
@pytest.mark.long
def test_the_command_ends_cleanly_with_ctrl_c(folder, page):
    export(folder, "ada")
    command = [sys.executable, "-m", "featlib", "class-report", folder, "--out", page, "--watch"]
    # What a shell starts in its background ignores Ctrl-C, and so do the processes that it starts.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, preexec_fn=heed) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"{page}: 1 learner\n"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert err == "featlib: interrupted; nothing that was finished is lost\n"


WRITER = """
import sys
from featlib import quiz
root, name = sys.argv[1:]
progress = quiz.Progress(f"{root}/{name}.jsonl")
question = quiz.load("source_quiz").questions[0]
for number in range(10_000):
    progress.add("source_quiz", question, number, False)
    progress.export(f"{root}/class/{name}.json")
    print(number + 1, flush=True)
"""


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="a killed process of Windows keeps its files open")
def test_thirty_writers_killed_at_random_lose_nothing(folder, page, tmp_path):
    """Each prints how many answers are exported; so many must be on the page within 2 seconds."""
    chance = random.Random(0)
    names = [f"w{number:02}" for number in range(30)]
    logs = {name: tmp_path / f"{name}.log" for name in names}
    running = {}
    for name in names:
        with open(logs[name], "wb") as log:
            command = [sys.executable, "-c", WRITER, tmp_path, name]
            running[name] = subprocess.Popen(command, stdout=log)
    reports = class_report.watch(folder, page)
    while running:
        report = next(reports)
        if len(report.learners) > chance.randrange(30):
            name = chance.choice([*running])
            process = running.pop(name)
            process.kill()
            process.wait()
    done = {name: len(log.read_text().split()) for name, log in logs.items()}
    assert max(done.values()) > 5
    (folder / "last.json").write_text(json.dumps({"answers": []}))  # so that there is one more
    begun = time.monotonic()
    report = next(reports)
    assert time.monotonic() - begun < 2
    shown = {of.name: len(of.answers) for of in report.learners}
    assert {name: n for name, n in done.items() if shown.get(name, 0) < n} == {}
    assert report.refused == ()
