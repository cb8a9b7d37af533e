"""Says how even a die is, with a package that has compiled code."""

import platform
import sys

import numpy


def main() -> None:
    rolls = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    generator = numpy.random.default_rng(seed=1)
    sides, counts = numpy.unique(generator.integers(1, 7, rolls), return_counts=True)
    for side, count in zip(sides, counts):
        print(f"{side}: {'#' * int(round(60 * count / rolls))} {count}")
    print(f"numpy {numpy.__version__} on {platform.machine()}")


if __name__ == "__main__":
    main()
