"""The worker that scores a volume while it loads: order, waiting, cancelling. The toy model, no Qt."""

import os
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

from model.errors import Cancelled, PterionError
from model.predict import Predictor, SliceResult, VolumeSource
from viewer.jobs import infer
from viewer.jobs.infer import HEAD_START_S, NICER, Inference, nearest


def in_a_thread(work: Callable[[], object]) -> None:
    """`Inference.run` lowers the priority of its thread, so it never runs in the tests' own."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)


def test_two_slices_ahead_for_each_one_behind() -> None:
    done = np.zeros(7, np.bool_)
    able = np.ones(7, np.bool_)
    assert nearest(done, able, 3) == 3
    done[3] = True
    assert nearest(done, able, 3, 1) == 4
    assert nearest(done, able, 3, -1) == 2
    able[[4, 5]] = False
    assert nearest(done, able, 3, 1) == 2
    assert nearest(np.ones(7, np.bool_), able, 3) is None


def test_screen_first_then_outward(make_volume, predictor: Predictor) -> None:
    volume = make_volume(*[40] * 7)
    volume.loaded[:] = True
    inference = Inference(volume, lambda: predictor)
    inference.look_at(3)
    order: list[int] = []
    in_a_thread(lambda: inference.run(lambda answer: order.append(answer.index)))
    assert order == [3, 4, 5, 2, 6, 1, 0]


def test_downwards_the_slices_below_come_first(make_volume, predictor: Predictor) -> None:
    volume = make_volume(*[40] * 7)
    volume.loaded[:] = True
    inference = Inference(volume, lambda: predictor)
    inference.look_at(4)
    inference.look_at(3)
    order: list[int] = []
    in_a_thread(lambda: inference.run(lambda answer: order.append(answer.index)))
    assert order == [3, 2, 1, 4, 0, 5, 6]


def test_order_follows_the_reader(make_volume, predictor: Predictor) -> None:
    volume = make_volume(*[40] * 9)
    volume.loaded[:] = True
    inference = Inference(volume, lambda: predictor)
    order: list[int] = []

    def take(answer: SliceResult) -> None:
        order.append(answer.index)
        if len(order) == 2:
            inference.look_at(8)

    in_a_thread(lambda: inference.run(take))
    assert order[:5] == [0, 1, 8, 7, 6]


def test_slices_are_awaited_and_the_answer_is_that_of_the_whole(make_volume, predictor: Predictor) -> None:
    volume = make_volume(10, 80, 60, 90, 30)
    inference = Inference(volume, lambda: predictor)
    answers: list[SliceResult] = []
    scored = threading.Semaphore(0)

    def take(answer: SliceResult) -> None:
        answers.append(answer)
        scored.release()

    results: list[object] = []
    worker = threading.Thread(target=lambda: results.append(inference.run(take)))
    worker.start()
    for index in (4, 3):  # the last slice and its only neighbour: enough for slice 4, not for slice 3
        volume.loaded[index] = True
        inference.slices_arrived()
    assert scored.acquire(timeout=10)
    assert [answer.index for answer in answers] == [4]
    volume.failed[0] = True
    volume.loaded[1:] = True
    inference.slices_arrived()
    worker.join(60)
    assert sorted(answer.index for answer in answers) == [1, 2, 3, 4]

    hu = [None, *volume.hu[1:]]
    source = VolumeSource(5, volume.spacing_mm, volume.series.z_mm, hu.__getitem__)
    whole = predictor.score(source, ())
    (study,) = results
    np.testing.assert_array_equal(study.slice_scores, whole.slice_scores)  # type: ignore[attr-defined]
    assert list(study.scores.values()) == whole.scores.tolist()  # type: ignore[attr-defined]
    assert study.model_id == "toy-1"  # type: ignore[attr-defined]
    assert "AI_CAUTION" in [caution.code for caution in study.cautions]  # type: ignore[attr-defined]


@pytest.mark.parametrize("arrives", [True, False])
def test_the_loaders_have_a_head_start_that_ends(
    make_volume, predictor: Predictor, arrives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(infer, "LOADER_POLL_S", 0.01)
    volume = make_volume(40, 40, 40)
    volume.loaded[:2] = True
    inference = Inference(volume, lambda: predictor, head_start_s=3600 if arrives else 0.05)
    scored: list[int] = []
    first = threading.Event()

    def take(answer: SliceResult) -> None:
        scored.append(answer.index)
        first.set()

    worker = threading.Thread(target=lambda: inference.run(take))
    worker.start()
    if arrives:
        assert not first.wait(0.05)
    else:
        assert first.wait(10)
        assert scored == [0]  # the one whose neighbours are in
    volume.loaded[2] = True
    inference.slices_arrived()
    worker.join(60)
    assert sorted(scored) == [0, 1, 2]


@pytest.mark.parametrize(
    ("processors", "seconds"), [(1, HEAD_START_S), (2, HEAD_START_S), (4, 0.0), (None, HEAD_START_S)]
)
def test_a_head_start_is_needed_where_the_loaders_take_every_processor(
    processors: int | None, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert infer.head_start_s() == seconds


def test_unknown_pixel_size_is_guessed_from_the_whole_head(
    make_series, make_volume, predictor: Predictor, phantom_hu: np.ndarray
) -> None:
    series = make_series(8, spacing_mm=None)
    volume = make_volume(*[0] * 8, series=series)
    object.__setattr__(volume, "hu", phantom_hu)
    inference = Inference(volume, lambda: predictor)
    started = threading.Event()
    results: list[object] = []
    worker = threading.Thread(target=lambda: results.append(inference.run(lambda answer: started.set())))
    worker.start()
    volume.loaded[:7] = True
    inference.slices_arrived()
    assert not started.wait(0.05)
    volume.loaded[7] = True
    inference.slices_arrived()
    worker.join(60)
    (study,) = results
    assert "SPACING_ESTIMATED" in [caution.code for caution in study.cautions]  # type: ignore[attr-defined]


@pytest.mark.parametrize("loaded", [0, 5])
def test_cancel_ends_it_while_it_waits_and_while_it_works(
    make_volume, predictor: Predictor, loaded: int
) -> None:
    volume = make_volume(*[40] * 5)
    volume.loaded[:loaded] = True
    inference = Inference(volume, lambda: predictor)
    answers: list[SliceResult] = []
    ended: list[BaseException] = []

    def take(answer: SliceResult) -> None:
        answers.append(answer)
        inference.cancel()

    def work() -> None:
        try:
            inference.run(take)
        except Cancelled as error:
            ended.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    if loaded == 0:
        inference.cancel()
    worker.join(60)
    assert len(ended) == 1
    assert len(answers) == min(loaded, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
def test_window_goes_first(make_volume, predictor: Predictor) -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    volume = make_volume(40, 40)
    volume.loaded[:] = True
    seen: list[int] = []
    mine = priority()
    worker = threading.Thread(
        target=lambda: Inference(volume, lambda: predictor).run(lambda answer: seen.append(priority()))
    )
    worker.start()
    worker.join(60)
    assert seen == [min(mine + NICER, 19)] * 2
    assert priority() == mine


def test_nothing_readable_is_said(make_volume, predictor: Predictor) -> None:
    volume = make_volume(40, 40)
    volume.failed[:] = True
    errors: list[PterionError] = []

    def work() -> None:
        with pytest.raises(PterionError, match="nothing was scored") as caught:
            Inference(volume, lambda: predictor).run(lambda answer: None)
        errors.append(caught.value)

    in_a_thread(work)
    assert len(errors) == 1
