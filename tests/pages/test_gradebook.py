"""Marks of a class: counted by hand, matched with a roster, and safe to open in a spreadsheet."""

import csv

import pytest

from featlib import FeatlibError, quiz
from featlib.pages import class_report, gradebook
from featlib.pages.gradebook import Student

NAME = "10_challenge"

MOODLE = """\ufeffFirst name,Surname,"ID number",Username,"Email address","Quiz: 1 (Real)"
Ada,Lovelace,1815,ada,ada@example.org,-
Ben,"van der Berg",1900,bberg,BEN@example.org,-
Cy,Young,1867,cyoung,cy@example.org,-
"""
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Essay (77)
,,,,,Manual Posting
    Points Possible,,,,,10
"Lovelace, Ada",501,1815,ada,Monday,9
"van der Berg, Ben",502,1900,bberg,Monday,
"Young, Cy",503,1867,cyoung,Tuesday,
"""


def hand_in(folder, name, *rights):
    """Write an export that answers the first questions of the quiz, each right or wrong."""
    folder.mkdir(exist_ok=True)
    progress = quiz.Progress(folder.parent / f"{name}.jsonl")
    for question, tries in zip(quiz.load(NAME).questions, rights, strict=False):
        for right in tries:
            progress.add(NAME, question.id, "x", bool(right))
    progress.export(folder / f"{name}.json")


@pytest.fixture
def folder(tmp_path):
    """Return exports of four: three right, two of them at once; all wrong; none; somebody else."""
    folder = tmp_path / "results"
    hand_in(folder, "ada", [1], [0, 1], [1], [0])
    hand_in(folder, "Berg_Ben van der", [0], [1, 0])
    hand_in(folder, "CY", [])
    hand_in(folder, "zoe", [1])
    return folder


@pytest.fixture
def total():
    return len(quiz.load(NAME).questions)


def table(path):
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


def roster(tmp_path, text, name="roster.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def read(folder, **options):
    return gradebook.marks(class_report.read(folder), [NAME], **options)


def test_plain_marks(folder, tmp_path, total):
    found = read(folder)
    assert [(mark.learner, mark.score) for mark in found.marks] == [
        ("ada", 3),
        ("Berg_Ben van der", 0),
        ("CY", 0),
        ("zoe", 1),
    ]
    rows = table(gradebook.write(found, tmp_path / "marks.csv"))
    assert rows[:2] == [
        ["name", "score", "out of", "percent"],
        ["ada", "3", str(total), f"{300 / total:.1f}"],
    ]
    assert len(rows) == 5


def test_what_was_right_at_the_first_try(folder):
    assert [mark.score for mark in read(folder, first_try=True).marks] == [2, 1, 0, 1]


def test_all_quizzes_of_the_lesson_count_if_none_is_named(folder):
    found = gradebook.marks(class_report.read(folder))
    assert found.out_of == sum(len(of.questions) for of in quiz.bundled_quizzes())
    assert found.marks[0].score == 3


@pytest.mark.parametrize("text", [MOODLE, CANVAS, MOODLE.replace(",", "\t")])
def test_a_roster_says_who_it_is_and_who_is_missing(folder, tmp_path, text):
    students = gradebook.read_roster(roster(tmp_path, text))
    assert [student.number for student in students] == ["1815", "1900", "1867"]
    found = read(folder, roster=students)
    assert [mark.student and mark.student.number for mark in found.marks[:2]] == ["1815", "1900"]
    unmatched = [(mark.learner, mark.why) for mark in found.unmatched]
    why = "no student of the roster fits"
    if text == CANVAS:  # which has no addresses, and so nobody called cy
        assert unmatched == [("CY", why), ("zoe", why)]
        assert found.missing == ("Young, Cy",)
    else:
        assert unmatched == [("zoe", why)]
        assert found.missing == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_roster_as_a_spreadsheet_saves_it(tmp_path, encoding, separator):
    text = "First name,Surname,Username\r\nJörg,Müller,jörg\r\n".replace(",", separator)
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode(encoding))
    assert gradebook.read_roster(path) == (Student("Jörg Müller", "jörg"),)


def test_moodle_gets_who_it_is_and_percent(folder, tmp_path, total):
    found = read(folder, roster=gradebook.read_roster(roster(tmp_path, MOODLE)))
    path = gradebook.write(found, tmp_path / "m.csv", format="moodle", title="Emoji")
    header, *rows = table(path)
    assert header == ["Full name", "Username", "ID number", "Email address", "Emoji"]
    percent = f"{300 / total:.1f}"
    assert rows[0] == ["Ada Lovelace", "ada", "1815", "ada@example.org", percent]
    assert [row[0] for row in rows] == ["Ada Lovelace", "Ben van der Berg", "Cy Young"]


def test_moodle_without_a_roster_gets_the_names_of_files_as_usernames(folder, tmp_path):
    path = gradebook.write(read(folder), tmp_path / "m.csv", format="moodle")
    header, first, *_ = table(path)
    assert header == ["Full name", "Username", "featlib quizzes"]
    assert first[:2] == ["ada", "ada"]


def test_canvas_gets_its_own_columns_and_the_points(folder, tmp_path, total):
    found = read(folder, roster=gradebook.read_roster(roster(tmp_path, CANVAS)))
    path = gradebook.write(found, tmp_path / "c.csv", format="canvas", title="Emoji (88)")
    header, points, *rows = table(path)
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Emoji (88)"]
    assert points == ["    Points Possible", "", "", "", "", str(total)]
    assert rows == [
        ["Lovelace, Ada", "501", "1815", "ada", "Monday", "3"],
        ["van der Berg, Ben", "502", "1900", "bberg", "Monday", "0"],
    ]
    again = gradebook.read_roster(path)  # what Canvas would read
    assert [student.canvas for student in again] == ["501", "502"]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("ada", "1"),
        ("ADA", "1"),
        ("1", "1"),
        ("ada@example.org", "1"),
        ("Ada Lovelace", "1"),
        ("lovelace-ada", "1"),
        ("Łukasz Żak", "2"),
        ("zak", None),
        ("Ada", "1"),
        ("Kim Lee", None),
        ("kim", None),
        ("", None),
    ],
)
def test_by_what_a_file_may_be_called(name, number):
    students = [
        Student("Ada Lovelace", "ada", "1", "ada@example.org"),
        Student("Łukasz Żak", "lz", "2"),
        Student("Kim Lee", "klee1", "3", "kim@a.org"),
        Student("Lee, Kim", "klee2", "4", "kim@b.org"),
    ]
    ((student, why),) = gradebook._matched([name], students)
    assert (student.number if student else None) == number
    assert bool(why) == (student is None)
    if "kim" in name.lower():
        assert why == "it fits Kim Lee and Lee, Kim"


def test_two_files_of_one_student_are_both_named(folder, tmp_path):
    hand_in(folder, "ada lovelace", [0])
    found = read(folder, roster=gradebook.read_roster(roster(tmp_path, MOODLE)))
    assert {mark.learner for mark in found.unmatched} == {"ada", "ada lovelace", "zoe"}
    assert found.unmatched[0].why == "ada and ada lovelace are both of Ada Lovelace"
    assert found.missing == ("Ada Lovelace",)


def test_no_cell_begins_with_a_formula(folder, tmp_path):
    hand_in(folder, "=1+1", [1])
    hostile = CANVAS + '"=HYPERLINK(""x"")",504,+9,-b,@home,\n'
    found = read(folder, roster=gradebook.read_roster(roster(tmp_path, hostile)))
    assert found.missing[-1] == '=HYPERLINK("x")'
    for format in gradebook.FORMATS:
        for book in (read(folder), found):
            path = gradebook.write(book, tmp_path / "x.csv", format=format, title="=t")
            assert not [cell for row in table(path) for cell in row if cell[:1] in tuple("=+-@")]


@pytest.mark.parametrize("title", ["Final Grade", "Unposted Current Score (1)", "Section"])
def test_a_title_that_canvas_would_skip_is_refused(folder, tmp_path, title):
    with pytest.raises(FeatlibError, match="Canvas has columns of its own"):
        gradebook.write(read(folder), tmp_path / "x.csv", format="canvas", title=title)
    for format in ("plain", "moodle"):
        assert gradebook.write(read(folder), tmp_path / "x.csv", format=format, title=title)


def test_marks_of_nobody_are_no_table_for_canvas(folder, tmp_path):
    students = [Student("Nobody Here")]
    found = read(folder, roster=students)
    with pytest.raises(FeatlibError, match="got 4 that fit nobody"):
        gradebook.write(found, tmp_path / "c.csv", format="canvas")
    assert len(table(gradebook.write(found, tmp_path / "p.csv"))) == 5


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"Colour,Height\nred,3\n", "wanted a column Username.*Call one of its columns so"),
        (b"\n\n", "an empty file"),
        (b"Student,ID\n\xff\xfe,1\n", "no text in UTF-8.*Save it as CSV in UTF-8"),
        (b"Student,ID\n" + b"x" * 200_000 + b",1\n", "field larger than"),
        (b"Student\n" * 300_000, "larger than 2 MB"),
    ],
)
def test_what_is_no_roster_is_refused(tmp_path, content, why):
    path = tmp_path / "roster.csv"
    path.write_bytes(content)
    with pytest.raises(FeatlibError, match=why):
        gradebook.read_roster(path)


@pytest.mark.parametrize("bad", [5, None, "no", [5]])
def test_what_is_no_argument_is_refused(folder, tmp_path, bad):
    report = class_report.read(folder)
    with pytest.raises(FeatlibError):
        gradebook.marks(bad)
    with pytest.raises(FeatlibError):
        gradebook.marks(report, bad)
    with pytest.raises(FeatlibError):
        gradebook.marks(report, first_try=bad)
    with pytest.raises(FeatlibError):
        gradebook.write(bad, tmp_path / "x.csv")
    with pytest.raises(FeatlibError):
        gradebook.write(read(folder), tmp_path / "x.csv", format=bad)
    with pytest.raises(FeatlibError):
        gradebook.read_roster(bad)
    if bad is not None:
        with pytest.raises(FeatlibError):
            gradebook.marks(report, roster=bad)


def test_the_command_names_everybody_who_is_not_in_the_table(run, folder, tmp_path):
    (folder / "notes.json").write_text("{}")
    path = roster(tmp_path, CANVAS)
    words = ("--format", "canvas", "--roster", path, "--quiz", NAME)
    code, out, err = run("gradebook", folder, *words)
    assert (code, err) == (0, "")
    left, *lines = out.splitlines()
    assert left.startswith("left out notes.json: not written by featlib progress")
    assert lines == [
        "no answer in CY.json",
        "unmatched CY.json: no student of the roster fits",
        "unmatched zoe.json: no student of the roster fits",
        "no file of Young, Cy",
        "marks.csv",
    ]
    assert len(table(tmp_path / "marks.csv")) == 4


@pytest.mark.parametrize("command", ["gradebook", "class-report"])
def test_the_commands_name_the_files_of_earlier_exports_and_of_later_ones(
    run, folder, tmp_path, command
):
    hand_in(folder, "zoe", [1])  # once more
    (folder / "zoe.json").rename(folder / "zoe (1).json")
    hand_in(folder, "zoe")
    progress = quiz.Progress(tmp_path / "zoe.jsonl")
    progress.add(NAME, quiz.load(NAME).questions[1].id, "x", False)
    progress.export(folder / "zoe (2).json")
    path = roster(tmp_path, CANVAS)
    roster_words = ("--format", "canvas", "--roster", path) if command == "gradebook" else ()
    code, out, _ = run(command, folder, *roster_words)
    assert code == 0
    for name in ("zoe.json", "zoe (1).json"):
        assert f"left out {name}: an earlier export of the same learner\n" in out
    unmatched = "unmatched zoe (2).json: no student of the roster fits\n"
    assert (unmatched in out) == (command == "gradebook")


def test_the_help_says_that_marks_prove_nothing(run):
    code, out, _ = run("gradebook", "--help")
    assert code == 0
    assert "prove nothing" in " ".join(out.split())
    assert "not signed" in " ".join(out.split())
