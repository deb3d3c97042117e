"""The polygon CSV of the multitask seed in (`Results_*.csv`, Zeta Surgical): polygons from 0 to 1 of the image."""

from collections import defaultdict
from pathlib import Path

from model.datasets.polygons import KINDS, rows_of
from model.datasets.renders import rings_of
from model.errors import PterionError
from viewer.annotation.document import Ring
from viewer.dicom.series import Series
from viewer.interchange.drawn import Drawn, ExchangeError, Found, Places

_READERS = len(KINDS) - 1
_TITLE = ("Results_", "results_")


def read_tracings(path: Path, series: Series) -> Found:
    """What a table of tracings holds for a series; rows of other images are passed over.

    Of several readings the best kind counts, as `model.datasets.polygons` has it; of single readers', the pixels that
    more than half drew. The subtype stands in the file's name. Raises PterionError.
    """
    places = Places(series)
    name = path.stem
    for title in _TITLE:
        name = name.removeprefix(title)
    texts: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row in rows_of(path, ("Origin",)):
        index = places.of_name(row["Origin"].strip())
        if index is None:
            continue
        for kind, columns in enumerate(KINDS):
            filled = [row[column] for column in columns if row.get(column, "").strip(" []\"'") != ""]
            if filled:
                texts[index].append((kind, filled[0]))
                break
    drawn = []
    for index, found in sorted(texts.items()):
        best = min(kind for kind, _ in found)
        for kind, text in found:
            if kind == best:
                drawn += _drawn(path, name, index, text, series, readers=kind == _READERS)
    if not drawn:
        raise ExchangeError(
            f"{path.name} traces nothing on the slices of this series; its images are found by the names of the DICOM "
            "files or their SOP instance UIDs. Nothing was imported."
        )
    return Found(tuple(drawn))


def _drawn(path: Path, name: str, index: int, text: str, series: Series, *, readers: bool) -> list[Drawn]:
    from model.datasets.renders import polygons_mask

    place = series.slices[index]
    if readers:
        mask = polygons_mask(text, (place.rows, place.columns), path.name, readers=True)
        return [Drawn(name, index, mask=mask)] if mask.any() else []
    try:
        rings: list[Ring] = [
            tuple((float(x) * place.columns, float(y) * place.rows) for x, y in ring)
            for ring in rings_of(text)
        ]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise PterionError(
            f"The polygons of {path.name} cannot be read ({error}). Get the file again."
        ) from error
    return [Drawn(name, index, ((ring, ()),)) for ring in rings]
