"""Measure the web book: seconds to build it anew, pages, size.

python benchmarks/book.py
"""

import os
import resource
import shutil
import subprocess
import sys
import time

from results import enter

from emoface_lib.core.settings import REPOSITORY

BUILD = REPOSITORY / "build"
HOW = "benchmarks/book.py: make book without what an earlier one left; 2 cores"
BUSY = ", on which {:.0f} other processes waited"


def main() -> None:
    for folder in (*BUILD.glob("book*"), BUILD / "jupyter_execute"):
        shutil.rmtree(folder, ignore_errors=True)
    load = os.getloadavg()[0]
    how = HOW + (BUSY.format(load) if load > 1 else "")
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "course.make_book"], cwd=REPOSITORY, check=True
    )
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime
    files = [path for path in (BUILD / "book").rglob("*") if path.is_file()]
    pages = sum(path.suffix == ".html" for path in files)
    size = sum(path.stat().st_size for path in files) / 1e6
    enter("book", "built anew", seconds, "s", "<= 60", seconds <= 60, how)
    enter("book", "built anew, CPU", cpu, "s", "", "", how)
    enter("book", "pages", pages, "", "", "", how)
    enter("book", "size", size, "MB", "", "", how)


if __name__ == "__main__":
    main()
