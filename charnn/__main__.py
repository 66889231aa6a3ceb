"""The command `charnn`, and `python -m charnn`."""

import gc
import os
import signal
import sys

GC_THRESHOLD = 100_000  # objects between two looks for garbage: imports make half of them, and none of it


def main() -> None:
    """Run the command line. BLAS gets one thread: charnn's own workers share the batch, which is faster."""
    if sys.platform == "win32":  # which has neither fork nor locks of folders
        sys.exit("charnn: Windows is not supported: run charnn in the Windows Subsystem for Linux, `wsl --install`")
    gc.set_threshold(GC_THRESHOLD)
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        from .cli import program

        program(prog_name="charnn")
    except KeyboardInterrupt:  # before commands are there, which end by it themselves
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        gc.freeze()  # the system takes back all memory: Python's last looks for garbage take as long as NumPy's import


if __name__ == "__main__":
    main()
