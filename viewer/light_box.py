"""The series that hang in the viewports: their volumes, what is cut from them, where they lie to each other."""

from collections.abc import Collection

from model.errors import PterionError
from viewer.dicom.volume import Volume
from viewer.imaging.layouts import Plane
from viewer.imaging.linking import same_place, shifted
from viewer.imaging.pane import Pane, SeriesKey
from viewer.imaging.reformat import Stack, Vector
from viewer.imaging.sections import Acquired, Across, Section
from viewer.imaging.turned import Facing, Solid, Turned
from viewer.imaging.windows import Window, header_window

SEEN_MOST = 64
"""Panes whose section is told without looking for it: it is asked for many times a frame."""
_STRAIGHT = Facing()


class LightBox:
    """The open series and those beside it. Sections are made once; what they are made of is let go with the series.

    volumes: series beside the open one. offsets_mm: of series in another frame of reference, what is added to places
    of the open series. header_windows: of each slice of a series.
    """

    def __init__(self) -> None:
        self.open_volume: Volume | None = None
        self.volumes: dict[SeriesKey, Volume] = {}
        self.offsets_mm: dict[SeriesKey, Vector] = {}
        self.header_windows: dict[SeriesKey, tuple[tuple[Window, ...], ...]] = {}
        self._sections: dict[tuple[SeriesKey, Plane, Facing], Section | str] = {}
        self._solids: dict[SeriesKey, Solid] = {}
        self._seen: dict[int, tuple[Pane, Section | str]] = {}  # by the pane's id; the pane alive

    def open(self, volume: Volume | None) -> bool:
        """Hang another series as the open one; with another study all others go. Whether they did."""
        before, self.open_volume = self.open_volume, volume
        self._sections.clear()
        self._seen.clear()
        self._solids.clear()
        self.header_windows.clear()
        other = before is None or volume is None or before.series.study_uid != volume.series.study_uid
        if other:
            self.volumes.clear()
            self.offsets_mm.clear()
        elif before is not None and volume is not None and not same_place(before.series, volume.series):
            self.offsets_mm.clear()
            for each in self.volumes.values():
                self._lay(each)
        return other

    def add(self, volume: Volume) -> None:
        """Hang a series beside the open one."""
        self.volumes[volume.series.key] = volume
        self._forget(volume.series.key)
        self._lay(volume)

    def _lay(self, volume: Volume) -> None:
        """Lay the middle of a series of another frame of reference on the middle of the open one."""
        opened, key = self.open_volume, volume.series.key
        if opened is not None and key not in self.offsets_mm and not same_place(opened.series, volume.series):
            self.offsets_mm[key] = _between_middles(opened, volume)

    def keep(self, keys: Collection[SeriesKey | None]) -> None:
        """Let go of series that are not among these; their offsets are remembered."""
        for key in set(self.volumes) - set(keys):
            del self.volumes[key]
            self._forget(key)

    def _forget(self, series: SeriesKey) -> None:
        """Let go of what was cut from a series."""
        self._solids.pop(series, None)
        self._seen.clear()
        self._sections = {key: made for key, made in self._sections.items() if key[0] != series}

    def volume(self, pane: Pane) -> Volume | None:
        """The volume that a viewport shows, None while there is none."""
        return self.volumes.get(pane.series) if pane.series is not None else self.open_volume

    def section(self, pane: Pane) -> Section | str | None:
        """What a viewport scrolls through; why there is nothing; None without a volume."""
        seen = self._seen.get(id(pane))
        if seen is not None and seen[0] is pane:
            return seen[1]
        volume = self.volume(pane)
        if volume is None:
            return None
        if len(self._seen) >= SEEN_MOST:
            self._seen.clear()
        made = self._made(pane, volume)
        self._seen[id(pane)] = (pane, made)
        return made

    def _made(self, pane: Pane, volume: Volume) -> Section | str:
        """The section, made where it is not there yet."""
        facing = pane.facing if pane.plane is Plane.OBLIQUE else _STRAIGHT
        key = (volume.series.key, pane.plane, facing)
        if key not in self._sections:
            if pane.plane is Plane.OBLIQUE:  # only the last one of each series is worth keeping
                for old in [each for each in self._sections if each[:2] == key[:2]]:
                    del self._sections[old]
                self._seen.clear()
            made = self._cut(volume, pane.plane, facing)
            plain = (key[0], Plane.ACQUIRED, _STRAIGHT)
            self._sections[key] = self._sections.get(plain, made) if isinstance(made, Acquired) else made
        return self._sections[key]

    def _cut(self, volume: Volume, plane: Plane, facing: Facing) -> Section | str:
        if plane is Plane.ACQUIRED:
            return acquired(volume)
        solid = self._solids.get(volume.series.key)
        try:
            if solid is None:
                solid = self._solids[volume.series.key] = Solid(stack_of(volume), volume.loaded)
            if plane is Plane.OBLIQUE:
                return Turned(solid, facing)
            return Across(solid.stack, plane.value, volume.loaded)
        except ValueError:  # the plane is the one of the slices
            return acquired(volume)
        except PterionError as error:
            return acquired(volume) if plane is Plane.AXIAL else str(error)

    def header_choices(self, pane: Pane) -> tuple[Window, ...]:
        """The windows that the image of a viewport asks for itself; of a cut, those of the middle slice."""
        volume, section = self.volume(pane), self.section(pane)
        if volume is None or section is None:
            return ()
        index = pane.stop if isinstance(section, Acquired) else len(volume.hu) // 2
        windows = self.header_windows.get(volume.series.key)
        if windows is not None:
            return windows[index]
        one = header_window(volume.series.slices[index].window)
        return () if one is None else (one,)


def stack_of(volume: Volume) -> Stack:
    """The slices of a volume to be cut across. Raises PterionError where they cannot be."""
    positions, first = volume.positions_mm, volume.series.slices[0].orientation
    reason = volume.not_reformattable_because
    if reason is not None or positions is None or first is None:
        raise PterionError(reason or "The positions of the slices are unknown.")
    return Stack(volume.hu, positions, first, volume.spacing_mm)


def acquired(volume: Volume) -> Acquired:
    """The slices of a volume as they lie in its files."""
    orientations = [header.orientation for header in volume.series.slices]
    return Acquired(volume.hu, volume.spacing_mm, volume.positions_mm, orientations, volume.loaded)


def _between_middles(opened: Volume, other: Volume) -> Vector:
    """The offset that lays the middle of one series on the middle of another."""
    middles: list[Vector] = []
    for volume in (opened, other):
        section = acquired(volume)
        middle = section.patient_mm(section.count // 2, (section.shape[1] / 2, section.shape[0] / 2))
        middles.append(middle or (0.0, 0.0, 0.0))
    return shifted(middles[1], middles[0], back=True)
