"""`pterion retrain` and `pterion models`: learn from a library's annotations; list, compare, choose, move versions."""

import argparse
from pathlib import Path
from typing import Any

from model.errors import PterionError
from model.labels import CODES
from viewer.cli import text
from viewer.cli.output import progress, report
from viewer.cli.work import library_dir, registry

PARTS = ("train", "validation", "test")


def retrain(arguments: argparse.Namespace) -> int:
    """Train a candidate on a library's annotations, or say what it would be trained on and what it would take."""
    from viewer.jobs.approved import Choice
    from viewer.jobs.retrain_headless import retrain_headless

    result = retrain_headless(
        library_dir(arguments.library),
        registry=registry(),
        dry_run=arguments.dry_run,
        choice=Choice(arguments.everything, tuple(arguments.subtypes or CODES)),
        pins=dict(arguments.pin),
        on_event=text.event(progress),
        **({"seed": arguments.seed} if arguments.seed is not None else {}),
    )
    progress("")
    report(arguments, result, text.preflight if arguments.dry_run else text.retrained)
    return 1 if result.get("refusal") else 0


def pinned(value: str) -> tuple[str, str]:
    """`PATIENT=PART` of the command line. Raises ArgumentTypeError."""
    patient, _, part = value.rpartition("=")
    if not patient or part not in PARTS:
        raise argparse.ArgumentTypeError(
            f"PATIENT=PART is wanted, where PART is {', '.join(PARTS)}; got {value!r}"
        )
    return patient, part


def models(arguments: argparse.Namespace) -> int:
    """List the models after the change that was asked for, if any."""
    store = registry()
    if arguments.action == "compare":
        report(arguments, compared(store, arguments.id, arguments.other), text.compared)
        return 0
    if arguments.action == "promote":
        store.promote(arguments.id)
    elif arguments.action == "rollback":
        store.roll_back(arguments.id)
    elif arguments.action in ("delete", "discard"):
        from viewer.jobs.retrain import forget_run_of

        store.discard(arguments.id)
        forget_run_of(arguments.id, store)
    elif arguments.action == "rename":
        store.rename(arguments.id, arguments.name)
    elif arguments.action == "export":
        export_model(store, arguments.id, arguments.out)
    elif arguments.action == "import":
        from viewer.cli.work import existing

        store.import_version(existing([arguments.path])[0])
    report(arguments, {"models": listed(store)}, text.models)
    return 0


def listed(store: Any) -> list[dict[str, Any]]:
    """Every version: id, name, status, whether it answers, when and from what it was made, verdict, bytes."""
    current = store.current().id
    return [
        {
            "id": version.id,
            "name": version.name,
            "status": version.status,
            "current": version.id == current,
            "created": version.info.get("created"),
            "parent": version.info.get("parent"),
            "verdict": (version.info.get("verdict") or {}).get("kind"),
            "bytes": version.size,
        }
        for version in store.versions()
    ]


def compared(store: Any, first: str, second: str) -> dict[str, Any]:
    """Both versions on the measures that were taken when each was made. Raises ModelFileError."""
    from model.side_by_side import side_by_side

    rows = side_by_side(store.get(first), store.get(second))
    return {"models": [first, second], "rows": rows}


def export_model(store: Any, version_id: str, out: Path) -> None:
    """Write a model of `store`, or the version folder `version_id`: as a `.zip` to import elsewhere, else as a MONAI
    bundle."""
    place = Path(version_id)
    folder = place if (place / "model.json").is_file() else store.get(version_id).path
    if out.suffix.lower() == ".zip":
        from model.packed import pack

        pack(folder, out)
        return
    from model.monai_bundle import export_bundle
    from viewer import __version__
    from viewer.resources import licence

    if out.exists():
        raise PterionError(f"{out.name} exists already. Name a new folder, or a file that ends in .zip.")
    export_bundle(folder, out, licence(), __version__)
