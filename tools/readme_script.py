"""Write the Python examples of the README and of docs/ into one script, for a type checker.

    python tools/readme_script.py build/readme_example.py

So `make lint` sees what an editor would tell a user who types these lines.
"""

import argparse
from pathlib import Path

from markdown_it import MarkdownIt

from featlib.engine.files import atomic_write_text

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def script(markdown: str) -> str:
    """Join the Python examples of a Markdown text.

    Parameters
    ----------
    markdown : str
        The text. An example is a fenced block whose language is ``python``.

    Returns
    -------
    str
        The examples in their order, with a blank line between two of them.

    Raises
    ------
    ValueError
        If there is no example.
    """
    tokens = MarkdownIt().parse(markdown)
    found = [t.content for t in tokens if t.type == "fence" and t.info.strip() == "python"]
    if not found:
        raise ValueError("no ```python block in the text")
    return "\n".join(found)


def main() -> None:
    """Write the script where the command line says."""
    parser = argparse.ArgumentParser(description="Write the Python examples of our pages.")
    parser.add_argument("out", type=Path, help="the file to write")
    out = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    atomic_write_text(out, script(text))


if __name__ == "__main__":
    main()
