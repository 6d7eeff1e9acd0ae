"""A model as one file for other programs: the same numbers, without featlib."""

import io
import json
import zipfile

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import featlib
from featlib import FeatlibError, images, lesson
from featlib.model import exports


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    finished = lesson.run(
        images.load("emoji3d", size=72), size=80, epochs=2, baselines=False, progress=False
    )
    return featlib.load(finished.save(tmp_path_factory.mktemp("kept") / "my_model"))


@pytest.fixture(scope="module")
def pictures():
    """Return 200 pictures of many heights and widths."""
    sizes = np.random.default_rng(0)
    found = []
    with zipfile.ZipFile(images.EMOJI3D) as archive:
        for name in [name for name in archive.namelist() if not name.endswith("/")][:200]:
            picture = Image.open(io.BytesIO(archive.read(name))).convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            size = tuple(map(int, sizes.integers(50, 300, 2)))
            found.append(Image.alpha_composite(white, picture).convert("RGB").resize(size))
    return found


@pytest.fixture(scope="module", params=["onnx", "torch"])
def exported(request, classifier, tmp_path_factory):
    """Return a function from uint8 N×H×W×3 to probabilities, and the names of the classes."""
    file = tmp_path_factory.mktemp("exported") / "model"
    if request.param == "onnx":
        session = onnxruntime.InferenceSession(exports.export_onnx(classifier, file))
        names = session.get_modelmeta().custom_metadata_map["classes"]
        return lambda x: torch.from_numpy(session.run(None, {"pictures": x})[0]), names
    extra = {"classes.json": ""}
    module = torch.export.load(exports.export_torch(classifier, file), extra_files=extra).module()
    return lambda x: module(torch.from_numpy(x)).detach(), extra["classes.json"]


def test_it_says_of_200_pictures_what_the_classifier_says(exported, classifier, pictures, request):
    ask, names = exported
    pictures = pictures[:: 5 if "torch" in request.node.name else 1]  # which is slow one by one
    wanted = classifier.predict_proba(pictures)
    found = torch.cat([ask(np.asarray(picture)[None].copy()) for picture in pictures])
    assert torch.equal(found.argmax(1), wanted.argmax(1))
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=0)
    assert tuple(json.loads(names)) == classifier.classes


@pytest.mark.parametrize("shape", [(1, 72, 72, 3), (3, 9, 200, 3), (2, 300, 40, 3), (1, 8, 8, 3)])
def test_it_takes_any_number_of_pictures_of_any_size(exported, classifier, shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    wanted = classifier.predict_proba([Image.fromarray(one) for one in pixels])
    torch.testing.assert_close(exported[0](pixels), wanted, atol=1e-3, rtol=0)


@pytest.mark.parametrize("export", [exports.export_onnx, exports.export_torch])
def test_what_is_no_classifier_or_no_file_is_refused(classifier, tmp_path, export):
    with pytest.raises(FeatlibError, match="wanted a classifier"):
        export("my_model", tmp_path / "m")
    with pytest.raises(FeatlibError, match="a folder there"):
        export(classifier, tmp_path)
