"""A training's events, as the window shows them."""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from viewer.learning import Judgement, ShownSlice
from viewer.session import Retraining

SMOOTH = 0.85
"""Share of the curve so far in each new point of the training loss."""
CANCELLED = "Retraining was cancelled. The model in use stays."

Event = Mapping[str, Any]


def follow(now: Retraining, event: Event) -> Retraining:
    """The state after one event of the training child (see `model.retrain`)."""
    state = now.state if now.state == "stopping" else "running"
    kind = event["event"]
    if kind == "preparing":
        text = f"Simulated head {event['done']} of {event['total']}, so that nothing known is forgotten"
        return replace(now, state=state, text=text)
    if kind == "started":
        return replace(now, state=state, text=event.get("warning") or "Starting")
    if kind == "training":
        stages = f"{event['steps']} steps on {device(event['device'])}"
        return replace(now, state=state, text=stages, steps=event["steps"])
    if kind == "step":
        return _stepped(now, state, event)
    if kind == "epoch":
        row = {key: value for key, value in event.items() if isinstance(value, int | float) and key != "time"}
        value = row.get("mine_loss")
        return replace(
            now,
            rows=(*now.rows, row),
            validation_loss=now.validation_loss if value is None else (*now.validation_loss, value),
        )
    if kind == "paused":
        return replace(now, state="paused", text="Paused", seconds_left=None)
    if kind in ("resumed", "smaller"):
        return replace(now, state=state, text=event.get("text") or "Goes on where it was")
    if kind == "comparing":
        text = "Comparing with the model in use"
        return replace(now, state="comparing", text=text, progress=1.0, seconds_left=None)
    if kind == "failed":
        return replace(now, state="failed", text=event["text"], seconds_left=None)
    if kind == "cancelled":
        return Retraining(text=CANCELLED)
    return now


def _stepped(now: Retraining, state: str, event: Event) -> Retraining:
    last = now.train_loss[-1] if now.train_loss else event["loss"]
    share = event["step"] / max(event["steps"], 1)
    text = now.text if state == "stopping" else f"Step {event['step']} of {event['steps']}"
    return replace(
        now,
        state=state,
        text=text,
        progress=share,
        steps=event["steps"],
        seconds_left=event.get("seconds_left"),
        train_loss=(*now.train_loss, SMOOTH * last + (1 - SMOOTH) * event["loss"]),
    )


def device(name: str) -> str:
    """What a reader calls a device."""
    return "the processor" if name == "cpu" else f"the GPU ({name})"


def candidate_state(now: Retraining, judgement: Judgement) -> Retraining:
    """What the card shows once the candidate is in the registry."""
    return replace(
        now,
        state="candidate",
        text=judgement.title,
        progress=1.0,
        seconds_left=None,
        candidate_id=judgement.candidate_id,
        comparison=short_comparison(judgement),
        verdict=judgement.kind,
    )


def short_comparison(judgement: Judgement) -> tuple[tuple[str, str, str], ...]:
    """Dice and AUC on both sets, ready to show; what has no number is left out."""
    rows = []
    for name, words in (("yours", "your test patients"), ("reference", "simulated heads")):
        for measure, label in (("dice", "Dice"), ("auc", "slice AUC")):
            row = judgement.tables.get(name, {}).get(measure, {}).get("any")
            if row is not None and row["difference"] is not None:
                rows.append((f"{label}, {words}", f"{row['before']:.2f}", f"{row['after']:.2f}"))
    return tuple(rows)


def judgement_of(info: Mapping[str, Any], worst: tuple[ShownSlice, ...] = ()) -> Judgement | None:
    """What a version's model.json says of its judgement; None where it was never judged, or tells it wrongly."""
    from model.verdict import KEPT, forgotten, sound

    verdict, tables, training = (info.get(name, {}) for name in ("verdict", "metrics", "training"))
    if not (isinstance(verdict, dict) and verdict and isinstance(training, dict) and sound(tables)):
        return None
    notes = training.get("notes")
    return Judgement(
        str(info["id"]),
        str(info.get("incumbent", info.get("parent"))),
        str(verdict.get("kind", "")),
        str(verdict.get("title", "")),
        str(verdict.get("text", "")),
        trained(training),
        tables,
        tuple(map(str, notes if isinstance(notes, list) else ())),
        worst,
        frozenset(name for name in KEPT if forgotten(name, tables["reference"][name]["any"])),
    )


def trained(training: Mapping[str, Any]) -> str:
    """`214 slices of 31 patients · 26 bleeding · trained 4 min 12 s · seed 7`, as far as it is told."""
    counts, seconds = training.get("counts"), training.get("seconds")
    counts = counts if isinstance(counts, dict) else {}
    whole = round(seconds) if isinstance(seconds, int | float) and isfinite(seconds) else 0
    took = f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
    return (
        f"{counts.get('slices', '?')} slices of {counts.get('patients', '?')} patients · "
        f"{counts.get('bleeding_patients', '?')} bleeding · trained {took} · seed {training.get('seed', '?')}"
    )
