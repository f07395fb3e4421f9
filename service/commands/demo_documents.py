"""What the demo uploads, and how each document must end. Pure but for the drawing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from service import samples
from service.commands.document import Document
from service.commands.flaky import FAILURES
from service.commands.wording import plain

FLAKY = "flaky"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One document of the demo; `draw` makes its bytes."""

    name: str
    draw: Callable[[], bytes]
    processor: str = ""
    ends: str = "succeeded"
    attempt: int = 1
    pages: int = 0


LETTERS = 5

SAMPLES: Sequence[Sample] = (
    Sample(name="contract.pdf", draw=partial(samples.text_document, 12), pages=12),
    Sample(
        name="unlucky.pdf",
        draw=partial(samples.one_page, "Fails twice, then works"),
        processor=FLAKY,
        attempt=FAILURES + 1,
        pages=1,
    ),
    Sample(name="damaged.pdf", draw=samples.damaged, ends="failed"),
    *(
        Sample(
            name=f"letter-{number}.pdf",
            draw=partial(samples.one_page, f"Letter {number} of {LETTERS}"),
            pages=1,
        )
        for number in range(1, LETTERS + 1)
    ),
    # Drawing it takes seconds, so it comes last: the others are on their way by then.
    Sample(name="report.pdf", draw=samples.large_document, pages=300),
)


def differences(
    samples_by_id: Mapping[str, Sample], documents: Mapping[str, Document]
) -> list[str]:
    """What is not as it must be, one sentence each; empty when the demo went well."""
    return [
        difference
        for document_id, sample in samples_by_id.items()
        for difference in _differences(sample, documents.get(document_id))
    ]


def _differences(sample: Sample, document: Document | None) -> list[str]:
    if document is None:
        return [f"{sample.name} never appeared in the feed"]
    if document.status != sample.ends:
        why = f" ({plain(document.error)})" if document.error else ""
        return [f"{sample.name} should have {sample.ends}, and it is {document.status}{why}"]
    found = []
    if document.attempt != sample.attempt:
        found.append(f"{sample.name} needed {document.attempt} attempts, not {sample.attempt}")
    if sample.pages and document.pages_total != sample.pages:
        found.append(f"{sample.name} has {document.pages_total} pages, not {sample.pages}")
    if sample.ends == "failed" and not document.error:
        found.append(f"{sample.name} failed without a reason")
    return found
