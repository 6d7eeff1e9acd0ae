"""The cheat sheet in a notebook: one page, to read there and to print."""

from featlib.engine.data_address import data_address
from featlib.engine.paths import bundled

__all__ = ["CheatSheet", "show_cheat_sheet"]


class CheatSheet:
    """The cheat sheet, as a notebook shows it.

    The page comes with featlib, and the link above it holds the whole page: so it can be printed
    from a notebook that has no other file beside it.
    """

    def __repr__(self) -> str:
        return "CheatSheet()"

    def _repr_html_(self) -> str:
        page = (bundled("notebooks") / "cheat_sheet.html").read_text(encoding="utf-8")
        address = data_address(page.encode(), "text/html")
        link = f'<a download="cheat_sheet.html" href="{address}">Save this page</a>'
        return f"<p>{link}</p>\n{page[page.index('<style>') :]}"


def show_cheat_sheet() -> CheatSheet:
    """Show the cheat sheet, as the last line of a cell.

    Returns
    -------
    CheatSheet

    Examples
    --------
    >>> show_cheat_sheet()
    CheatSheet()
    """
    return CheatSheet()
