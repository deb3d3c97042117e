"""Measures in words: beside their lines, in the panel, and as text for a report."""

from collections.abc import Iterable, Sequence

from viewer.dicom.volume import Volume
from viewer.measures.measure import Kind
from viewer.measures.readings import Reading, Value

NAMES = {
    Kind.LENGTH: "Length",
    Kind.ANGLE: "Angle",
    Kind.BIDIRECTIONAL: "Bidirectional",
    Kind.ELLIPSE: "Ellipse",
    Kind.RECTANGLE: "Rectangle",
    Kind.POLYGON: "Polygon ROI",
    Kind.FREEHAND: "Freehand ROI",
    Kind.PROBE: "Probe",
    Kind.ABC2: "ABC/2",
    Kind.MIDLINE: "Midline shift",
}
MIDLINE_DEFINITION = (
    "Midline shift: the distance of the septum pellucidum, at the level of the foramen of Monro, from the straight "
    "line between the anterior and the posterior attachment of the falx to the inner table of the skull. "
    "Liao CC, Chen YF, Xiao F. Brain midline shift measurement and its automation. Int J Biomed Imaging 2018;4303161."
)
RESEARCH = "Research use only, not for diagnosis."
_SHORT = ("area", "mean", "SD")
"""What of a region is written beside it."""


def number_text(value: Value) -> str:
    """`34.2 mm`, `38.1°`, `0.42 mL`, `63 HU`."""
    number = value.number
    if value.name in ("min", "max", "HU", "pixels"):
        written = f"{number:.0f}"
    elif value.unit == "mL" and number < 1:
        written = f"{number:.2f}"
    else:
        written = f"{number:.1f}"
    if float(written) == 0:
        written = written.removeprefix("-")
    gap = "" if value.unit in ("°", "") else "\N{NO-BREAK SPACE}"
    return f"{written}{gap}{value.unit}".replace("-", "\N{MINUS SIGN}")


def result_text(reading: Reading) -> str:
    """The result in one line, as a list shows it: `34.2 mm`, `ABC/2`: `11.4 mL · 42.0 × 30.1 × 18.0 mm`."""
    kind, values = reading.measure.kind, reading.values
    if not values:
        return "not measured"
    by_name = {value.name: value for value in values}
    if kind is Kind.BIDIRECTIONAL:
        return f"{values[0].number:.1f} × {number_text(values[1])}"
    if kind is Kind.ABC2:
        names = [name for name in ("A", "B", "C") if name in by_name]
        sides = " × ".join(f"{by_name[name].number:.1f}" for name in names)
        unit = by_name["A"].unit
        volume = f"{number_text(by_name['volume'])} · " if "volume" in by_name else ""
        return f"{volume}{sides} {unit}"
    if kind is Kind.MIDLINE:
        return number_text(values[0]) + (f" to the {reading.side}" if reading.side else "")
    if kind.is_region:
        parts = [number_text(by_name["area"])]
        if "mean" in by_name:
            parts.append(f"{by_name['mean'].number:.1f} ± {by_name['SD'].number:.1f} HU".replace("-", "−"))
        return " · ".join(parts)
    return number_text(values[0])


def lines_beside(reading: Reading) -> tuple[str, ...]:
    """The lines written beside a measure on the image."""
    if not reading.values:
        return (NAMES[reading.measure.kind], *reading.cautions[:1])
    first = (reading.measure.label,) if reading.measure.label else ()
    if not reading.measure.kind.is_region:
        return (*first, *result_text(reading).split(" · "))
    lines = [*first, *result_text(reading).split(" · ")]
    if reading.statistics is not None:
        low, high = reading.statistics.minimum, reading.statistics.maximum
        lines.append(f"{low} to {high} HU".replace("-", "−"))
    return tuple(lines)


def place_text(reading: Reading) -> str:
    """Where it was measured: `im 21`, or `reformat`."""
    return f"im {reading.slice_index + 1}" if reading.slice_index is not None else "reformat"


def full_line(reading: Reading, volume: Volume) -> str:
    """One line for a report, with everything that was measured and its source slice."""
    measure, index = reading.measure, reading.slice_index
    name = f"{NAMES[measure.kind]}{f' “{measure.label}”' if measure.label else ''}"
    parts = [f"{value.name} {number_text(value)}" for value in reading.values]
    if measure.kind in (Kind.LENGTH, Kind.ANGLE, Kind.PROBE):
        parts = [number_text(value) for value in reading.values]
    if measure.kind is Kind.MIDLINE:
        parts = [result_text(reading)]
    where = "measured across the slices"
    if index is not None:
        z = volume.series.z_mm[index] if index < len(volume.series.z_mm) else None
        where = f"image {index + 1}" + (f" (z {z:+.1f} mm)".replace("-", "−") if z is not None else "")
    found = ", ".join(parts) or "not measured"
    return f"{name}: {found}; {where}." + "".join(f" {caution}" for caution in reading.cautions)


def report_text(readings: Iterable[Reading], volume: Volume) -> str:
    """All measures of a series as plain text, the ones nearest to the feet first, without patient data."""
    series = volume.series
    title = " · ".join(
        part
        for part in (f"Series {series.number}" if series.number is not None else "", series.description)
        if part
    )
    lines = [full_line(reading, volume) for reading in in_order(readings)]
    return "\n".join([*([title] if title else []), *(lines or ["No measures."]), RESEARCH])


def in_order(readings: Iterable[Reading]) -> list[Reading]:
    """Slice by slice, those across the slices last."""
    last = 1 << 30
    return sorted(readings, key=lambda r: r.slice_index if r.slice_index is not None else last)


def steps_of(kind: Kind) -> Sequence[str]:
    """What to do, step by step, for the measures that are guided."""
    return _STEPS.get(kind, ())


_STEPS = {
    Kind.ABC2: (
        "Go to the slice with most blood and draw A, its largest diameter.",
        "Draw B, the largest diameter perpendicular to A, on the same slice.",
        "Say what each slice with blood counts in C: 1, ½ or nothing.",
    ),
    Kind.MIDLINE: (
        "On the slice with the foramen of Monro, click where the falx is attached in front.",
        "Click where the falx is attached behind.",
        "Click the septum pellucidum where it is farthest from the line.",
    ),
}
