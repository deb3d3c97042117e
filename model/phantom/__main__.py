"""Write phantoms as training samples: `python -m model.phantom OUT --count N`."""

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from model.errors import PterionError
from model.phantom.write import SCANNERS, sample_path, write_one


def main(argv: list[str] | None = None) -> int:
    """Write the samples that are not there yet. Returns 0, or 1 when the machine or the input is at fault."""
    parser = argparse.ArgumentParser(
        prog="python -m model.phantom", description="Write simulated head CT samples."
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the .npz samples")
    parser.add_argument("--count", type=int, required=True, help="how many heads")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first head (default 0)")
    parser.add_argument("--size", type=int, default=256, help="rows and columns (default 256)")
    parser.add_argument("--slices", type=int, default=32, help="slices of a head (default 32)")
    parser.add_argument("--thickness", type=float, default=5.0, help="thickness of a slice in mm (default 5)")
    parser.add_argument("--scanners", choices=sorted(SCANNERS), default="usual", help="family of scanners")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1)")
    options = parser.parse_args(argv)
    seeds = range(options.first_seed, options.first_seed + options.count)
    missing = [seed for seed in seeds if not sample_path(options.out, seed).exists()]
    job = partial(write_one, options.out, options.size, options.slices, options.thickness, options.scanners)
    begin = time.monotonic()
    # Small matrices: several BLAS threads would only wait for each other. Read when numpy loads in a worker.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
            for done, _ in enumerate(pool.map(job, missing), 1):
                if done % 20 == 0 or done == len(missing):
                    print(
                        f"{done}/{len(missing)} heads, {(time.monotonic() - begin) / done:.2f} s each",
                        flush=True,
                    )
    except (PterionError, OSError) as error:
        print(f"Samples could not be written to {options.out.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
