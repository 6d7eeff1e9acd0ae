"""From a picture file to a small square RGB array, whatever the format, size and color mode."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
SMALLEST = 8  # pixels a side; below this there is no picture to speak of


def decode(files, size, progress):
    """Decode picture files side by side.

    Parameters
    ----------
    files : sequence of pathlib.Path
        PNG, JPEG, WebP, GIF or BMP files.
    size : int
        Height and width to scale and crop to, in pixels.
    progress : bool
        Whether to show a bar when it takes more than two seconds.

    Returns
    -------
    list of (numpy.ndarray or str)
        In the order of the files: the picture, uint8 S×S×3, or the reason why there is none.
    """
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        # Odd metadata is no reason to disturb a learner; a picture too large to decode is refused.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        results = pool.map(lambda file: _decode_one(file, size), files)
        bar = tqdm(results, "pictures", len(files), unit="file", delay=2, disable=not progress)
        return list(bar)


def _decode_one(file, size):
    try:
        with Image.open(file, formats=FORMATS) as image:
            if min(image.size) < SMALLEST:
                return (
                    f"too small: {image.width}×{image.height} pixels, {SMALLEST}×{SMALLEST} needed"
                )
            # A JPEG decoder can shrink by 2, 4 or 8 while it reads; other formats ignore this.
            image.draft(None, (2 * size, 2 * size))
            upright = ImageOps.exif_transpose(image)
        return np.asarray(ImageOps.fit(_to_rgb(upright), (size, size), Image.Resampling.BILINEAR))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return f"too large: more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    except Image.UnidentifiedImageError:
        return f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture"
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        return f"damaged: {error}"


def _to_rgb(image):
    """Convert any mode to RGB: 16 bits to 8, transparency laid on white."""
    if image.mode.startswith("I"):
        eight_bit = np.asarray(image, dtype=np.int64).clip(0, 65535) >> 8
        image = Image.fromarray(eight_bit.astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
