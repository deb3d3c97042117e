"""The composed picture of a viewport, made again only when something it shows changed."""

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from model.labels import SUBTYPES
from viewer.dicom.volume import Volume
from viewer.imaging.render import Overlay, Palette, compose, overlay_of
from viewer.imaging.windows import Window
from viewer.session import Findings, Session

PALETTE = Palette(tuple(subtype.rgb for subtype in SUBTYPES))
KEPT = 256
"""Overlays remembered, so that scrolling back costs nothing; a few kB each."""


class Overlays:
    """The masked pixels of each slice, found once for all viewports."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found: dict[int, Overlay] = {}
        self._masks: npt.NDArray[np.uint8] | None = None
        session.findings_changed.connect(self._forget)
        session.slice_scored.connect(self._forget_slice)

    def _forget(self, findings: Findings | None) -> None:
        """Start anew with other masks, and when the whole series is scored; not for each slice that arrives."""
        masks = None if findings is None else findings.masks
        if masks is not self._masks or (findings is not None and findings.done):
            self._found.clear()
        self._masks = masks

    def _forget_slice(self, index: int) -> None:
        self._found.pop(index, None)

    def of(self, index: int) -> Overlay | None:
        """The overlay of a slice of the open volume, None where there is none or it is hidden."""
        findings, volume = self._session.findings, self._session.volume
        if not self._session.overlay or findings is None or volume is None:
            return None
        if index not in self._found:
            if findings.masks.shape != volume.hu.shape:
                return None
            if len(self._found) >= KEPT:
                self._found.pop(next(iter(self._found)))
            self._found[index] = overlay_of(findings.masks[index])
        return self._found[index]


class Picture:
    """One viewport's buffer and the QImage that looks at it."""

    def __init__(self) -> None:
        self._buffer = np.zeros((1, 1), np.uint32)
        self._shown = self._buffer
        self._sources: tuple[Volume | None, Overlay | None] = (
            None,
            None,
        )  # alive, so that their ids stay theirs
        self._image = QImage()
        self._made: tuple[object, ...] = ()
        self.composed = 0

    def of(
        self,
        volume: Volume,
        index: int,
        window: Window,
        overlay: Overlay | None,
        *,
        inverted: bool,
        transposed: bool = False,
    ) -> QImage:
        """The picture of a loaded slice; valid until the next call.

        transposed: rows and columns swapped. Qt draws a quarter turn of such an image three times as fast.
        """
        wanted = (id(volume), index, window, id(overlay), inverted, transposed)
        if wanted == self._made:
            return self._image
        self._sources = (volume, overlay)
        hu = volume.hu[index]
        if self._buffer.shape != hu.shape:
            self._buffer = np.zeros(hu.shape, np.uint32)
        compose(hu, window, inverted=inverted, overlay=overlay, palette=PALETTE, out=self._buffer)
        self._shown = np.ascontiguousarray(self._buffer.T) if transposed else self._buffer
        rows, columns = self._shown.shape
        self._image = QImage(self._shown.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
        self._made = wanted
        self.composed += 1
        return self._image

    def clear(self) -> None:
        """Let go of the volume."""
        self._made, self._sources = (), (None, None)
