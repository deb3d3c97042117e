"""The instances of one series → stacks that can be scrolled: split, freed of duplicates, sorted."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from viewer.dicom import instance as tags
from viewer.dicom.geometry import measure, z_of
from viewer.dicom.header import Header
from viewer.dicom.instance import Instance, Kind, texts_of
from viewer.dicom.notes import notes_of
from viewer.dicom.order import natural, own
from viewer.dicom.phases import Stack, phases_of
from viewer.dicom.plausible import amount, whole
from viewer.dicom.series import Problem, Series, SliceHeader

_CT = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
_ORIENTATION_TOLERANCE = 0.005
_SPACING_TOLERANCE = 1e-3


def series_of(found: Sequence[Instance]) -> tuple[Series, ...]:
    """The stacks of one series (same StudyInstanceUID and SeriesInstanceUID), the largest first."""
    stacks = sorted(_stacks(found), key=lambda stack: (-_worth(stack), _number(stack.members[0])))
    return tuple(_series(stack, index) for index, stack in enumerate(stacks))


def _worth(stack: Stack) -> int:
    """How many slices can be looked at; a scout is worth less than any stack."""
    first = stack.members[0]
    return 0 if first.kind is not Kind.PICTURE else 1 if first.localizer else 1 + len(stack.members)


def _stacks(found: Sequence[Instance]) -> list[Stack]:
    """Split by kind, size, spacing, orientation and phase."""
    unique, copies = _without_copies(found)
    lost = tuple(item for item in unique if item.kind is Kind.NO_PIXELS)
    kept = [item for item in unique if item.kind is not Kind.NO_PIXELS]
    if not kept:
        return [Stack(members=lost)]
    buckets = _buckets(kept)
    mixed = _mixture(buckets)
    result: list[Stack] = []
    for bucket in buckets:
        framed = _by_frame(bucket) if _stackable(bucket) else [bucket]
        stacks = [stack for part in framed for stack in _of_one_frame(part, len(framed))]
        ours = frozenset() if bucket[0].kind is not Kind.PICTURE or bucket[0].localizer else mixed
        result += [replace(stack, mixed=stack.mixed | ours) for stack in stacks]
    main = max(range(len(result)), key=lambda index: (_worth(result[index]), -index))
    result[main] = replace(result[main], lost=lost, copies=result[main].copies + copies)
    return [replace(stack, parts=len(result)) for stack in result]


def _of_one_frame(bucket: Sequence[Instance], frames: int) -> list[Stack]:
    """Stacks of a bucket whose positions can be compared; `frames` of reference were told apart."""
    stacks = phases_of(bucket) if _stackable(bucket) else [Stack(members=tuple(bucket))]
    return [replace(stack, frames=frames) for stack in stacks] if frames > 1 else stacks


def _by_frame(bucket: Sequence[Instance]) -> list[Sequence[Instance]]:
    """A bucket by frame of reference (PS3.3 C.7.4.1): positions in different ones cannot be compared.

    Where slices have one each, or some have none, the UIDs are careless copies' and say nothing.
    """
    groups: dict[bytes, list[Instance]] = {}
    for item in bucket:
        uid = item.header.elements.get(tags.FRAME_OF_REFERENCE, b"").strip(b" \0")
        groups.setdefault(uid, []).append(item)
    if len(groups) == 1 or b"" in groups or min(map(len, groups.values())) < 2:
        return [bucket]
    return list(groups.values())


def _stackable(bucket: Sequence[Instance]) -> bool:
    """Whether the bucket holds pictures with positions that ought to differ."""
    return bucket[0].kind is Kind.PICTURE and not bucket[0].localizer and len(bucket) > 1


def _without_copies(found: Sequence[Instance]) -> tuple[list[Instance], int]:
    """One file for each SOP instance and frame (an undamaged one if there is one), and how many were left out.

    Files that share a UID although they lie elsewhere (careless de-identification) are no copies.
    """
    best: dict[tuple[object, ...], Instance] = {}
    for item in natural(found, own):
        place = item.slice
        name = place.sop_uid or str(place.path)
        key = (name, place.frame, place.instance_number, place.position_mm)
        held = best.get(key)
        if held is None or (_broken(held) and not _broken(item)):
            best[key] = item
    return list(best.values()), len(found) - len(best)


def _broken(item: Instance) -> bool:
    """Whether another copy of the file would be better."""
    return bool(item.damage) or item.kind is Kind.NO_PIXELS


def _buckets(found: Sequence[Instance]) -> list[list[Instance]]:
    """Instances that agree in kind, size, spacing and orientation (each compared with its bucket's first)."""
    buckets: list[list[Instance]] = []
    known: dict[tuple[object, ...], list[Instance]] = {}
    for item in found:
        place = item.slice
        look = (
            *(item.kind, place.rows, place.columns, place.position_mm is None, place.orientation),
            *(place.spacing_mm, item.header.elements.get(tags.IMAGE_TYPE)),
        )
        bucket = known.get(look)
        if bucket is None:
            bucket = next((one for one in buckets if _alike(one[0], item)), None)
            if bucket is None:
                bucket = []
                buckets.append(bucket)
            known[look] = bucket
        bucket.append(item)
    return buckets


def _alike(one: Instance, other: Instance) -> bool:
    """Whether two instances may lie on one stack."""
    if one.kind is not other.kind:
        return False
    if one.kind is not Kind.PICTURE:
        return True
    a, b = one.slice, other.slice
    return (
        (a.rows, a.columns) == (b.rows, b.columns)
        and one.localizer == other.localizer
        and (a.position_mm is None) == (b.position_mm is None)
        and _near(a.orientation, b.orientation, _ORIENTATION_TOLERANCE)
        and _near(a.spacing_mm, b.spacing_mm, _SPACING_TOLERANCE * max(a.spacing_mm or (1.0,)))
    )


def _near(one: Sequence[float] | None, other: Sequence[float] | None, tolerance: float) -> bool:
    """Whether both are absent, or both there and equal up to the tolerance."""
    if one is None or other is None:
        return one is other
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def _mixture(buckets: Sequence[Sequence[Instance]]) -> frozenset[Problem]:
    """In what the buckets of pictures differ."""
    firsts = [
        bucket[0].slice for bucket in buckets if bucket[0].kind is Kind.PICTURE and not bucket[0].localizer
    ]
    mixed = set()
    for other in firsts[1:]:
        one = firsts[0]
        if (one.rows, one.columns) != (other.rows, other.columns) or not _near(
            one.spacing_mm, other.spacing_mm, _SPACING_TOLERANCE * max(one.spacing_mm or (1.0,))
        ):
            mixed.add(Problem.MIXED_SIZES)
        if (one.position_mm is None) != (other.position_mm is None):
            mixed.add(Problem.NO_POSITION)
        elif not _near(one.orientation, other.orientation, _ORIENTATION_TOLERANCE):
            mixed.add(Problem.MIXED_ORIENTATIONS)
    return frozenset(mixed)


def _series(stack: Stack, index: int) -> Series:
    """A sorted series with its notes; `index` 0 keeps the UID."""
    first = natural(stack.members, own)[0]
    slices = tuple(item.slice for item in stack.members)
    z = None if stack.flat or first.kind is not Kind.PICTURE or first.localizer else z_of(slices)
    if z is None:
        slices = tuple(natural(slices, lambda place: place))
    else:
        slices = tuple(slices[i] for i in sorted(range(len(slices)), key=lambda i: z[i]))
    slices = tuple(_named_apart(slices))
    geometry = measure(slices) if z is not None else None
    header = first.header
    uid = header.text(tags.SERIES_UID)
    syntaxes = Counter(item.header.syntax for item in stack.members)
    series = Series(
        study_uid=header.text(tags.STUDY_UID),
        series_uid=uid if index == 0 else f"{uid}#{index + 1}",
        number=whole(header.number(tags.SERIES_NUMBER)),
        modality=_modality(header),
        description=header.decoded(tags.SERIES_DESCRIPTION),
        slices=slices,
        gaps_mm=geometry.gaps_mm if geometry else (),
        z_mm=geometry.z_mm if geometry else (),
        tilt_deg=geometry.tilt_deg if geometry else 0.0,
        thickness_mm=first.thickness_mm,
        transfer_syntax=syntaxes.most_common(1)[0][0],
        kernel=header.text(tags.KERNEL),
        technique=_technique(first),
        notes=(),
        image_type=header.texts(tags.IMAGE_TYPE),
        original="DERIVED" not in texts_of(stack.members, tags.IMAGE_TYPE),
        body_part=header.text(tags.BODY_PART),
        frame_of_reference_uid=header.text(tags.FRAME_OF_REFERENCE),
        inverted=header.text(tags.PHOTOMETRIC).upper() == "MONOCHROME1",
        contrast=next(filter(None, sorted(texts_of(stack.members, tags.CONTRAST))), ""),
    )
    return replace(series, notes=notes_of(series, stack, geometry, index))


def _named_apart(slices: Iterable[SliceHeader]) -> Iterator[SliceHeader]:
    """Slices of which no two share a SOP Instance UID and frame, as careless copies do: `#2`, `#3` … are added.

    What is drawn on a slice is kept under that name.
    """
    seen: Counter[tuple[str, int]] = Counter()
    for place in slices:
        seen[place.sop_uid, place.frame] += 1
        number = seen[place.sop_uid, place.frame]
        again = number > 1 or not place.sop_uid
        yield replace(place, sop_uid=f"{place.sop_uid}#{number}") if again else place


def _modality(header: Header) -> str:
    """Modality; where it is blank, that which objects of the SOP class have (PS3.3 A.3, A.38, A.70)."""
    return header.text(tags.MODALITY).upper() or ("CT" if header.text(tags.SOP_CLASS) in _CT else "")


def _technique(item: Instance) -> str:
    """Tube voltage and exposure, as far as the header tells."""
    voltage, exposure, current = (
        amount(item.header.number(tag)) for tag in (tags.KVP, tags.EXPOSURE, tags.TUBE_CURRENT)
    )
    parts = []
    if voltage:
        parts.append(f"{voltage:g} kV")
    if exposure:
        parts.append(f"{exposure:g} mAs")
    elif current:
        parts.append(f"{current:g} mA")
    return " · ".join(parts)


def _number(item: Instance) -> tuple[bool, int]:
    """Sort key: by instance number, those without one last."""
    number = item.slice.instance_number
    return (number is None, number or 0)
