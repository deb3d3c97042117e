"""What is wrong with a stack, as badges and sentences."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from viewer.dicom import instance as tags
from viewer.dicom.geometry import Geometry, counted, even, missing, straight, tilted
from viewer.dicom.instance import Instance, Kind, texts_of
from viewer.dicom.lossy import lossy
from viewer.dicom.series import Note, Problem, Series

if TYPE_CHECKING:
    from viewer.dicom.phases import Stack

_NAMED = 3


def plural(count: int, what: str) -> str:
    """`1 slice`, `3 slices`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def notes_of(series: Series, stack: "Stack", geometry: Geometry | None, index: int) -> tuple[Note, ...]:
    """All notes of one stack, the graver first. `index` counts the stacks of the split series from 0."""
    kind = stack.members[0].kind
    notes = list(_content(series, stack.members))
    notes += _unreadable(stack)
    if kind is Kind.PICTURE:
        if not stack.members[0].localizer:
            notes += _place(series, stack, geometry)
            notes += _split(stack, index)
        notes += _pixels(stack.members)
    return tuple(notes)


def _content(series: Series, members: Sequence[Instance]) -> Iterator[Note]:
    """Whether these are pictures at all."""
    first = members[0]
    if first.kind is Kind.NOT_AN_IMAGE:
        yield Note(Problem.NOT_AN_IMAGE, "not an image", f"This series is no image stack: {first.detail}.")
    elif first.kind is Kind.NO_PIXELS:
        text = f"The files hold no pixels that can be read ({first.detail}). Ask for the series to be sent again."
        yield Note(Problem.NO_PIXELS, "no pixels", text)
    elif first.kind is Kind.UNSUPPORTED:
        text = f"The pixels cannot be decoded: {first.detail}. Export the series uncompressed and open that."
        yield Note(Problem.UNSUPPORTED_SYNTAX, "cannot decode", text)
    elif first.localizer:
        text = "A scout that shows the plan of the scan: it can be looked at, but is no stack."
        yield Note(Problem.LOCALIZER, "localizer", text)
    elif len(members) == 1:
        yield Note(Problem.SINGLE_SLICE, "1 slice", "The series has a single slice, so it has no gaps.")
    if first.kind is Kind.PICTURE and series.modality != "CT":
        modality = series.modality or "unknown"
        text = f"The modality is {modality}, not CT: the values are no HU, and the model is not run."
        yield Note(Problem.AI_NOT_RUN, "not CT", text)
    elif first.kind is Kind.PICTURE and not first.localizer:
        yield from _units(members)


def _units(members: Sequence[Instance]) -> Iterator[Note]:
    """CT values that are no HU, in some slices or all."""
    strange = [item.unit for item in members if item.unit != "HU"]
    if not strange:
        return
    share = f" of {plural(len(strange), 'slice')}" if len(strange) < len(members) else ""
    if named := sorted(set(strange) - {""}):
        badge, what = "not HU", f"The header says that the values{share} are {', '.join(named)}, no HU"
    else:
        badge = "no HU"
        what = f"The header does not say how the values{share} become HU, so they are shown as stored"
    text = f"{what}: windows and measures do not hold, and the model is not run."
    yield Note(Problem.AI_NOT_RUN, badge, text)


def _unreadable(stack: "Stack") -> Iterator[Note]:
    """Files of the series that are damaged."""
    damaged = [item for item in stack.members if item.damage and item.kind is Kind.PICTURE]
    files = [(item, item.damage) for item in damaged]
    files += [(item, item.damage or "it holds no pixels") for item in stack.lost]
    if stack.members[0].kind is Kind.NO_PIXELS:
        files += [(item, item.damage) for item in stack.members if item.damage]
    if files:
        yield unreadable([(item.slice.path.name, reason) for item, reason in files])


def unreadable(files: Sequence[tuple[str, str]]) -> Note:
    """A note about damaged files, given as (name, reason)."""
    named = "; ".join(f"{name}: {reason}" for name, reason in files[:_NAMED])
    rest = f"; and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    count, advice = f"{plural(len(files), 'file')} cannot be read", "Copy or export the series again."
    return Note(
        problem=Problem.UNREADABLE_FILES,
        badge=f"{len(files)} unreadable",
        text=f"{count} ({named}{rest}). {advice}",
        discreet=f"{count}. {advice}",
    )


def _place(series: Series, stack: "Stack", geometry: Geometry | None) -> Iterator[Note]:
    """Where the slices lie."""
    if geometry is None:
        why = (
            "All slices claim one position"
            if stack.flat
            else "The slices say nothing usable about their position"
        )
        text = f"{why}: they are sorted by their number, and gaps, tilt and mL are unknown."
        yield Note(Problem.NO_POSITION, "no position", text)
    if series.slices[0].spacing_mm is None:
        text = "The header has no pixel spacing: nothing can be measured in mm or mL."
        yield Note(Problem.NO_SPACING, "no spacing", text)
    elif "FIDUCIAL" in texts_of(stack.members, tags.CALIBRATION):
        text = "The pixel spacing is an estimate, not measured by the scanner: mm and mL are approximate."
        yield Note(Problem.SPACING_ESTIMATED, "≈ spacing", text)
    if geometry is None or len(series.slices) < 2:
        return
    if not straight(geometry):
        text = "The slices are shifted against each other within their plane; each keeps its own position."
        yield Note(Problem.UNEVEN_SPACING, "shifted slices", text)
    elif tilted(geometry):
        badge = f"tilt {geometry.tilt_deg:.1f}°"
        text = f"The gantry was tilted by {geometry.tilt_deg:.2f}°: the slices are stacked obliquely."
        yield Note(Problem.GANTRY_TILT, badge, text)
    yield from _gaps(geometry.gaps_mm)


def _gaps(gaps_mm: Sequence[float]) -> Iterator[Note]:
    """Uneven gaps, and gaps where slices seem to be missing."""
    absent = missing(gaps_mm)
    closed = [gap / (count + 1) for gap, count in zip(gaps_mm, absent, strict=True)]
    if not even(closed):
        pairs = counted(gaps_mm)
        widths = sorted(length for length, _ in pairs[:2])
        badge = "gaps " + " / ".join(f"{length:.3g}" for length in widths) + " mm"
        listed = ", ".join(f"{count} × {length:.2f} mm" for length, count in pairs[:6])
        more = f" and {len(pairs) - 6} other lengths" if len(pairs) > 6 else ""
        text = f"The gaps between slices differ: {listed}{more}. Volumes use the gaps as they are."
        yield Note(Problem.UNEVEN_SPACING, badge, text)
    if any(absent):
        where = [f"{i + 1} and {i + 2}" for i, count in enumerate(absent) if count]
        count = plural(sum(absent), "slice") + (" seems" if sum(absent) == 1 else " seem")
        text = f"{count} to be missing, between slices {', '.join(where[:_NAMED])}"
        text += f" and in {len(where) - _NAMED} more gaps" if len(where) > _NAMED else ""
        yield Note(Problem.MISSING_SLICES, f"{sum(absent)} missing", f"{text}. Ask for the whole series.")


def _split(stack: "Stack", index: int) -> Iterator[Note]:
    """Why the series was split or thinned."""
    part = f"it is shown as {stack.parts} stacks, this is number {index + 1}"
    if Problem.MIXED_ORIENTATIONS in stack.mixed:
        text = f"The series mixes slice orientations: {part}."
        yield Note(Problem.MIXED_ORIENTATIONS, "mixed orientations", text)
    if stack.frames > 1:
        text = f"The series mixes {stack.frames} frames of reference, whose positions cannot be compared: {part}."
        yield Note(Problem.MIXED_ORIENTATIONS, "mixed frames", text)
    if Problem.MIXED_SIZES in stack.mixed:
        yield Note(Problem.MIXED_SIZES, "mixed sizes", f"The series mixes image or pixel sizes: {part}.")
    if Problem.NO_POSITION in stack.mixed and stack.members[0].slice.position_mm is not None:
        text = f"Slices of the series that do not say where they lie stand apart: {part}."
        yield Note(Problem.NO_POSITION, "some without position", text)
    kernels = [kernel or "unnamed" for kernel in stack.kernels]
    if Problem.MIXED_KERNELS in stack.mixed:
        text = f"The series holds several kernels at the same positions: {part} ({kernels[0]})."
        yield Note(Problem.MIXED_KERNELS, "mixed kernels", text)
    elif len(kernels) > 1:
        text = f"The slices were reconstructed with different kernels: {', '.join(kernels)}."
        yield Note(Problem.MIXED_KERNELS, "mixed kernels", text)
    if stack.phases > 1:
        which = f" ({', '.join(stack.phase)})" if stack.phase else ""
        text = f"The series holds {stack.phases} stacks that lie over each other: {part}{which}."
        yield Note(Problem.DUPLICATE_POSITIONS, f"{stack.phases} stacks", text)
    if stack.copies:
        text = f"Left out: {plural(stack.copies, 'file')} with slices that are already in the stack."
        yield Note(Problem.DUPLICATE_POSITIONS, plural(stack.copies, "duplicate"), text)


def _pixels(members: Sequence[Instance]) -> Iterator[Note]:
    """What the pixels went through."""
    if lossy(members):
        text = "The pixels were compressed with loss: faint contrast may be gone, and HU are approximate."
        yield Note(Problem.LOSSY_SOURCE, "lossy", text)
    if "YES" in texts_of(members, tags.BURNED_IN):
        text = "The header says that text is burned into the pixels; it may name the patient."
        yield Note(Problem.BURNED_IN_TEXT, "burned-in text", text)
