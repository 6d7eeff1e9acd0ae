"""A file as an address, for a page that has no file beside it."""

import base64

__all__ = ["data_address"]


def data_address(content: bytes, kind: str) -> str:
    """Return the address of a file that stands in the page itself.

    Parameters
    ----------
    content : bytes
        Of the file.
    kind : str
        Its media type.

    Returns
    -------
    str
        As RFC 2397 defines it.

    Examples
    --------
    >>> data_address(b"Hello", "text/plain")
    'data:text/plain;base64,SGVsbG8='
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
