"""What one viewport shows, and what viewports do together: values."""

from dataclasses import dataclass

from viewer.imaging.layouts import Plane
from viewer.imaging.placement import ViewState
from viewer.imaging.slabs import Slab
from viewer.imaging.turned import Facing
from viewer.imaging.windows import Window

SeriesKey = tuple[str, str]
"""The UIDs of a study and of a series in it: copies made without care share series UIDs between studies."""


@dataclass(frozen=True)
class Pane:
    """What one viewport shows.

    series: None for the open series, whichever that is. stop: which picture of its section. facing: the plane of
    an oblique one. header: the window is the one each image's own header names at this place.
    """

    window: Window
    plane: Plane = Plane.ACQUIRED
    slab: Slab | None = None
    overlay: bool = True
    series: SeriesKey | None = None
    stop: int = 0
    facing: Facing = Facing()  # noqa: RUF009  frozen
    view: ViewState = ViewState()  # noqa: RUF009  frozen
    header: int | None = None


@dataclass(frozen=True)
class Links:
    """What the viewports do together."""

    scroll: bool = True
    zoom: bool = True
    pan: bool = True
    window: bool = False
