"""The series that hang in the viewports: their volumes, what is cut from them, where they lie to each other."""

from collections.abc import Collection

from model.errors import PterionError
from viewer.dicom.volume import Volume
from viewer.imaging.layouts import Plane
from viewer.imaging.linking import same_place, shifted
from viewer.imaging.pane import Pane
from viewer.imaging.reformat import Stack, Vector
from viewer.imaging.sections import Acquired, Across, Section
from viewer.imaging.turned import Facing, Solid, Turned
from viewer.imaging.windows import Window, header_window


class LightBox:
    """The open series and those beside it. Sections are made once; what they are made of is let go with the series.

    volumes: series beside the open one, by their uid. offsets_mm: of series in another frame of reference, what is
    added to places of the open series. header_windows: of each slice of a series, by its uid.
    """

    def __init__(self) -> None:
        self.open_volume: Volume | None = None
        self.volumes: dict[str, Volume] = {}
        self.offsets_mm: dict[str, Vector] = {}
        self.header_windows: dict[str, tuple[tuple[Window, ...], ...]] = {}
        self._sections: dict[tuple[str, Plane, Facing], Section | str] = {}
        self._solids: dict[str, Solid] = {}

    def open(self, volume: Volume | None) -> bool:
        """Hang another series as the open one; with another study all others go. Whether they did."""
        before, self.open_volume = self.open_volume, volume
        self._sections.clear()
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
        uid = volume.series.series_uid
        self.volumes[uid] = volume
        self._sections = {key: made for key, made in self._sections.items() if key[0] != uid}
        self._solids.pop(uid, None)
        self._lay(volume)

    def _lay(self, volume: Volume) -> None:
        """Lay the middle of a series of another frame of reference on the middle of the open one."""
        opened, uid = self.open_volume, volume.series.series_uid
        if opened is not None and uid not in self.offsets_mm and not same_place(opened.series, volume.series):
            self.offsets_mm[uid] = _between_middles(opened, volume)

    def keep(self, uids: Collection[str]) -> None:
        """Let go of series that are not among these; their offsets are remembered."""
        for uid in set(self.volumes) - set(uids):
            del self.volumes[uid]
            self._solids.pop(uid, None)
            self._sections = {key: made for key, made in self._sections.items() if key[0] != uid}

    def volume(self, pane: Pane) -> Volume | None:
        """The volume that a viewport shows, None while there is none."""
        return self.volumes.get(pane.series_uid) if pane.series_uid else self.open_volume

    def section(self, pane: Pane) -> Section | str | None:
        """What a viewport scrolls through; why there is nothing; None without a volume."""
        volume = self.volume(pane)
        if volume is None:
            return None
        facing = pane.facing if pane.plane is Plane.OBLIQUE else Facing()
        key = (volume.series.series_uid, pane.plane, facing)
        if key not in self._sections:
            if pane.plane is Plane.OBLIQUE:  # only the last one of each series is worth keeping
                for old in [each for each in self._sections if each[:2] == key[:2]]:
                    del self._sections[old]
            made = self._cut(volume, pane.plane, facing)
            plain = (key[0], Plane.ACQUIRED, Facing())
            self._sections[key] = self._sections.get(plain, made) if isinstance(made, Acquired) else made
        return self._sections[key]

    def _cut(self, volume: Volume, plane: Plane, facing: Facing) -> Section | str:
        if plane is Plane.ACQUIRED:
            return acquired(volume)
        solid = self._solids.get(volume.series.series_uid)
        try:
            if solid is None:
                solid = self._solids[volume.series.series_uid] = Solid(stack_of(volume), volume.loaded)
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
        windows = self.header_windows.get(volume.series.series_uid)
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
