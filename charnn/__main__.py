"""The command `charnn`, and `python -m charnn`."""

import os


def main() -> None:
    """Run the command line. BLAS gets one thread: charnn's own workers share the batch, which is faster."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from .cli import program

    program(prog_name="charnn")


if __name__ == "__main__":
    main()
