"""Every job that may take long says how far it is and can be ended: the tests that do it, by name."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
JOBS = {
    "looking for images": (
        "viewer/ui/test_worklist.py::test_series_of_a_study_that_grows_while_it_is_scanned_are_shown",
        "viewer/test_app_sources.py::test_looking_for_images_can_be_stopped",
    ),
    "unpacking an archive": (
        "viewer/dicom/test_zips.py::test_progress_is_told",
        "viewer/dicom/test_zips.py::test_cancelling_leaves_nothing_behind",
    ),
    "copying from a slow medium": (
        "viewer/dicom/test_sources.py::test_slow_disc_is_copied_before_it_is_read",
        "viewer/dicom/test_sources.py::test_copying_can_be_cancelled",
    ),
    "loading a series": (
        "viewer/test_app.py::test_opening_a_folder_shows_its_study_loads_and_scores_it",
        "viewer/jobs/test_qt_jobs.py::test_cancelled_load_stops_and_says_nothing_more",
    ),
    "scoring a series": (
        "viewer/ui/test_findings.py::test_while_scoring_there_is_progress_and_cancel",
        "viewer/test_app.py::test_cancelled_scoring_is_not_shown_as_an_answer",
    ),
    "scoring many studies": (
        "viewer/jobs/test_triage.py::test_the_list_is_scored_and_kept_in_the_library",
        "viewer/jobs/test_headless.py::test_a_cancelled_crew_ends_its_processes",
    ),
    "scoring in the background": (
        "viewer/test_app_triaging.py::test_a_watched_folder_is_scored_told_of_and_gone_on_with",
        "viewer/jobs/test_headless.py::test_a_worker_pauses_goes_on_and_stops",
    ),
    "gathering what a retraining learns from": (
        "viewer/jobs/test_retrain_jobs.py::test_a_training_does_not_wait_for_the_timing_of_its_steps_to_end",
        "viewer/jobs/test_retrain_jobs.py::test_cancelled_preparation_leaves_no_folder",
    ),
    "retraining": (
        "viewer/ui/test_retraining_card.py::test_running_shows_progress_curve_time_left_and_cancel",
        "viewer/test_app_teaching.py::test_pause_stop_and_abandon_reach_the_run",
    ),
    "exporting pictures": (
        "viewer/test_app_exporting.py::test_a_cancelled_export_leaves_nothing",
        "viewer/test_app_exporting.py::test_a_cancelled_export_leaves_nothing",
    ),
    "copying without the patient": (
        "viewer/test_app_sources.py::test_copying_tells_how_far_it_is",
        "viewer/test_app_sources.py::test_copying_is_cancelled_and_leaves_nothing",
    ),
    "a library to a folder": (
        "viewer/test_app_working.py::test_a_library_on_its_way_tells_how_far_it_is_until_it_is_cancelled",
        "viewer/interchange/test_library_folder.py::test_a_cancelled_export_leaves_nothing",
    ),
    "a library from a folder": (
        "viewer/interchange/test_library_folder.py::test_both_ways_tell_how_far_they_are",
        "viewer/interchange/test_library_folder.py::test_a_cancelled_import_puts_nothing_in",
    ),
    "making a data set": (
        "test_cli_data.py::test_progress_tells_the_time_left",
        "test_cli_data.py::test_ctrl_c_keeps_what_is_done",
    ),
    "training from scratch": (
        "test_cli_train.py::test_progress_names_the_step_and_the_time_left",
        "test_cli_train.py::test_a_signal_stops_after_the_step_and_resume_goes_on",
    ),
    "any command": (
        "test_cli_data.py::test_progress_tells_the_time_left",
        "test_cli.py::test_an_interruption_ends_cleanly",
    ),
}


@pytest.mark.parametrize("job", JOBS)
def test_there_is_a_test_of_its_progress_and_of_its_end(job: str) -> None:
    for place in JOBS[job]:
        file, _, name = place.partition("::")
        tree = ast.parse((HERE / file).read_text("utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, place
