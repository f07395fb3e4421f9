"""A processor of one's own: reads plain text instead of PDF, and counts its words.

It runs in a worker process with the limits of any other. To use it:

    WAYBILL_PROCESSORS=words=examples.word_counts:process waybill serve
    waybill upload --processor words notes.txt
"""

from service.processing.processor import CannotRead, Job, Metadata


def process(job: Job) -> Metadata:
    """Keeps the text as one page; a file that is no text fails at once, and is not tried again."""
    try:
        text = job.path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CannotRead("not_text", "This is no text in UTF-8.") from error
    job.write_page(1, text)
    job.progress(1, 1)
    return {"words": len(text.split())}
