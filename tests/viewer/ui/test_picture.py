"""Viewports share what they have in common, and each shows what it would show alone."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QImage

from model.labels import SUBTYPES
from viewer.imaging.render import Palette, overlay_of
from viewer.imaging.windows import BONE, BRAIN, STROKE, Window
from viewer.ui.picture import Kept, Picture, Shared, Wanted

HU = [
    np.random.default_rng(seed).integers(-100, 200, shape).astype(np.int16)
    for seed, shape in enumerate(((6, 5), (6, 5), (4, 7), (3, 3), (8, 2), (5, 6)))
]
OVERLAYS = [[None, overlay_of((hu > 100).astype(np.uint8)), overlay_of((hu < 0) * np.uint8(3))] for hu in HU]
PALETTES = (Palette(tuple(subtype.rgb for subtype in SUBTYPES)), Palette(((1, 2, 3),) * 5, 0.1, 0.9))


@dataclass(frozen=True)
class Step:
    """A viewport is to show a slice in a way."""

    viewport: int
    slice: int
    window: Window
    overlay: int
    inverted: bool
    transposed: bool
    palette: int

    def wanted(self) -> Wanted:
        return Wanted(
            (self.slice,),
            lambda: HU[self.slice],
            self.window,
            OVERLAYS[self.slice][self.overlay],
            self.inverted,
            self.transposed,
            PALETTES[self.palette],
        )


steps = st.builds(
    Step,
    st.integers(0, 2),
    st.integers(0, len(HU) - 1),
    st.sampled_from((BRAIN, BONE, STROKE)),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1),
)


def pixels(image: QImage) -> np.ndarray:
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width()).copy()


@given(st.lists(steps, min_size=1, max_size=12))
def test_shared_pictures_are_those_of_viewports_alone(visited: list[Step]) -> None:
    """At every moment all viewports show what they were asked for last, whoever composed it."""
    shared = Shared()
    pictures = [Picture(shared) for _ in range(3)]
    last: dict[int, tuple[Step, QImage]] = {}
    for step in visited:
        last[step.viewport] = (step, pictures[step.viewport].of(step.wanted()))
        for asked, image in last.values():
            assert np.array_equal(pixels(image), pixels(alone(asked)))
        hu = pictures[step.viewport].hu(step.wanted())
        assert np.array_equal(hu, HU[step.slice])


def alone(step: Step) -> QImage:
    picture = Picture()
    image = picture.of(step.wanted())
    return image.copy()


def test_what_was_let_go_is_made_anew() -> None:
    """The numbers of another volume may bear the same name."""
    shared = Shared()
    one, other = Picture(shared), Picture(shared)
    values = np.zeros((2, 2), np.int16)
    wanted = Wanted(("same",), lambda: values, BRAIN, None, False)
    assert pixels(one.of(wanted)).tolist() == [[0xFF000000] * 2] * 2
    values[:] = 1000
    for picture in (one, other):
        picture.clear()
    assert pixels(other.of(wanted)).tolist() == [[0xFFFFFFFF] * 2] * 2


def test_overlays_are_kept_as_long_as_there_is_room() -> None:
    """Of three masked pixels each takes 24 bytes, an empty one nothing."""
    made = [overlay_of(np.ones((1, 3), np.uint8)) for _ in range(3)]
    assert made[0].nbytes == 24
    kept = Kept(most_bytes=40)
    assert [kept.put(number, each) for number, each in enumerate(made)] == made
    assert [kept.get(number) for number in range(3)] == [None, *made[1:]]
    assert kept.full
    kept.drop(1)
    assert kept.get(1) is None
    assert not kept.full
    kept.put(2, made[0])
    assert kept.get(2) is made[0]
    assert not kept.full
    kept.clear()
    assert kept.get(2) is None
