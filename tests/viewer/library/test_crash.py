"""kill -9 while saving: what was acknowledged is there."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# One process that saves and says so after each save; another that kills it at any moment and looks what is left.
KILL_AND_LOOK = """
import os, random, signal, sys
from pathlib import Path
from viewer.annotation.document import Annotation, Document
from viewer.library.store import Library

folder, rounds, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

def state(number):
    # Grows, changes, loses and reorders annotations, so that every kind of write is under way at some time.
    ring = tuple((float(x), x * x / 7 + number) for x in range(40))
    kept = [n for n in range(number + 1) if n % 3 or n == number][-25:]
    if number % 5 == 0:
        kept.reverse()
    subtype = "SDH" if number % 2 else "IPH"
    return Document("study", "series", tuple(Annotation(str(n), "a", 0, subtype, ring) for n in kept),
                    frozenset(str(n) for n in range(number % 4)))

def save_for_ever(start, pipe):
    library = Library(folder)
    before = library.load_document("study", "series")
    for number in range(start, start + 10_000):
        library.save_document(state(number), action="edit", reader="R", previous=before)
        before = state(number)
        os.write(pipe, b"%d\\n" % number)

chance = random.Random(seed)
number = 0
for round in range(rounds):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            save_for_ever(number, write)
        finally:
            os._exit(9)
    os.close(write)
    acknowledgements = os.fdopen(read)
    seen = [int(acknowledgements.readline()) for _ in range(chance.randint(1, 6))]
    for _ in range(chance.randint(0, 30_000)):
        pass
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    seen += [int(line) for line in acknowledgements if line.endswith("\\n")]
    acknowledgements.close()
    library = Library(folder)
    stored = library.load_document("study", "series")
    # The last one acknowledged, or the one that was on its way when the signal came.
    assert stored in (state(seen[-1]), state(seen[-1] + 1)), seen[-1]
    if round % 10 == 9:  # it reads the whole journal
        assert library.replay("study", "series") == stored
    number = seen[-1] + (stored == state(seen[-1] + 1)) + 1
    library.close()
print(number)
"""


def kill_and_look(folder: Path, rounds: int, seed: int) -> None:
    command = [sys.executable, "-c", KILL_AND_LOOK, str(folder), str(rounds), str(seed)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) >= rounds


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_twenty_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    kill_and_look(tmp_path, 20, seed=1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_two_hundred_kills_lose_nothing_acknowledged(tmp_path: Path) -> None:
    kill_and_look(tmp_path, 200, seed=2)
