"""Pictures of the view as files: PNG, a folder of PNGs, an animated GIF. Written whole or not at all."""

import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from viewer.dicom.files import file_error, whole_file

RGB = npt.NDArray[np.uint8]

DISCLAIMER = "Made with Pterion. Research use only, not for diagnosis."
GIF_SIDE_MAX = 1024
"""Longer sides are made smaller: an animation of hundreds of slices must stay within memory and mail."""
GIF_DELAY_MS = (20, 2000)
_NAME = re.compile(r"image-\d{4,}\.png")


def write_png(path: Path, picture: RGB) -> None:
    """Write a picture, uint8 (rows, columns, 3). Raises PterionError where the operating system refuses."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    about.add_text("Software", "Pterion")
    about.add_text("Disclaimer", DISCLAIMER)
    with whole_file(path) as file:
        Image.fromarray(_checked(picture)).save(file, "png", pnginfo=about)


@contextmanager
def png_folder(goal: Path) -> Iterator[Path]:
    """A folder to fill with `image-0001.png` …, which is there once the block ends without an error.

    Raises PterionError where something else lies there already.
    """
    strangers = [p.name for p in goal.iterdir() if not _NAME.fullmatch(p.name)] if goal.is_dir() else []
    if strangers or (goal.exists() and not goal.is_dir()):
        what = f"already holds {strangers[0]}" if strangers else "is a file"
        raise PterionError(f"{goal.name} {what}. Choose another folder.", code="FILE_EXISTS")
    work = goal.parent / f".pterion-{uuid.uuid4().hex}.part"
    try:
        work.mkdir(parents=True)
        yield work
        if goal.exists():
            shutil.rmtree(goal)
        work.rename(goal)
    except OSError as error:
        raise file_error(error, f"Writing {goal.name}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def png_name(number: int) -> str:
    """The name of the picture of a slice, counted from 1."""
    return f"image-{number:04d}.png"


def for_gif(picture: RGB) -> "Palette":
    """A picture reduced to 256 colours and a side that an animation can have: a quarter of its memory."""
    return Palette(_checked(picture))


class Palette:
    """One frame of an animation."""

    def __init__(self, picture: RGB) -> None:
        from PIL import Image

        frame = Image.fromarray(picture)
        longest = max(frame.size)
        if longest > GIF_SIDE_MAX:
            share = GIF_SIDE_MAX / longest
            frame = frame.resize(
                (max(round(frame.width * share), 1), max(round(frame.height * share), 1)),
                Image.Resampling.LANCZOS,
            )
        self.image = frame.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def write_gif(path: Path, frames: Sequence[Palette], delay_ms: int) -> None:
    """Write frames as an animation that goes round and round.

    Raises PterionError for no frame, and where the operating system refuses.
    """
    if not frames:
        raise PterionError("An animation needs a picture. Open a series first.")
    first, *rest = (frame.image for frame in frames)
    delay = min(max(delay_ms, GIF_DELAY_MS[0]), GIF_DELAY_MS[1])
    with whole_file(path) as file:
        first.save(
            file,
            "gif",
            save_all=True,
            append_images=rest,
            duration=delay,
            loop=0,
            disposal=1,
            comment=DISCLAIMER.encode("ascii"),
        )


def _checked(picture: RGB) -> RGB:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a picture must be uint8 (rows, columns, 3), got {picture.dtype} {picture.shape}")
    return picture
