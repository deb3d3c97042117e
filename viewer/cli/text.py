"""What the command line prints to a person: the same results as its JSON, as lines and tables."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from model.labels import CODES, SCORES


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows with aligned columns, those in `right` flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def studies(result: dict[str, Any]) -> str:
    """`pterion index`: studies, their series, and what is wrong with them."""
    lines = []
    for study in result["studies"]:
        lines.append(f"Study {study['study_uid']}")
        rows = [
            (
                f"  {series['description'] or series['modality']}",
                f"{series['slices']} × {series['rows']} × {series['columns']}",
                spacing(series["spacing_mm"]),
                gaps(series["gaps_mm"]),
                " ".join(series["problems"]) or "no problems",
            )
            for series in study["series"]
        ]
        lines.append(table(rows))
    return "\n".join(lines) or "No studies."


def tags(result: dict[str, Any]) -> str:
    """`pterion tags`: an element a line, indented by depth, values cut to the line."""
    lines = []
    for row in result["rows"]:
        head = " ".join(part for part in (row["tag"], row["vr"], row["name"]) if part)
        value = " ".join(row["value"].split())
        value = f"{value[:120]}…" if len(value) > 120 else value
        value = f"{value} · {row['meaning']}" if row["meaning"] else value
        lines.append("  " * row["depth"] + (f"{head}: {value}" if value else head))
    return "\n".join(lines) or "No element matches."


def deidentified(result: dict[str, Any]) -> str:
    """`pterion deidentify`: how much was written, what was left out, what became of how many elements."""
    counted = Counter[str]()
    for change in result["changes"]:
        counted[change["action"]] += change["count"]
    parts = [count(result[name], word) for name, word in (("studies", "study"), ("series", "series"))]
    written = f"{count(result['files'], 'file')} of {count(result['patients'], 'patient')}"
    lines = [
        f"{written} copied without the names ({', '.join(parts)}).",
        result["profile"] + "".join(f"; {option['meaning']}" for option in result["options"]),
        "Elements: " + ", ".join(f"{count} {action}" for action, count in counted.most_common()),
    ]
    lines += [f"Blacked out: {count(result['blacked_out'], 'file')}."] if result["blacked_out"] else []
    lines += [f"Left out: {count(one['files'], 'file')}, {one['reason']}." for one in result["left_out"]]
    return "\n".join([*lines, *result["notices"]])


def count(number: int, word: str) -> str:
    """`1 study`, `2 studies`, `3 series`."""
    plural = {"study": "studies", "series": "series"}.get(word, f"{word}s")
    return f"{number} {word if number == 1 else plural}"


def spacing(values: Sequence[float] | None) -> str:
    """Row and column spacing, or that there is none."""
    return f"{values[0]:.3g} × {values[1]:.3g} mm" if values else "no spacing"


def gaps(values: Sequence[float]) -> str:
    """Smallest and largest distance between neighbours."""
    if not values:
        return "no gaps"
    low, high = min(values), max(values)
    return f"every {low:.4g} mm" if high - low < 0.05 else f"every {low:.4g} to {high:.4g} mm"


def scores(result: dict[str, Any]) -> str:
    """`pterion score`: a row a study."""
    if not result["studies"]:
        return "No study was scored."
    rows = [("study", *SCORES, *(f"{code} mL" for code in CODES), "seconds", "cautions")]
    for study in result["studies"]:
        if study.get("error") and not study.get("study"):
            failed = f"not scored: {study['error']['code']}"
            rows.append((str(study["study_uid"]), *("-" for _ in rows[0][1:-1]), failed))
            continue
        rows.append(
            (
                study["study_uid"],
                *(number(study["study"][code], 2) for code in SCORES),
                *(number((study["volume_ml"] or {}).get(code), 1) for code in CODES),
                number(study["seconds"], 1),
                " ".join(study["cautions"] + ([f"not written: {lost}"] if (lost := _lost(study)) else [])),
            )
        )
    return table(rows, right=range(1, 3 + len(SCORES) + len(CODES) - 1))


def _lost(study: dict[str, Any]) -> str:
    """Why a file of a study that was scored is not there, empty where all are."""
    return str((study.get("error") or {}).get("code", ""))


def number(value: float | None, digits: int) -> str:
    """A number with so many decimals, or a dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def models(result: dict[str, Any]) -> str:
    """`pterion models`: a row a version, the current one marked, and the disk they take."""
    rows = [("", "model", "name", "status", "created", "from", "verdict", "MB")]
    for each in result["models"]:
        told = (each["name"], each["status"], each["created"], each["parent"], each["verdict"])
        mark = "*" if each["current"] else ""
        rows.append((mark, each["id"], *(str(one or "") for one in told), number(each["bytes"] / 1e6, 1)))
    total = sum(each["bytes"] for each in result["models"]) / 1e6
    return f"{table(rows, right=(7,))}\n{total:.1f} MB in all."


def compared(result: dict[str, Any]) -> str:
    """`pterion models compare`: a row a measure."""
    head = ("on", "measure", *result["models"])
    rows = [
        head,
        *((row["set"], row["measure"], *(number(v, 3) for v in row["values"])) for row in result["rows"]),
    ]
    if len(rows) == 1:
        return "Neither says anything that the other says too."
    return table(rows, right=(2, 3))


def preflight(result: dict[str, Any]) -> str:
    """`pterion retrain --dry-run`: what there is by subtype, what is left out, what it would take."""
    rows: list[tuple[str, ...]] = [("", "patients", "slices", "regions")]
    for code in CODES:
        counts = (result[key][code] for key in ("subtype_patients", "subtypes", "regions"))
        rows.append((code, *map(str, counts)))
    split = ", ".join(f"{part} {count}" for part, count in result["split"].items())
    lines = [
        (
            f"{result['slices']} slices of {result['patients']} patients, {result['bleeding_patients']} with a bleed; "
            f"{result['negatives']} slices reviewed without one."
        ),
        table(rows, right=(1, 2, 3)),
        f"Patients: {split}.",
        *result["left_out"],
        *([result["refusal"]] if result["refusal"] else result["warnings"]),
    ]
    taken = result["expected"]
    if taken:
        lines.append(
            f"On {taken['device']}: about {max(round(taken['seconds'] / 60), 1)} min for {taken['steps']} steps "
            f"({taken['seconds_a_step']:.2f} s each, timed), {taken['memory_mb'] / 1000:.1f} GB of memory."
        )
    return "\n".join(lines)


def retrained(result: dict[str, Any]) -> str:
    """`pterion retrain`: the candidate and its verdict."""
    if result["outcome"] != "candidate":
        return "The retraining ended without a candidate."
    verdict = result["verdict"]
    lines = [f"{result['candidate']}: {verdict['title']}", verdict["text"], *result["notes"]]
    return "\n".join(
        [*filter(None, lines), f"`pterion models promote {result['candidate']}` lets it answer."]
    )


def bench(result: dict[str, Any]) -> str:
    """`pterion bench`: a row a number, beside its budget and its peer."""
    rows = [("", "number", "value", "", "budget", "peer", "")]
    for each in result["rows"]:
        mark = "ok" if each["within"] else "OVER"
        peer = (
            "" if each["peer"] is None else f"{each['peer']} {significant(each['peer_value'])} {each['unit']}"
        )
        value = significant(each["value"])
        rows.append(
            (mark, each["name"], value, each["unit"], significant(each["budget"]), peer, each["text"])
        )
    machine = result["machine"]
    lines = [table(rows, right=(2, 4))]
    lines += [f"{name} was not measured: {text}" for name, text in result["problems"].items()]
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['os']}"
    state = f"Python {machine['python']}, display {machine['display']}, load {machine['load']}"
    lines.append(f"Measured on {where}, {state}.")
    return "\n".join(lines)


def significant(value: float | None) -> str:
    """A number with three significant digits, or a dash for none."""
    return "-" if value is None else f"{value:.3g}"


def data_made(result: dict[str, Any]) -> str:
    """`pterion data KIND`: what was made."""
    counts = [count(result[name], word) for name, word in (("samples", "sample"), ("patients", "patient"))]
    left_out = f"; {count(len(result['skipped']), 'item')} skipped" if result["skipped"] else ""
    return f"{result['folder']}: {', '.join([*counts, count(result['slices'], 'slice')])}{left_out}."


def data_sets(result: dict[str, Any]) -> str:
    """`pterion data info`: a table a set, a row a source and one for all."""
    lines = []
    for each in result["sets"]:
        head = (
            "source",
            "patients",
            "samples",
            "slices",
            "known",
            *SCORES,
            *(f"{code} mL" for code in CODES),
        )
        rows = [(*head, "unknown mL")]
        sources = each["sources"] if len(each["sources"]) > 1 else {}
        for name, part in {**sources, "all" if sources else next(iter(each["sources"])): each["all"]}.items():
            counted = (part[key] for key in ("patients", "samples", "slices", "known"))
            bleeding = (part["bleeding_slices"][code] for code in SCORES)
            volumes = (number(part["volume_ml"].get(code, 0.0), 1) for code in (*CODES, "unknown"))
            rows.append((name, *map(str, (*counted, *bleeding)), *volumes))
        made = f"made by `pterion data {each['made_by'].get('command')}`"
        lines.append(f"{each['folder']}, {made}, {count(len(each['skipped']), 'item')} skipped")
        lines.append(table(rows, right=range(1, len(rows[0]))))
    return "\n".join(lines)


def pace(done: int, total: int, skipped: int, left_s: float | None) -> str:
    """How far a long conversion is: `12 of 60, 1 skipped, 3 min left`."""
    parts = [f"{done} of {total}"] + ([f"{skipped} skipped"] if skipped else [])
    if left_s is not None:
        parts.append(f"{left_s / 60:.0f} min left" if left_s >= 90 else f"{left_s:.0f} s left")
    return ", ".join(parts)


def written(result: dict[str, Any]) -> str:
    """A result that names what was written: one `name: value` a line."""
    return "\n".join(f"{key.replace('_', ' ')}: {plain(value)}" for key, value in result.items())


def plain(value: object) -> str:
    """A JSON value for a person: long lists only counted."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(each)}" for key, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        return f"{len(value)}" if len(value) > 8 else "; ".join(plain(each) for each in value) or "none"
    return "none" if value in (None, "") else str(value)


def event(show: Callable[[str], None]) -> Callable[[dict[str, Any]], None]:
    """A listener that shows the events of a retraining as one line each."""

    def listen(each: dict[str, Any]) -> None:
        details = [f"{key} {plain(value)}" for key, value in each.items() if key not in ("event", "time")]
        show(f"{each.get('event', '')}: {', '.join(details)}")

    return listen
