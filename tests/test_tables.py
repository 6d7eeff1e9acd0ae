"""Tables in a terminal and in a notebook."""

import pytest
from rich.console import Console

from featlib import FeatlibError
from featlib.tables import Table


def test_a_table_is_text_in_a_terminal_and_html_in_a_notebook():
    table = Table("Title", ("name", ">number"), (("one & <two>", "1"),))
    assert [line.strip() for line in repr(table).splitlines() if line] == [
        "Title",
        "name          number",
        "──────────────────────",
        "one & <two>        1",
    ]
    html = table._repr_html_()
    assert "<td>" not in html, "every cell says how it is aligned"
    assert "one &amp; &lt;two&gt;" in html
    assert '<th style="text-align:right">number</th>' in html


def shown(table, width):
    console = Console(width=width, color_system=None, force_jupyter=False)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines() if line.strip()]


ROW = Table("Flow", ("stage", "in", ">seconds"), (("one or more", "float32 10×3×64×64", "1"),))


def test_where_there_is_room_a_row_is_a_line():
    assert shown(ROW, 80)[1:] == [
        "  stage         in                   seconds",
        " ────────────────────────────────────────────",
        "  one or more   float32 10×3×64×64         1",
    ]


def test_where_there_is_less_words_go_to_a_next_line():
    assert shown(ROW, 36)[1:] == [
        "  stage       in           seconds",
        " ──────────────────────────────────",
        "  one or      float32            1",
        "  more        10×3×64×64",
    ]


def test_then_columns_move_together():
    assert shown(ROW, 29)[1:] == [
        " stage  in          seconds",
        " ───────────────────────────",
        " one    float32           1",
        " or     10×3×64×64",
        " more",
    ]


def test_where_no_word_fits_each_row_is_a_list():
    assert shown(ROW, 25)[1:] == [
        "  stage     one or more",
        "  in        float32",
        "            10×3×64×64",
        "  seconds   1",
    ]


def test_what_looks_like_markup_stays():
    table = Table("[b]t[/b]", ("[i]a",), (("[/red] :smile:",),))
    assert shown(table, 40) == ["[b]t[/b]", "  [i]a", " ────────────────", "  [/red] :smile:"]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(FeatlibError, match=r"wanted rows of 2 cells.*got 1\."):
        Table("t", ("a", "b"), (("1",),))


@pytest.mark.parametrize("place", ["title", "columns", "rows"])
def test_what_a_terminal_would_obey_is_written_out(place):
    parts = {"title": "t", "columns": ("a",), "rows": (("1",),)}
    name = "x\x1b]0;y\x07\nz"
    table = Table(**parts | {place: {"title": name, "columns": (name,), "rows": ((name,),)}[place]})
    for shown in (repr(table), table._repr_html_()):
        assert r"x\x1b]0;y\x07\nz" in "".join(shown.split("\n"))  # a long title has several lines
        assert "\x1b" not in shown


class Odd:
    def __str__(self):
        raise KeyError("no")

    __iter__ = __str__


@pytest.mark.parametrize("odd", [10**5000, Odd()], ids=["a huge number", "an odd object"])
def test_what_cannot_be_written_is_refused(odd):
    for parts in ((odd, ("a",), ()), ("t", (odd,), ()), ("t", ("a",), ((odd,),))):
        with pytest.raises(FeatlibError, match=r"Table: wanted .* as text, got (int|Odd) "):
            Table(*parts)
    for parts in (("t", odd, ()), ("t", ("a",), odd), ("t", ("a",), (odd,))):
        with pytest.raises(FeatlibError, match="Put them into a tuple"):
            Table(*parts)


def test_numbers_may_be_cells():
    assert Table("t", ["a", "b"], [[1, None]]).rows == (("1", "None"),)


def test_a_table_of_nothing_is_its_title():
    assert repr(Table("t", (), ())).strip() == "t"
