"""Where a notebook opens with nothing to install: addresses at other services.

The forms are those that the services document for their "open in" links.
"""

from urllib.parse import quote

from featlib import checks
from featlib.engine.paths import bundled
from featlib.site.addresses import REPOSITORY

__all__ = ["links"]


def links(notebook: str, ref: str = "main") -> dict[str, str]:
    """Return where a notebook of the lesson opens in a browser, and where its file is.

    Parameters
    ----------
    notebook : str
        Its name without the ending, such as ``"03_feature_extraction"``.
    ref : str
        The branch, tag or commit of the repository. GitHub Codespaces opens the default branch,
        whatever this is.

    Returns
    -------
    dict of str to str
        An address for each of ``"Colab"``, ``"Kaggle"``, ``"Binder"``, ``"Codespaces"`` and
        ``"download"``.

    Raises
    ------
    featlib.FeatlibError
        If there is no such notebook, or `ref` is no text.

    Examples
    --------
    >>> links("03_feature_extraction")["Binder"].partition("?")[2]
    'urlpath=lab/tree/notebooks/03_feature_extraction.ipynb'
    """
    where = "elsewhere.links"
    known = sorted(path.stem for path in bundled("notebooks").glob("*.ipynb"))
    checks.one_of(notebook, where, "notebook", known)
    wanted, fix = "ref as the name of a branch, a tag or a commit", 'Try ref="main".'
    checks.instance(ref, str, where, wanted, fix)
    if not ref.strip():
        checks.refuse(where, wanted, repr(ref), fix)
    at, path = quote(ref, errors="replace"), f"notebooks/{notebook}.ipynb"
    name = REPOSITORY.removeprefix("https://github.com/")
    return {
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{at}/{path}",
        "Kaggle": f"https://kaggle.com/kernels/welcome?src={REPOSITORY}/blob/{at}/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{at}?urlpath=lab/tree/{path}",
        "Codespaces": f"https://codespaces.new/{name}",
        "download": f"{REPOSITORY}/raw/{at}/{path}",
    }
