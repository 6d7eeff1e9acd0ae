"""Tables that a terminal, a notebook and a comparison of outputs can all read."""

from dataclasses import dataclass
from html import escape

from rich import box
from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True, repr=False)
class Table:
    """A small table that a terminal and a notebook can both show.

    Attributes
    ----------
    title : str
        What the table shows.
    columns : tuple of str
        The headings; one that starts with ``>`` is for a column of numbers, set to the right.
    rows : tuple of tuple of str
        The cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __rich__(self):
        table = RichTable(title=self.title, box=box.SIMPLE_HEAD, title_justify="left")
        for column in self.columns:
            right = column.startswith(">")
            table.add_column(column.lstrip(">"), justify="right" if right else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    def __repr__(self):
        console = Console(width=120, color_system=None, force_jupyter=False, highlight=False)
        with console.capture() as captured:
            console.print(self)
        return "\n".join(line.rstrip() for line in captured.get().strip("\n").splitlines())

    def _repr_html_(self):
        head = "".join(f"<th{_align(c)}>{escape(c.lstrip('>'))}</th>" for c in self.columns)
        body = "".join(
            "<tr>" + "".join(map(_cell, self.columns, row)) + "</tr>\n" for row in self.rows
        )
        caption = f'<caption style="text-align:left">{escape(self.title)}</caption>'
        return f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>"


def _cell(column, text):
    return f"<td{_align(column)}>{escape(text)}</td>"


def _align(column):
    return f' style="text-align:{"right" if column.startswith(">") else "left"}"'
