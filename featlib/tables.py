"""Tables that a terminal, a notebook and a comparison of outputs can all read."""

from dataclasses import dataclass
from html import escape
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from featlib import checks
from featlib.engine.words import describe, printable

__all__ = ["Table"]


@dataclass(frozen=True, repr=False)
class Table:
    """A small table that a terminal and a notebook can both show.

    Where it is too wide for a terminal, words go to a next line; where even single words are too
    wide, each row becomes a list of headings and cells. No word is cut. What a terminal would obey,
    such as the character Escape or a line break in a name, is written out.

    Attributes
    ----------
    title : str
        What the table shows.
    columns : tuple of str
        The headings. One that starts with ``>`` is for a column of numbers, aligned to the right.
    rows : tuple of tuple of str
        The cells: each row has one text for each column.

    Raises
    ------
    featlib.FeatlibError
        If the columns are no texts, a row has more or fewer cells than there are columns, or
        something cannot be written as text.

    Examples
    --------
    >>> Table("Lengths", ("word", ">letters"), (("cat", "3"), ("giraffe", "7")))
    Lengths
    <BLANKLINE>
      word      letters
     ───────────────────
      cat             3
      giraffe         7
    <BLANKLINE>
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        columns = _texts(self.columns, "columns, a text each")
        rows = tuple(
            _texts(row, "rows, each a tuple of texts") for row in _tuple(self.rows, "rows")
        )
        for row in rows:
            if len(row) != len(columns):
                wanted = f"rows of {len(columns)} cells, one for each column"
                checks.refuse("Table", wanted, f"{len(row)}", "Give each row as many cells.")
        for name, value in (
            ("title", _text(self.title, "the title")),
            ("columns", columns),
            ("rows", rows),
        ):
            object.__setattr__(self, name, value)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for gap in (3, 2):  # blanks between columns
            if widths := self._widths(options.max_width - gap * len(self.columns) - 1):
                yield self._grid(widths, gap)
                return
        yield self._records()

    def _widths(self, room: int) -> list[int]:
        """Return the widths of the columns; none if a word would have to be cut.

        The widest columns give way first, since theirs are the longest texts.
        """
        headings = [column.lstrip(">") for column in self.columns]
        columns = list(zip(headings, *self.rows, strict=True))
        widths = [max(map(cell_len, column)) for column in columns]
        least = [max(map(cell_len, " ".join(column).split() or [""])) for column in columns]
        if sum(least) > room:
            return []
        while sum(widths) > room:
            wide = (i for i in range(len(widths)) if widths[i] > least[i])
            widths[max(wide, key=lambda i: (widths[i], i))] -= 1
        return widths

    def _grid(self, widths: list[int], gap: int) -> RichTable:
        table = self._empty(padding=(0, 1, 0, gap - 2))
        for column, width in zip(self.columns, widths, strict=True):
            justify = "right" if column.startswith(">") else "left"
            table.add_column(Text(column.lstrip(">")), justify=justify, width=width)
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def _records(self) -> RichTable:
        table = self._empty(show_header=False)
        for _ in ("heading", "cell"):
            table.add_column(overflow="fold")
        for row in self.rows:
            for column, cell in zip(self.columns, row, strict=True):
                table.add_row(Text(column.lstrip(">")), Text(cell))
            table.add_row()
        return table

    def _empty(self, **settings: Any) -> RichTable:
        title = Text(self.title)
        return RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, **settings)

    def __repr__(self) -> str:
        console = Console(width=120, color_system=None, force_jupyter=False, highlight=False)
        with console.capture() as captured:
            console.print(self)
        return "\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines())

    def _repr_html_(self) -> str:
        head = "".join(f"<th{_align(c)}>{escape(c.lstrip('>'))}</th>" for c in self.columns)
        body = "".join(
            "<tr>" + "".join(map(_cell, self.columns, row)) + "</tr>\n" for row in self.rows
        )
        # A short title stands in one line, also over a table that is narrower.
        wrap = "nowrap" if cell_len(self.title) <= 60 else "normal"
        style = f"text-align:left;white-space:{wrap}"
        caption = f'<caption style="{style}">{escape(self.title)}</caption>'
        return f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>"


def _tuple(value: Any, what: str) -> tuple[object, ...]:
    try:
        return tuple(() if isinstance(value, (str, bytes)) else value)
    except Exception:  # a number, or whatever an object of somebody else's raises
        checks.refuse("Table", what, describe(value), "Put them into a tuple, also if it is one.")


def _texts(value: Any, what: str) -> tuple[str, ...]:
    return tuple(_text(cell, "each cell") for cell in _tuple(value, what))


def _text(value: object, name: str) -> str:
    return printable(checks.text(value, "Table", name))


def _cell(column: str, text: str) -> str:
    return f"<td{_align(column)}>{escape(text)}</td>"


def _align(column: str) -> str:
    return f' style="text-align:{"right" if column.startswith(">") else "left"}"'
