"""Slices of one geometry → stacks in which no position occurs twice: kernels, voltages, phases, thick and thin."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from viewer.dicom import instance as tags
from viewer.dicom.geometry import SAME_PLACE_MM, z_of
from viewer.dicom.instance import Instance, texts_of
from viewer.dicom.order import counting, natural, own
from viewer.dicom.series import Problem


@dataclass(frozen=True)
class Stack:
    """Instances that belong on one stack, and what was found while putting them there.

    mixed: why the series was split (empty if it was not). copies: files left out because a slice at that place
    is there already. lost: files of the series that cannot be read. phases: stacks at the same positions.
    phase: what tells this one from the others; empty where nothing but the order of the files does.
    flat: all slices claim one position. frames: stacks with a frame of reference of their own.
    """

    members: tuple[Instance, ...]
    mixed: frozenset[Problem] = frozenset()
    copies: int = 0
    lost: tuple[Instance, ...] = ()
    phases: int = 1
    phase: tuple[str, ...] = ()
    flat: bool = False
    frames: int = 1
    parts: int = 1
    kernels: tuple[str, ...] = field(default=())


def phases_of(bucket: Sequence[Instance]) -> list[Stack]:
    """One bucket as stacks in which no position occurs twice."""
    kernels = tuple(sorted(texts_of(bucket, tags.KERNEL)))
    places = _places(bucket)
    if len(places) == 1 and len(bucket) > 1:
        return [Stack(members=tuple(bucket), kernels=kernels, flat=True)]
    if found := _told_apart(places):
        tag, groups = found
        pairs = [(value, stack) for value, group in groups.items() for stack in phases_of(group)]
        if tag == tags.KERNEL:
            return [replace(stack, mixed=stack.mixed | {Problem.MIXED_KERNELS}) for _, stack in pairs]
        return [
            replace(stack, phases=len(pairs), phase=(_said(tag, value), *stack.phase))
            for value, stack in pairs
        ]
    most = max(map(len, places), default=1)
    if most == 1:
        return [Stack(members=tuple(bucket), kernels=kernels)]
    places = [natural(place, own) for place in places]
    if min(map(len, places)) == most:
        alike = [[place[k] for place in places] for k in range(most)]
    else:
        alike = _in_turn(places)
    if len(alike) == most:
        return [Stack(members=tuple(members), kernels=kernels, phases=most) for members in alike]
    firsts = tuple(place[0] for place in places)
    return [Stack(members=firsts, kernels=kernels, copies=len(bucket) - len(places))]


def _places(bucket: Sequence[Instance]) -> list[list[Instance]]:
    """The positions along the normal, in order, each with what lies there; none without positions."""
    z = z_of([item.slice for item in bucket])
    places: list[list[Instance]] = []
    if z is None:
        return places
    last = None
    for i in sorted(range(len(bucket)), key=lambda i: z[i]):
        if last is not None and z[i] - last <= SAME_PLACE_MM:
            places[-1].append(bucket[i])
        else:
            places.append([bucket[i]])
            last = z[i]
    return places


def _told_apart(places: Sequence[Sequence[Instance]]) -> tuple[int, dict[bytes, list[Instance]]] | None:
    """The first element whose values tell apart slices that are on top of each other, and the slices of each value.

    Kernel and thickness also tell apart what lies between each other. Where values follow one another, the scan
    changed on its way: that is one stack, although its parts may meet at a position.
    """
    ordered = [item for place in places for item in place]
    most = max(map(len, places), default=1)
    repeated = sum(len(place) > 1 for place in places)
    for tag in (tags.KERNEL, *tags.PHASES) if repeated else (tags.KERNEL, tags.THICKNESS):
        values = [item.header.elements.get(tag, b"").strip(b" \0") for item in ordered]
        sizes = Counter(values)
        least = min(sizes.values(), default=0)
        if len(sizes) < 2 or least < 2:
            continue
        on_top = len(sizes) <= most and 2 * repeated >= least and _thins(places, tag, most)
        runs = 1 + sum(one != other for one, other in pairwise(values))
        if on_top or (tag in (tags.KERNEL, tags.THICKNESS) and runs > 2 * len(sizes)):
            groups: dict[bytes, list[Instance]] = {value: [] for value in sorted(sizes, key=counting)}
            for item, value in zip(ordered, values, strict=True):
                groups[value].append(item)
            return tag, groups
    return None


def _in_turn(places: Sequence[Sequence[Instance]]) -> list[list[Instance]]:
    """Slices taken in the order of their numbers, a new stack where a position comes again; none where few do."""
    if 2 * sum(len(place) > 1 for place in places) < len(places):
        return []
    number = {id(item): index for index, place in enumerate(places) for item in place}
    groups: list[list[Instance]] = []
    taken: set[int] = set()
    for item in natural([item for place in places for item in place], own):
        if not groups or number[id(item)] in taken:
            groups.append([])
            taken = set()
        groups[-1].append(item)
        taken.add(number[id(item)])
    return groups


def _said(tag: int, value: bytes) -> str:
    """An element of `PHASES` and its value in words; numbers that are stored as bytes are left out."""
    text = value.decode("latin-1")
    return f"{tags.PHASES[tag]} {text or 'not given'}" if text.isprintable() else tags.PHASES[tag]


def _thins(places: Sequence[Sequence[Instance]], tag: int, most: int) -> bool:
    """Whether no value of an element is as often at any position as there are slices at the fullest."""
    return all(
        max(Counter(item.header.elements.get(tag, b"").strip(b" \0") for item in place).values()) < most
        for place in places
        if len(place) == most
    )
