"""The least that ``benchmarks.job_run`` can run: its queue is a file in a folder (the URL).

`work URL FOLDER` runs what the file says, `produce URL COUNT BATCH` writes it.
"""

import json
import sys
import time
from pathlib import Path

from benchmarks.peers.progress import Progress

LOOK_SECONDS = 0.01


def main() -> None:
    verb, url, *rest = sys.argv[1:]
    queue = Path(url) / "queue"
    if verb == "work":
        progress = Progress(rest[0])
        _tell("ready")
        while not queue.exists():
            time.sleep(LOOK_SECONDS)
        for _ in range(int(queue.read_text())):
            progress.ran()
        time.sleep(60)
    _tell("ready")
    sys.stdin.readline()
    began = time.time()
    made = queue.with_suffix(".new")
    made.write_text(rest[0])
    made.rename(queue)
    _tell(json.dumps({"began": began, "ended": time.time(), "version": "Least 1"}))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
