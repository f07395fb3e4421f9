"""Processors of a user's own, good and bad. Imported in worker processes only."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from service.processing.processor import CannotRead, Job, Metadata, Retry


class Unspeakable(Exception):
    """Cannot be printed, and no other process could make one."""

    def __init__(self, lock: object) -> None:
        super().__init__(lock)

    def __str__(self) -> str:
        raise RuntimeError("no words")


def count_words(job: Job) -> Metadata:
    text = job.path.read_text()
    job.write_page(1, text)
    job.write_page(4, "half a character: \ud800")
    return {"words": len(text.split()), "run": job.run, "attempt": job.attempt}


def leave_nothing(job: Job) -> None:
    job.progress(1, None)


def say_whose_it_is(job: Job) -> None:
    job.write_page(1, f"{job.document_id} {os.getpid()} {job.path.read_text()}")


def speak_often(job: Job) -> None:
    for done in range(1, 100_001):
        job.progress(done, 100_000)


def print_much(job: Job) -> None:
    sys.stdout.write("from the processor's own standard output\n")
    sys.stdout.flush()
    os.write(1, b"")


def show_environment(job: Job) -> Metadata:
    return {"names": sorted(name for name in os.environ if name.startswith("QSTASH"))}


def refuse(job: Job) -> None:
    raise CannotRead("handwriting", "Only a pharmacist can read this.")


def come_back_later(job: Job) -> None:
    job.write_page(1, "unfinished")
    raise Retry("busy", "The other service is busy.", after_seconds=30)


def fail(job: Job) -> None:
    raise ValueError("x" * 1_000_000)


def fail_without_words(job: Job) -> None:
    raise Unspeakable(threading.Lock())


def leave_by_the_door(job: Job) -> None:
    sys.exit(0)


def leave_by_the_window(job: Job) -> None:
    os._exit(7)


def be_killed(job: Job) -> None:
    job.write_page(1, "unfinished")
    os.kill(os.getpid(), signal.SIGKILL)


def crash(job: Job) -> None:
    ctypes.string_at(0)


def hang(job: Job) -> None:
    job.write_page(1, "unfinished")
    job.progress(1, 2)
    while True:
        pass


def hang_with_a_child(job: Job) -> None:
    child = subprocess.Popen(["sleep", "600"])
    job.path.with_name("child.pid").write_text(str(child.pid))
    hang(job)


def take_all_memory(job: Job) -> None:
    hoard = []
    while True:
        hoard.append(bytearray(8_000_000))


def write_for_ever(job: Job) -> None:
    number = 0
    while True:
        number += 1
        job.write_page(number, "lines and lines " * 1000)


def write_for_ever_and_deny_it(job: Job) -> None:
    for number in range(1, 1000):
        try:
            job.write_page(number, "lines and lines " * 1000)
        except CannotRead:
            return


def write_another_large_file(job: Job) -> None:
    with Path(f"{job.path}.own").open("wb") as file:
        while True:
            file.write(bytes(1_000_000))


def return_a_function(job: Job) -> Metadata:
    return {"answer": return_a_function}


def keep_much_memory(job: Job) -> Metadata:
    _kept.append(b"x" * 60_000_000)
    return {"pid": os.getpid()}


def speak_out_of_turn(job: Job) -> None:
    """Finds the socket to the pool and says something on it, as a taken-over worker might."""
    for number in range(3, 64):
        try:
            os.write(number, b'{"type":"succeeded","pages":-1}\n')
        except OSError:
            continue


_kept: list[bytes] = []
