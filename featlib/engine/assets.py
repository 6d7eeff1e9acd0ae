"""The JSON files that come with featlib, each read only as it was published.

The card of a data file holds the checksum of that file. The checksums of the cards are here: who
makes one anew puts its new checksum here.
"""

import hashlib
from pathlib import Path
from typing import Any

from featlib.engine.strict_json import parse_json

SHA256 = {
    "emoji10.json": "6776fe4ac4b9a5d392cf8ba0704993d2a98a4f371c3657e254fc99962030d617",
    "emoji3d.json": "4c87ea4ed030a16844ad8eb9805da4ae43f184235b12249c257b7de662289e97",
    "pictures.json": "8738e0c36cb734f88fbae71762794a04595cc49a6d3904a799c2b7bd97b719f0",
    "resnet18-imagenet.json": "6c7d9955d506fc019127c240c1fc73abf0a979698db919049a542de1558cf813",
    "resnet18-int8.json": "535714162ea9af9fe1ecd9fe8844510360212a4b5fa07f32d2bd144f0c5cc2a9",
    "strategies.json": "e27b606336e3086c1d72d1c3953fe0eba00217ff4ca69404c8e7c373402d353a",
}


def read_published(file: Path) -> dict[str, Any]:
    """Read a JSON file that comes with featlib, and check that it is the published one.

    Parameters
    ----------
    file : pathlib.Path
        One of the files named in `SHA256`, wherever it lies.

    Returns
    -------
    dict
        What is in it.

    Raises
    ------
    ValueError
        If it was altered, or is none of these files.
    OSError
        If it cannot be read.
    """
    content = file.read_bytes()
    unix = content.replace(b"\r\n", b"\n")  # Git may change the ends of lines
    if hashlib.sha256(unix).hexdigest() != SHA256.get(file.name):
        raise ValueError(f"{file.name} is altered or cut off")
    return parse_json(content)
