"""Who may import whom: the arrows of `viewer/README.md` as a table, read over every import statement."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WINGS = ("model", "viewer")

VALUES = ("model.errors", "model.labels", "model.sample")


@dataclass(frozen=True)
class Rule:
    """What one part may import.

    own: our modules (each with everything below it).
    eager: third-party packages at the top of a module. lazy: those only inside functions, because they are
    slow to import and the window must be up before.
    late: our modules only inside functions.
    """

    own: tuple[str, ...] = ()
    eager: tuple[str, ...] = ()
    lazy: tuple[str, ...] = ()
    late: tuple[str, ...] = ()


ARRAYS = ("numpy",)
TORCH = ("numpy", "torch")
FILTERS = ("scipy", "skimage", "shapely")
TYPES = ("viewer.dicom.series", "viewer.dicom.volume")
MEASURED = ("viewer.measures.measure", "viewer.measures.mark", "viewer.findings.verdict")

# The longest name that begins a module's name is its rule.
ALLOWED = {
    "model": Rule(("model",), ARRAYS, ("torch", "scipy", "skimage", "onnxruntime", "safetensors")),
    "model.errors": Rule(),
    "model.labels": Rule(),
    "model.sample": Rule(VALUES, ARRAYS),
    "model.datasets": Rule(("model",), ARRAYS, ("imagecodecs", "nibabel", "scipy", "skimage")),
    "model.datasets.names": Rule(),
    "model.networks": Rule(("model",), TORCH, ("safetensors",)),
    "model.augment": Rule(("model",), TORCH),
    "model.bundle": Rule(("model",), TORCH),
    "model.checkpoint": Rule(("model",), TORCH, ("safetensors",)),
    "model.feed": Rule(("model",), TORCH),
    "model.sequence": Rule(("model",), TORCH),
    "model.run_report": Rule(("model",), TORCH),
    "model.team": Rule(("model",), TORCH),
    "model.validation": Rule(("model",), TORCH),
    "model.losses": Rule(("model",), TORCH),
    "model.train": Rule(("model",), TORCH, ("scipy", "skimage")),
    "model.distil": Rule(("model",), TORCH),
    "model.fine_tune": Rule(("model",), TORCH),
    "model.blend": Rule(("model",), TORCH),
    "model.watch": Rule(("model",), TORCH),
    "model.retrain": Rule(("model",), ARRAYS, ("torch",)),
    "model.evaluation": Rule(
        ("model",),
        ARRAYS,
        ("torch", "scipy", "skimage", "sklearn", "jinja2", "imagecodecs"),
    ),
    "model.export": Rule(("model",), TORCH, ("onnx", "onnxruntime", "safetensors")),
    "viewer.resources": Rule(("model.errors",), (), ("platformdirs",)),
    "viewer.dicom": Rule(
        ("viewer.dicom", *VALUES), ("numpy", "pydicom"), ("imagecodecs", "dicomanonymizer", "pyzipper")
    ),
    "viewer.imaging": Rule(("viewer.imaging", "model.errors", "model.labels"), ARRAYS, FILTERS),
    "viewer.annotation": Rule(("viewer.annotation", *MEASURED, *TYPES, *VALUES), ARRAYS, FILTERS),
    "viewer.measures": Rule(
        (
            "viewer.measures",
            "viewer.annotation.document",
            "viewer.annotation.geometry",
            "viewer.annotation.raster",
            "viewer.imaging.reformat",
            *TYPES,
            *VALUES,
        ),
        ARRAYS,
    ),
    "viewer.findings": Rule(("viewer.findings", *TYPES, *VALUES), ARRAYS, FILTERS),
    "viewer.library": Rule(
        ("viewer.library", "viewer.annotation.document", *MEASURED, *TYPES, *VALUES), ARRAYS
    ),
    "viewer.corpora": Rule(
        (
            "viewer.corpora",
            "viewer.dicom",
            "viewer.annotation",
            "viewer.library",
            "model.datasets.names",
            *VALUES,
        ),
        ("numpy", "pydicom"),
    ),
    "viewer.interchange": Rule(
        (
            "viewer.interchange",
            "viewer.dicom",
            "viewer.annotation",
            "viewer.corpora.dicom_seg",
            "viewer.library",
            "viewer.findings.verdict",
            "model.datasets.polygons",
            "model.datasets.renders",
            *VALUES,
        ),
        ARRAYS,
        ("imagecodecs", "nibabel"),
    ),
    "viewer.light_box": Rule(("viewer.dicom", "viewer.imaging", "model.errors"), ARRAYS),
    "viewer.showing": Rule(("viewer.dicom", "viewer.imaging", "viewer.light_box"), ("PySide6",)),
    "viewer.moving": Rule(("viewer.dicom", "viewer.imaging", "viewer.showing"), ARRAYS),
    "viewer.panes": Rule(("viewer.dicom", "viewer.imaging", "viewer.moving"), ("PySide6",)),
    "viewer.measuring": Rule(("viewer.measures",), ("PySide6",)),
    "viewer.exporting": Rule((), ("PySide6",)),
    "viewer.drawing": Rule(("viewer.annotation", "model.labels"), ("PySide6",)),
    "viewer.working": Rule(("viewer.library.work",), ("PySide6",)),
    "viewer.learning": Rule((), ("numpy", "PySide6")),
    "viewer.facts": Rule(("viewer.dicom",), ARRAYS),
    "viewer.signals": Rule((), ("PySide6",)),
    "viewer.bindings": Rule(("model.errors",)),
    "viewer.preferences": Rule(("viewer.bindings", "viewer.dicom.files", "model.errors")),
    "viewer.licences": Rule(("viewer", "viewer.resources")),
    "viewer.bound": Rule(("viewer.bindings",), ("PySide6",)),
    "viewer.suspecting": Rule(("viewer.findings",), ("numpy", "PySide6")),
    "viewer.receiving": Rule((), ("numpy", "PySide6")),
    "viewer.triaging": Rule(("viewer.library.triage",), ("PySide6",)),
    "viewer.session": Rule(
        (
            "viewer.learning",
            "viewer.working",
            "viewer.drawing",
            "viewer.bindings",
            "viewer.licences",
            "viewer.bound",
            "viewer.preferences",
            "viewer.exporting",
            "viewer.suspecting",
            "viewer.triaging",
            "viewer.receiving",
            "viewer.findings",
            "viewer.facts",
            "viewer.signals",
            "viewer.measuring",
            "viewer.annotation",
            "viewer.dicom",
            "viewer.imaging",
            "viewer.library",
            "viewer.measures",
            "viewer.panes",
            *VALUES,
        ),
        ("numpy", "PySide6"),
    ),
    "viewer.jobs": Rule(
        (
            "viewer.jobs",
            "viewer.findings",
            "viewer.dicom",
            "viewer.imaging",
            "viewer.annotation",
            "viewer.library",
            "viewer.corpora",
            "viewer.interchange",
            "viewer.resources",
            "model",
        ),
        ARRAYS,
        FILTERS,
    ),
    **dict.fromkeys(
        (
            "viewer.jobs.dicom_out",
            "viewer.jobs.dicom_graphics",
            "viewer.jobs.dicom_report",
            "viewer.jobs.dicom_segmentation",
            "viewer.jobs.dicom_findings",
        ),
        Rule(
            (
                "viewer.jobs",
                "viewer.dicom",
                "viewer.imaging",
                "viewer.annotation",
                "viewer.measures",
                "model.errors",
                "model.labels",
                "viewer",
            ),
            ARRAYS,
            ("pydicom", "highdicom"),
        ),
    ),
    "viewer.jobs.dicom_capture": Rule(
        ("viewer.jobs", "viewer.resources", "model.labels", "viewer"), ARRAYS, ("pydicom", "highdicom", "PIL")
    ),
    "viewer.jobs.export_view": Rule(("viewer.dicom.files", "model.errors"), ARRAYS, ("PIL",)),
    "viewer.jobs.summary": Rule(
        ("viewer.jobs.export_view", "viewer.dicom.files", "model.labels"), (), ("PIL",)
    ),
    "viewer.jobs.qt": Rule(("model.errors",), ("PySide6",)),
    "viewer.jobs.reading_qt": Rule(("viewer.jobs", "viewer.dicom"), ("numpy", "PySide6")),
    "viewer.jobs.model_qt": Rule(("viewer.jobs", "viewer.dicom", "model.predict"), ("PySide6",)),
    "viewer.jobs.retrain_qt": Rule(("viewer.jobs", "model.errors"), ("PySide6",)),
    "viewer.jobs.triage_qt": Rule(("viewer.jobs", "viewer.library", "model.registry"), ("PySide6",)),
    "viewer.ui": Rule(
        (
            "viewer.library.queue",
            "viewer.library.work",
            "viewer.ui",
            "viewer.bindings",
            "viewer.licences",
            "viewer.preferences",
            "viewer.findings",
            "viewer.measures",
            "viewer.exporting",
            "viewer.suspecting",
            "viewer.triaging",
            "viewer.receiving",
            "viewer.measuring",
            "viewer.drawing",
            "viewer.learning",
            "viewer.working",
            "viewer.session",
            "viewer.panes",
            "viewer.imaging",
            "viewer.annotation",
            "viewer.resources",
            "model.labels",
            "model.errors",
            "viewer.dicom.tags",  # rows to show; it needs pydicom only to make them
            "viewer.dicom.report",  # lines to show, likewise
            *TYPES,
        ),
        ("numpy", "PySide6", "pyqtgraph"),
    ),
    "viewer.app": Rule(
        (
            "viewer.interchange",
            "viewer.app",
            "viewer.ui",
            "viewer.bindings",
            "viewer.licences",
            "viewer.preferences",
            "viewer.findings",
            "viewer.measures",
            "viewer.exporting",
            "viewer.suspecting",
            "viewer.triaging",
            "viewer.receiving",
            "viewer.measuring",
            "viewer.drawing",
            "viewer.learning",
            "viewer.working",
            "viewer.session",
            "viewer.panes",
            "viewer.jobs",
            "viewer.findings",
            "viewer.dicom",
            "viewer.imaging",
            "viewer.annotation",
            "viewer.library",
            "viewer.resources",
            "model",
        ),
        ("numpy", "PySide6"),
    ),
    "viewer.cli": Rule(
        ("viewer.cli", "model.errors", "model.labels"),
        late=(
            "viewer.dicom",
            "viewer.imaging",
            "viewer.annotation",
            "viewer.library",
            "viewer.corpora",
            "viewer.interchange",
            "viewer.jobs",
            "viewer.resources",
            "viewer.app",
            "viewer.bench",
            "model",
        ),
    ),
    "viewer.bench": Rule(
        ("viewer", "model"), ARRAYS, ("PySide6", "SimpleITK", "pydicom", "scipy", "skimage")
    ),
    "viewer.bench.reading": Rule(("viewer", "model"), ARRAYS, ("SimpleITK", "pydicom", "imagecodecs")),
    "viewer.bench.screen": Rule(("viewer", "model"), ("numpy", "PySide6")),
    "viewer.bench.drive": Rule(("viewer", "model"), ("numpy", "PySide6")),
    "viewer.bench.reading_screen": Rule(("viewer", "model"), ("numpy", "PySide6")),
    "viewer.__main__": Rule(
        (), late=("viewer.cli", "model.retrain", "model.evaluation.speed", "viewer.bench.child")
    ),
}

# Forbidden even where a wider rule allows it.
NEVER = {"viewer.cli.work": ("viewer.jobs.qt", "viewer.jobs.reading_qt", "viewer.jobs.model_qt")}


@dataclass(frozen=True)
class Import:
    """One imported module, where, and whether it runs when the module is imported."""

    module: str
    line: int
    eager: bool


def modules() -> dict[str, Path]:
    """Every module of both wings by its name."""
    found = {}
    for wing in WINGS:
        for path in sorted((ROOT / wing).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(name: str, path: Path) -> Iterator[Import]:
    """Every module that `name` imports, those inside functions included."""
    tree = ast.parse(path.read_text("utf-8"))
    lazy = {id(node) for scope in ast.walk(tree) if is_late(scope) for node in ast.walk(scope)}
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        eager = id(node) not in lazy
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(inner if inner in MODULES else base, node.lineno, eager)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "__import__",
            "importlib.import_module",
        ):
            target = node.args[0]
            assert isinstance(target, ast.Constant), (
                f"{name}:{node.lineno} imports what only its run can tell"
            )
            yield Import(str(target.value), node.lineno, eager)


def is_late(node: ast.AST) -> bool:
    """Whether what stands inside runs later than the import of its module, or never."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def rule_of(name: str) -> Rule:
    """The rule with the longest name that begins `name`."""
    return ALLOWED[max((key for key in ALLOWED if below(name, (key,))), key=len)]


def below(name: str, parts: tuple[str, ...]) -> bool:
    """Whether `name` is one of `parts` or lies in one."""
    return any(name == part or name.startswith(part + ".") for part in parts)


def offences(name: str, path: Path) -> Iterator[str]:
    """What `name` imports and may not."""
    rule = rule_of(name) if name not in WINGS else Rule()
    never = NEVER.get(name, ())
    for each in imports(name, path):
        top = each.module.partition(".")[0]
        if top in sys.stdlib_module_names or (each.module == top == name.partition(".")[0]):
            continue  # a wing's own __init__ holds its version and imports nothing
        if top in WINGS:
            allowed = below(each.module, rule.own if each.eager else (*rule.own, *rule.late))
            allowed = allowed and not below(each.module, never)
        else:
            allowed = top in (rule.eager if each.eager else (*rule.eager, *rule.lazy))
        if not allowed:
            yield f"{path.relative_to(ROOT)}:{each.line} imports {each.module}" + (
                " at once" if each.eager else ""
            )


@pytest.mark.parametrize("name", MODULES)
def test_module_imports_only_what_its_part_may(name: str) -> None:
    assert list(offences(name, MODULES[name])) == []


def test_every_part_in_the_table_exists() -> None:
    assert [part for part in ALLOWED if not any(below(name, (part,)) for name in MODULES)] == []


def test_an_import_inside_a_function_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    path.write_text(
        "import os\ndef work():\n    from viewer.dicom import series\n    import torch\n", "utf-8"
    )
    found = [(each.module, each.eager) for each in imports("viewer.ui.late", path)]
    assert found == [("os", True), ("viewer.dicom.series", False), ("torch", False)]


def test_a_relative_import_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "near.py"
    path.write_text("from ..session import Session\nfrom . import theme\n", "utf-8")
    assert next(imports("viewer.ui.near", path)).module == "viewer.session"


def loaded_after(statements: str, unwanted: tuple[str, ...]) -> list[str]:
    """Which of `unwanted` a new Python has imported after `statements`."""
    code = f"{statements}\nimport sys\nprint(*(name for name in {unwanted!r} if name in sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return answer.stdout.split()


def test_core_parts_work_without_qt_and_torch() -> None:
    parts = (
        "viewer.dicom",
        "viewer.imaging",
        "viewer.annotation",
        "viewer.measures",
        "viewer.findings",
        "viewer.library",
        "viewer.corpora",
    )
    names = [
        name for name in MODULES if below(name, (*parts, "model.sample", "model.labels", "model.errors"))
    ]
    unwanted = (
        "PySide6",
        "torch",
        "pyqtgraph",
        "SimpleITK",
        "highdicom",
        "onnxruntime",
        "skimage",
        "scipy",
        "shapely",
    )
    assert loaded_after("import " + ", ".join(names), unwanted) == []


def test_the_window_needs_no_slow_library() -> None:
    unwanted = ("torch", "monai", "SimpleITK", "highdicom", "onnxruntime", "skimage", "scipy", "shapely")
    assert loaded_after("import viewer.app", unwanted) == []


def test_the_command_line_imports_nothing_slow() -> None:
    assert loaded_after("import viewer.cli", ("numpy", "PySide6", "pydicom", "torch", "onnxruntime")) == []
