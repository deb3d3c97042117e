"""From a seed to a labelled head CT."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt

from model.errors import PterionError
from model.labels import CODES
from model.phantom.acquisition import acquire
from model.phantom.bleeds import paint_bleeds, push_brain
from model.phantom.brain import paint_brain, shape_spaces
from model.phantom.geometry import F32, blend, step, stream
from model.phantom.head import Head, draw_head, open_slab
from model.phantom.lesions import Lesion, draw_kinds, plan_lesions
from model.phantom.openings import paint_hardware
from model.phantom.settings import AnatomySettings, LesionSettings, Scanner, ScannerSettings, uniform
from model.phantom.skull import holder, paint_outside, props, shape_skull
from model.sample import Sample, slice_scores

VERSION = 5
"""Counts up whenever the same seed gives another picture."""

MIDDLE_MM = 14.0
"""Height of the volume's middle above the commissures, so that 160 mm reach from the skull base to the vertex."""

FAR_OUTSIDE_MM = -60.0

BONE_EDGE_HU = 95


@dataclass(frozen=True)
class PhantomSettings:
    """Everything that phantoms are drawn from."""

    anatomy: AnatomySettings = field(default_factory=AnatomySettings)
    lesions: LesionSettings = field(default_factory=LesionSettings)
    scanners: ScannerSettings = field(default_factory=ScannerSettings)


@dataclass(frozen=True)
class _Plan:
    """One volume before it is rendered. Axes are world positions of planes and pixels, mm."""

    head: Head
    lesions: tuple[Lesion, ...]
    scanner: Scanner
    planes_mm: npt.NDArray[np.float64]  # (slices, planes of a slice)
    pixels_mm: npt.NDArray[np.float64]
    shell: F32
    shell_hu: float


def generate(
    seed: int,
    *,
    size: int = 256,
    slices: int = 32,
    thickness_mm: float = 5.0,
    lesions: Sequence[str] | None = None,
    scanner: Scanner | None = None,
    settings: PhantomSettings | None = None,
    threads: int = 1,
) -> Sample:
    """Simulate one non-contrast head CT of `slices` × `size` × `size`; the same seed gives the same bytes.

    lesions: subtype codes to show, () for none, None to let the seed decide. scanner: None lets the seed decide.
    Raises PterionError for sizes that make no picture and for unknown codes.
    """
    _check(size, slices, thickness_mm, lesions)
    settings = settings or PhantomSettings()
    kinds = draw_kinds(seed, settings.lesions) if lesions is None else tuple(lesions)
    plan = _draw(seed, size, slices, thickness_mm, kinds, scanner, settings)
    hu = np.empty((slices, size, size), np.int16)
    labels = np.zeros((slices, size, size), np.uint8)

    def render(index: int) -> None:
        hu[index], labels[index] = _render(plan, index)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(render, range(slices)))
    spacing = float(plan.pixels_mm[1] - plan.pixels_mm[0])
    return Sample(
        hu=hu,
        spacing_mm=(spacing, spacing),
        z_mm=plan.planes_mm.mean(1),
        labels=labels,
        scores=slice_scores(labels),
        patient=f"phantom-{seed}",
        source="phantom",
        provenance={
            "phantom": VERSION,
            "seed": seed,
            "lesions": [code for value, code in enumerate(CODES, 1) if (labels == value).any()],
            "age": round(plan.head.age, 3),
            "child": plan.head.child,
            "thickness_mm": thickness_mm,
            "scanner": asdict(plan.scanner),
        },
    )


def _check(size: int, slices: int, thickness_mm: float, lesions: Sequence[str] | None) -> None:
    if size < 32 or slices < 1 or not thickness_mm > 0:
        raise PterionError(
            f"A phantom needs at least 32 pixels, 1 slice and a positive thickness, not {size}, {slices}, "
            f"{thickness_mm} mm. Choose larger numbers."
        )
    unknown = sorted(set(lesions or ()) - set(CODES))
    if unknown:
        raise PterionError(f"Unknown subtype {unknown[0]!r}. Choose among {', '.join(CODES)}.")


def _draw(
    seed: int,
    size: int,
    slices: int,
    thickness_mm: float,
    kinds: Sequence[str],
    scanner: Scanner | None,
    settings: PhantomSettings,
) -> _Plan:
    width = uniform(stream(seed, "field of view"), settings.anatomy.field_of_view_mm)
    pixels = np.linspace(-0.5, 0.5, size) * (width * (size - 1) / size)
    # Two planes stand for a thick slice, one for a thin one.
    parts = 2 if thickness_mm > 2 else 1
    middles = (np.arange(slices) - (slices - 1) / 2) * thickness_mm + MIDDLE_MM
    planes = middles[:, None] + (np.arange(parts) - (parts - 1) / 2) * (thickness_mm / parts)
    # The noise covers a fixed box, so that more or thinner slices show the same head.
    reach = 140.0
    head = draw_head(seed, settings.anatomy, (-reach, -reach, -reach), (reach + 40, reach, reach))
    shell, shell_hu = holder(head, pixels, pixels)
    return _Plan(
        head=head,
        lesions=plan_lesions(seed, kinds, settings.lesions),
        scanner=scanner or settings.scanners.draw(stream(seed, "scanner")),
        planes_mm=planes,
        pixels_mm=pixels,
        shell=shell,
        shell_hu=shell_hu,
    )


def _extent(plan: _Plan, index: int) -> tuple[slice, slice]:
    """Rows and columns that the head covers in a slice, found on every sixth pixel."""
    sparse = plan.pixels_mm[::6]
    skin = shape_skull(open_slab(plan.head, plan.planes_mm[index], sparse, sparse)).skin
    rows, columns = (np.flatnonzero((skin > -6).any(axes)) for axes in ((0, 2), (0, 1)))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return (
        slice(max(6 * int(rows[0]) - 5, 0), 6 * int(rows[-1]) + 6),
        slice(max(6 * int(columns[0]) - 5, 0), 6 * int(columns[-1]) + 6),
    )


def _render(plan: _Plan, index: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8]]:
    """HU (size, size) and labels of one slice."""
    size, head = len(plan.pixels_mm), plan.head
    hu = np.full((size, size), -1000, np.float32)
    blend(hu, plan.shell, plan.shell_hu)
    props(head, hu, plan.pixels_mm, plan.pixels_mm)
    depth, cavity = (np.full((size, size), FAR_OUTSIDE_MM, np.float32) for _ in range(2))
    labels = np.zeros((size, size), np.uint8)
    box = _extent(plan, index)
    if box[0].stop:
        slab = open_slab(head, plan.planes_mm[index], plan.pixels_mm[box[0]], plan.pixels_mm[box[1]])
        skull = shape_skull(slab)
        image = paint_outside(slab, skull)
        if float(skull.cavity.max()) > -1:
            spaces = shape_spaces(slab, skull, push_brain(slab, skull, plan.lesions))
            brain = paint_brain(slab, skull, spaces)
            shares = paint_bleeds(slab, skull, spaces, plan.lesions, brain)
            blend(image, step(skull.cavity, 0.6), brain)
            labels[box] = _labels(shares, labels[box].shape)
        paint_hardware(slab, skull, image)
        covered = (skull.skin > -0.8).any(0)
        hu[box] = np.where(covered, image.mean(0), hu[box])
        depth[box], cavity[box] = skull.depth.mean(0), skull.cavity.mean(0)
    offset = head.pose.offset_mm
    spacing = float(plan.pixels_mm[1] - plan.pixels_mm[0])
    middle = (size - 1) / 2
    shot = acquire(
        hu,
        depth,
        cavity,
        height_mm=float(plan.planes_mm[index].mean() - offset[2]),
        pixel_mm=spacing,
        centre_px=(middle + offset[1] / spacing, middle + offset[0] / spacing),
        scanner=plan.scanner,
        seed=head.seed,
        index=index,
    )
    # A reader stops where bone begins to shine.
    labels[shot > BONE_EDGE_HU] = 0
    return shot, labels


def _labels(shares: dict[int, F32], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The subtype that fills most of each pixel, where blood fills enough of it to be drawn by a reader."""
    labels = np.zeros(shape, np.uint8)
    most = np.full(shape, 0.45, np.float32)
    for kind, share in sorted(shares.items(), reverse=True):
        mean = share.mean(0)
        labels[mean > most] = kind
        most = np.maximum(most, mean)
    return labels
