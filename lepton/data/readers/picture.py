"""One image file as an array, as every viewer shows it; what cannot be kept is refused by name.

A camera that was held the other way round says so in EXIF; transparent pixels are laid on white; a file of several
pages or frames is several pictures; colour of more than eight bits would be cut to eight.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lepton.core.config.limits import LimitsConfig
from lepton.core.errors import LeptonError
from lepton.data.readers.limits import check_growth

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

GREY = ("1", "L", "LA")
DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error)
"""What Pillow raises at damaged bytes, depending on where they are damaged."""
ONE_PICTURE = ("MPO",)
"""Formats whose further frames are a camera's previews of the first."""


def read_image(root: Path, file: Path, limits: LimitsConfig) -> NDArray[np.generic]:
    """Return (H, W) or (H, W, 3), uint8; float32 for grey images of more than 8 bits.

    Raises:
        LeptonError: If it is damaged, holds several pages or frames, colour of more than 8 bits, or more pixels than
            `limits` allow.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    name = f"{root.name}/{file.relative_to(root)}"
    try:
        with warnings.catch_warnings(), Image.open(file) as image:
            warnings.simplefilter("ignore")  # of odd tags; what cannot be read at all raises
            _check_whole(name, image)
            check_growth(name, file.stat().st_size, image.width * image.height * len(image.getbands()), limits)
            upright = ImageOps.exif_transpose(image)
            if upright.mode in DEEP:
                return np.asarray(upright).astype(np.float32)
            grey = upright.mode in GREY
            if upright.has_transparency_data:
                upright = _on_white(upright)
            return np.asarray(upright.convert("L" if grey else "RGB"))
    except Image.DecompressionBombError as error:  # Pillow's own limit, below which ours is asked
        raise LeptonError(
            f"{name} has more pixels than an image may have.", why=str(error), fix=["deliver it smaller, or in parts"]
        ) from None
    except (UnidentifiedImageError, MemoryError, *BROKEN) as error:
        raise LeptonError(
            f"{root.name}: {file.relative_to(root)} is damaged or no image.",
            why=str(error) or type(error).__name__,
            fix=["deliver it again"],
        ) from None


def _check_whole(name: str, image: Picture) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format not in ONE_PICTURE:
        raise LeptonError(
            f"{name} holds {frames} pages or frames.",
            why="An image is one row, so the other pages would be dropped.",
            fix=["save each page or frame as a file of its own"],
        )
    if image.mode not in DEEP and any(_is_deep(tile) for tile in getattr(image, "tile", ())):
        raise LeptonError(
            f"{name} has colour of more than 8 bits a channel, of which only 8 would be kept.",
            why="Grey images keep up to 32 bits, colour has 8.",
            fix=["save it with 8 bits a channel", "deliver NPZ with an array `x` of shape (n, 3, H, W), float32"],
        )


def _is_deep(tile: object) -> bool:
    """Return whether a tile's raw mode says 16 or more bits a channel, such as `RGB;16B`."""
    arguments = tile[3] if isinstance(tile, tuple) and len(tile) > 3 else None
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return isinstance(raw, str) and any(f";{bits}" in raw for bits in (16, 32))


def _on_white(image: Picture) -> Picture:
    from PIL import Image

    layered = image.convert("RGBA")
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layered).convert("RGB")
