"""The composed picture of a viewport, made again only when something it shows changed."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage

from model.labels import CODES
from viewer.findings.style import EDGE, FILL, OverlayStyle
from viewer.imaging.render import Overlay, Palette, Pixels, compose, overlay_of, places_of
from viewer.imaging.sections import Section
from viewer.imaging.windows import Window
from viewer.session import Findings, Session
from viewer.ui import theme
from viewer.ui.regions import told

MOST_SIZES = 4
AHEAD_S = 0.003
KEPT_BYTES = 64 << 20
"""Memory for overlays that are remembered, so that scrolling costs nothing: all slices of most series."""


class Kept:
    """Overlays by what they belong to; the oldest go where they take more than `most_bytes`."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self._overlays: dict[object, tuple[Overlay, object]] = {}

    @property
    def full(self) -> bool:
        """Whether the next one drives out another."""
        return self._bytes >= self._most

    def get(self, key: object) -> Overlay | None:
        """An overlay, None where it is not there."""
        known = self._overlays.get(key)
        return None if known is None else known[0]

    def put(self, key: object, overlay: Overlay, alive: object = None) -> Overlay:
        """Remember an overlay, and keep what its key is made of alive."""
        self.drop(key)
        while self._overlays and self.full:
            self.drop(next(iter(self._overlays)))
        self._overlays[key] = (overlay, alive)
        self._bytes += overlay.nbytes
        return overlay

    def drop(self, key: object) -> None:
        """Forget one, where it is there."""
        gone = self._overlays.pop(key, None)
        if gone is not None:
            self._bytes -= gone[0].nbytes

    def clear(self) -> None:
        """Forget all."""
        self._overlays.clear()
        self._bytes = 0


class Overlays:
    """The masked pixels of each slice, found once for all viewports; `shared`: what else these have in common."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._found = Kept()  # by slice
        self._cuts = Kept()  # by section and stop
        self._masks: npt.NDArray[np.uint8] | None = None
        self._palette: Palette | None = None
        self._coming: list[int] = []  # slices whose masked pixels are found while nothing else is done
        self._idle = QTimer(session, interval=0)
        self._idle.timeout.connect(self._find_ahead)
        self.shared = Shared()
        for signal in (
            session.findings_changed,
            session.slice_scored,
            session.suspecting.style_changed,
            session.suspecting.asked_changed,
            session.receiving.overlay_changed,
            session.receiving.hidden_changed,
            session.preferences_changed,
        ):
            signal.connect(self._forget_palette)
        session.findings_changed.connect(self._forget)
        session.slice_scored.connect(self._forget_slice)
        session.suspecting.changed.connect(lambda _: self._forget(session.findings))
        session.receiving.overlay_changed.connect(self._other_masks)

    def _forget(self, findings: Findings | None) -> None:
        """Start anew with other masks, and when the whole series is scored; not for each slice that arrives."""
        masks = None if findings is None else self._shown(findings)
        if masks is not self._masks or (findings is not None and findings.done):
            self._found.clear()
        self._cuts.clear()
        self._masks = masks
        self._coming.clear()
        if masks is not None and findings is not None and findings.done:
            here = self._session.slice_index
            self._coming = sorted(range(len(masks)), key=lambda i: -abs(i - here))
            self._idle.start()

    def _find_ahead(self) -> None:
        """Find the masked pixels of the slices around, nearest first, a moment at a time: then scrolling need not."""
        until = time.perf_counter() + AHEAD_S
        while self._coming and time.perf_counter() < until:
            self.of(self._coming.pop())
            if self._found.full:
                self._coming.clear()
        if not self._coming:
            self._idle.stop()

    def _shown(self, findings: Findings) -> npt.NDArray[np.uint8]:
        """The masks to paint: what a reader dismissed is not."""
        suspected = self._session.suspecting.suspected
        if suspected is None or suspected.shown.shape != findings.masks.shape:
            return findings.masks
        return suspected.shown

    def _other_masks(self, _: object) -> None:
        """A segmentation of another system is painted, or no longer."""
        self._found.clear()
        self._cuts.clear()

    def _labels(self) -> npt.NDArray[np.uint8] | None:
        """What is painted over the open volume: a received segmentation, else the model's masks; None: nothing."""
        session = self._session
        volume, received, findings = session.volume, session.receiving.overlay, session.findings
        if not session.overlay or volume is None or (received is None and findings is None):
            return None
        masks = received.labels if received is not None else self._shown(findings) if findings else None
        return masks if masks is not None and masks.shape == volume.hu.shape else None

    def _forget_palette(self, _: object) -> None:
        self._palette = None

    def palette(self) -> Palette:
        """Colours and opacities as the reader wants them."""
        if self._palette is None:
            self._palette = self._new_palette()
        return self._palette

    def _new_palette(self) -> Palette:
        style = self._session.suspecting.style
        received, hidden = self._session.receiving.overlay, self._session.receiving.hidden
        if received is not None:
            shares = ((FILL, EDGE), (0.0, 0.0))
            own = tuple(shares[each.value in hidden] for each in received.segments)
            return Palette(tuple(each.rgb for each in received.segments), own=own)
        return Palette(theme.subtype_rgb(), own=tuple(self._shares(code, style) for code in CODES))

    def _shares(self, code: str, style: OverlayStyle) -> tuple[float, float]:
        """A subtype below its operating point is not painted, unless a reader asks for it."""
        findings = self._session.findings
        if findings is None or code in told(findings):
            return style.of(code)
        return style.of(code, below=True) if code in self._session.suspecting.asked else (0.0, 0.0)

    def _forget_slice(self, index: int) -> None:
        self._found.drop(index)
        self._cuts.clear()

    def of_cut(self, section: Section, stop: int) -> Overlay | None:
        """The overlay of a picture cut across the open volume, None where there is none or it is hidden."""
        labels = self._labels()
        if labels is None:
            return None
        key = (id(section), stop)
        return self._cuts.get(key) or self._cuts.put(key, overlay_of(section.labels(stop, labels)), section)

    def of(self, index: int) -> Overlay | None:
        """The overlay of a slice of the open volume, None where there is none or it is hidden."""
        labels = self._labels()
        if labels is None:
            return None
        return self._found.get(index) or self._found.put(index, overlay_of(labels[index]))


@dataclass(frozen=True)
class Wanted:
    """What a picture is made of. `what` names the numbers: while it stays the same, `hu` would give the same.

    transposed: rows and columns swapped. Qt draws a quarter turn of such an image three times as fast.
    """

    what: tuple[object, ...]
    hu: Callable[[], npt.NDArray[np.int16]]
    window: Window
    overlay: Overlay | None
    inverted: bool
    transposed: bool = False
    palette: Palette | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal pictures that lie alike."""
        return (*self.looks, self.transposed)

    @property
    def looks(self) -> tuple[object, ...]:
        """Equal for equal pictures, however they lie."""
        return (self.what, self.window, id(self.overlay), self.inverted, self.palette)


class Shared:
    """What viewports have in common that are painted after each other: the numbers of a slice, the picture of it."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, ...], npt.NDArray[np.intp]] = {}  # a buffer for each size
        self._wanted: Wanted | None = None  # composed last; alive, so that the ids in its key stay theirs
        self._hu: npt.NDArray[np.int16] | None = None
        self._made: Pixels | None = None

    def hu(self, wanted: Wanted) -> npt.NDArray[np.int16]:
        """The numbers behind a picture, int16 (rows, columns)."""
        same = self._wanted is not None and self._wanted.what == wanted.what
        return self._hu if same and self._hu is not None else wanted.hu()

    def compose(self, wanted: Wanted, hu: npt.NDArray[np.int16], out: Pixels) -> None:
        """Compose a picture from its numbers, uint32 of the same shape, into `out`."""
        before, made = self._wanted, self._made
        if before is not None and made is not None and made is not out and before.looks == wanted.looks:
            np.copyto(out, made)
            return
        places = self._places.get(hu.shape)
        if places is None:
            if len(self._places) >= MOST_SIZES:
                self._places.clear()
            places = self._places[hu.shape] = np.empty(hu.shape, np.intp)
            before = None
        if before is None or before.what != wanted.what:
            self.clear()
            places_of(hu, places)
        compose(
            hu,
            wanted.window,
            inverted=wanted.inverted,
            overlay=wanted.overlay,
            palette=wanted.palette or Palette(theme.subtype_rgb()),
            out=out,
            places=places,
        )
        self._wanted, self._hu, self._made = wanted, hu, out

    def clear(self) -> None:
        """Let go of the volume."""
        self._wanted = self._hu = self._made = None


class Picture:
    """One viewport's buffer and the QImage that looks at it."""

    def __init__(self, shared: Shared | None = None) -> None:
        self._shared = shared or Shared()
        self._buffer = np.zeros((1, 1), np.uint32)
        self._shown = self._buffer
        self._wanted: Wanted | None = None  # alive, so that the ids in its key stay theirs
        self._hu: npt.NDArray[np.int16] | None = None
        self._image = QImage()
        self.composed = 0

    def hu(self, wanted: Wanted) -> npt.NDArray[np.int16]:
        """The numbers behind a picture, int16 (rows, columns)."""
        same = self._wanted is not None and self._wanted.what == wanted.what
        return self._hu if same and self._hu is not None else self._shared.hu(wanted)

    def of(self, wanted: Wanted) -> QImage:
        """The picture; valid until the next call."""
        before = self._wanted
        if before is not None and before.key == wanted.key:
            return self._image
        hu = self._hu = self.hu(wanted)
        if self._buffer.shape != hu.shape:
            self._buffer = np.zeros(hu.shape, np.uint32)
        self._shared.compose(wanted, hu, self._buffer)
        self._shown = np.ascontiguousarray(self._buffer.T) if wanted.transposed else self._buffer
        rows, columns = self._shown.shape
        self._image = QImage(self._shown.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
        self._wanted = wanted
        self.composed += 1
        return self._image

    def clear(self) -> None:
        """Let go of the volume."""
        self._wanted = self._hu = None
        self._shared.clear()
