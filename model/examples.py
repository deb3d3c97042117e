"""A few slices of a reader's patients as both models draw them: shown while it trains, and where it got worse."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.batches import Case
from model.errors import PterionError
from model.run_folder import EXAMPLES, WORST

if TYPE_CHECKING:
    from model.calibration import Calibration
    from model.compare import Answered
    from model.deal import Deal
    from model.networks.flagship import Flagship

SHOWN = 3
_LEVEL, _WIDTH = 40, 80


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice to show: grey, truth, before, after uint8 (N, N); the last three are labels. dice: of both models.

    place: series and slice, `place_of` its sample; empty where the sample does not tell.
    """

    grey: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    before: npt.NDArray[np.uint8]
    after: npt.NDArray[np.uint8]
    dice: tuple[float, float]
    place: str = ""


def place_of(provenance: Mapping[str, Any], index: int) -> str:
    """`series/slice`, the names that a sample has for its series and for one of its slices; empty without them."""
    series, slices = provenance.get("series"), provenance.get("slices")
    if not isinstance(series, str) or not isinstance(slices, Sequence) or index >= len(slices):
        return ""
    return f"{series}/{slices[index]}"


def grey(hu: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """The brain window of a slice."""
    shown = np.clip((hu - (_LEVEL - _WIDTH / 2)) / _WIDTH, 0, 1)
    return np.asarray(np.rint(255 * shown), np.uint8)


class Examples:
    """The largest bleeds of different validation patients, of training patients where there are none."""

    def __init__(self, folder: Path, dealt: "Deal", calibration: "Calibration") -> None:
        self._folder, self._calibration = folder, calibration
        self._chosen = _largest(dealt.validation or dealt.training)
        self._before: list[npt.NDArray[np.uint8]] = []

    def before(self, network: "Flagship") -> None:
        """Note what the network draws that the training starts from."""
        self._before = self._marks(network)
        self.after(network)

    def after(self, network: "Flagship") -> None:
        """Keep what the network draws now beside it."""
        if not self._chosen or not self._before:
            return
        rows = [
            Slice(
                grey(case.hu[index]),
                case.labels[index],
                before,
                after,
                (dice(case, index, before), dice(case, index, after)),
            )
            for (case, index), before, after in zip(
                self._chosen, self._before, self._marks(network), strict=True
            )
        ]
        save_slices(self._folder / EXAMPLES, rows)

    def _marks(self, network: "Flagship") -> list[npt.NDArray[np.uint8]]:
        from model.compare import answer

        return [answer(network, case, self._calibration).marks[index] for case, index in self._chosen]


def dice(case: Case, index: int, marks: npt.NDArray[np.uint8]) -> float:
    """Dice of bleeding on one slice; 1 where neither drew any."""
    true, found = (case.labels[index] > 0) & (case.labels[index] < 255), marks > 0
    total = int(true.sum() + found.sum())
    return 2 * int((true & found).sum()) / total if total else 1.0


def _largest(cases: Sequence[Case]) -> list[tuple[Case, int]]:
    best: dict[str, tuple[int, Case, int]] = {}
    for case in cases:
        areas = ((case.labels > 0) & (case.labels < 254)).sum((1, 2))
        index = int(areas.argmax())
        if areas[index] > best.get(case.patient, (0,))[0]:
            best[case.patient] = int(areas[index]), case, index
    ordered = sorted(best.values(), key=lambda each: -each[0])
    return [(case, index) for _, case, index in ordered[:SHOWN]]


def save_worst(
    folder: Path,
    cases: Sequence[Case],
    before: "Sequence[Answered]",
    after: "Sequence[Answered]",
    fallen: Sequence[tuple[int, int, float, float]],
    provenance: Sequence[Mapping[str, Any]],
) -> None:
    """Keep the slices that got worse most, in the run's folder: a version holds no pixels of a patient.

    provenance: of each case.
    """
    rows = [
        Slice(
            grey(cases[case].hu[index]),
            cases[case].labels[index],
            before[case].marks[index],
            after[case].marks[index],
            (old, new),
            place_of(provenance[case], index),
        )
        for case, index, old, new in fallen
    ]
    save_slices(folder / WORST, rows)


def save_slices(path: Path, rows: Sequence[Slice]) -> None:
    """Write slices whole or not at all."""
    names = ("grey", "truth", "before", "after")
    arrays: dict[str, Any] = {
        f"{n}-{name}": getattr(row, name) for n, row in enumerate(rows) for name in names
    }
    arrays["place"] = np.array([row.place for row in rows], np.str_)
    arrays["dice"] = np.array([row.dice for row in rows], np.float64).reshape(-1, 2)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_slices(path: Path) -> tuple[Slice, ...]:
    """The slices of a file, none where there is no file. Raises PterionError where it is damaged."""
    if not path.is_file():
        return ()
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return tuple(
                Slice(
                    file[f"{n}-grey"],
                    file[f"{n}-truth"],
                    file[f"{n}-before"],
                    file[f"{n}-after"],
                    (float(old), float(new)),
                    str(place),
                )
                for n, ((old, new), place) in enumerate(zip(file["dice"], file["place"], strict=True))
            )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise PterionError(
            f"{path.name} of a training cannot be read ({error}). Train again to see it."
        ) from error
    except Exception as error:  # a damaged archive raises errors that share no base class
        raise PterionError(f"{path.name} of a training is damaged. Train again to see it.") from error
