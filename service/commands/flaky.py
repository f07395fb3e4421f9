"""A processor with bad luck, for the demo: fails twice, then reads the document like any other."""

from service.processing.processor import Job, Metadata, Retry

FAILURES = 2


def process(job: Job) -> Metadata | None:
    """Attempts 1 and 2 fail on purpose; attempt 3 works."""
    from service.processing.pdf import read_pdf

    if job.attempt <= FAILURES:
        raise Retry("bad_luck", f"attempt {job.attempt} fails on purpose; attempt 3 will work")
    return read_pdf(job)
