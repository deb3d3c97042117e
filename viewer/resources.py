"""Where the files that come with Pterion are, and where the user's own are. Nobody else knows."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from model.errors import PterionError


def assets_dir() -> Path:
    """The folder of bundled files: in a frozen build, in a checkout, or in an installed wheel."""
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen is not None:
        return Path(frozen) / "assets"
    package = Path(__file__).resolve().parent
    checkout = package.parent / "assets"
    return checkout if (package.parent / "pyproject.toml").is_file() else package / "_assets"


def asset(name: str) -> Path:
    """A bundled file or folder by its path in `assets/`, with forward slashes.

    Raises PterionError where it is missing, which means that the installation is incomplete.
    """
    path = assets_dir() / name
    if not path.exists():
        raise PterionError(
            f"{name} is missing from the installation of Pterion. Install it again.", code="INSTALLATION"
        )
    return path


def licence() -> str:
    """The text of Pterion's licence: of the checkout, or of the installed package; empty in a build without it."""
    checkout = Path(__file__).resolve().parent.parent / "LICENSE"
    if checkout.is_file():
        return checkout.read_text(encoding="utf-8")
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return distribution("pterion").read_text("licenses/LICENSE") or ""
    except PackageNotFoundError:
        return ""


NO_TRAINING = (
    "This package of Pterion reads, scores and annotates; what training needs (PyTorch) was left out of it. "
    "Install the full package, from where this one came: the same name without “reader”. Annotations, models and "
    "settings stay as they are."
)


def can_train() -> bool:
    """Whether what training needs is installed; the reader package leaves it out."""
    return find_spec("torch") is not None


def require_training() -> None:
    """Raises PterionError in an installation that cannot train."""
    if not can_train():
        raise PterionError(NO_TRAINING, code="READER_PACKAGE")


NO_REPORTS = (
    "This package of Pterion leaves out what training from scratch and evaluations report with (scikit-learn). Install "
    "the wheel, from where this package came, into a Python of its own: pip install pterion-….whl. Annotations, models "
    "and settings stay as they are."
)


def require_reports() -> None:
    """Raises PterionError in an installation that cannot judge models; no built package can."""
    if find_spec("sklearn") is None:
        raise PterionError(NO_REPORTS, code="BUILT_PACKAGE")


def data_dir() -> Path:
    """The folder of the user's own data (library, models, runs), made if need be.

    PTERION_DATA overrides the platform's place. Raises PterionError where it cannot be made.
    """
    chosen = os.environ.get("PTERION_DATA")
    if chosen:
        folder = Path(chosen).expanduser()
    else:
        from platformdirs import user_data_path

        folder = user_data_path("Pterion", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PterionError(
            f"Pterion's data folder {folder} cannot be made: {error.strerror}. "
            "Make room or set PTERION_DATA to a folder you can write to.",
            code="DATA_FOLDER",
        ) from error
    return folder
