"""Codes in a photo of a label: read here, so that any phone can send one."""

import io
from typing import Final

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a photo: those of a telephone of 50 million pixels have some 12 million."""

MOST_PIXELS: Final = 60_000_000
"""A file of a few bytes can claim to be a picture of any size; this one takes some 0.3 s and 180 MB at worst."""

SIDE: Final = 2_000
"""Pixels of the longer side that is looked through: a label that fills a tenth of it can still be read."""


def codes_in(photo: bytes) -> list[str]:
    """The texts of the codes in a picture, those that stand for one device first; empty: it has none, or is none.

    QR and Data Matrix codes come before bars, which are often the number of an article. It takes up to a second of
    work, so a thread does it.

    Args:
        photo: JPEG, PNG or WebP, at most LARGEST bytes.
    """
    # Both take some 20 MB, and most gateways never see a photo.
    import zxingcpp
    from PIL import Image, ImageOps, UnidentifiedImageError

    kinds = zxingcpp.BarcodeFormat
    try:
        with Image.open(io.BytesIO(photo), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return []
            picture.draft("L", (SIDE, SIDE))  # JPEG: decoded at an eighth of its size where that is enough
            grey = ImageOps.exif_transpose(picture).convert("L")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return []
    grey.thumbnail((SIDE, SIDE))
    wanted = zxingcpp.BarcodeFormats([kinds.QRCode, kinds.DataMatrix, kinds.Code128, kinds.Code39])
    found = zxingcpp.read_barcodes(grey, formats=wanted)
    square = {kinds.QRCode, kinds.DataMatrix}
    return [one.text for one in sorted(found, key=lambda one: one.format not in square) if one.text.strip()]
