"""Tables that a terminal, a notebook and a comparison of outputs can all read."""

from dataclasses import dataclass
from html import escape

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

__all__ = ["Table"]


@dataclass(frozen=True, repr=False)
class Table:
    """A small table that a terminal and a notebook can both show.

    Attributes
    ----------
    title : str
        What the table shows.
    columns : tuple of str
        The headings. One that starts with ``>`` is for a column of numbers, aligned to the right.
    rows : tuple of tuple of str
        The cells: each row has one text for each column.

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

    def __rich__(self) -> RichTable:
        table = RichTable(title=self.title, box=box.SIMPLE_HEAD, title_justify="left")
        for column in self.columns:
            right = column.startswith(">")
            table.add_column(column.lstrip(">"), justify="right" if right else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

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
        caption = f'<caption style="text-align:left">{escape(self.title)}</caption>'
        return f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>"


def _cell(column: str, text: str) -> str:
    return f"<td{_align(column)}>{escape(text)}</td>"


def _align(column: str) -> str:
    return f' style="text-align:{"right" if column.startswith(">") else "left"}"'
