"""Which fields of an event may name or describe a person; the log stores them sealed.

All other fields hold ids, hashes, counts, times and words of our own. What a processor says of a
document may quote it, and what a person gives as a reason may name somebody.
"""

from collections.abc import Mapping, Sequence

from events.document.facts import (
    CancelRequested,
    DeadLettered,
    DocumentErased,
    DocumentRegistered,
    Fact,
    ProcessingFailed,
    Requeued,
)

ERASED = "erased"
"""How a personal field reads once its key is destroyed."""

PERSONAL: Mapping[type[Fact], Sequence[str]] = {
    DocumentRegistered: ("name", "owner", "blob_ref"),
    ProcessingFailed: ("error_message",),
    DeadLettered: ("last_error",),
    CancelRequested: ("by", "reason"),
    Requeued: ("by", "reason"),
    DocumentErased: ("by", "reason"),
}
"""Each field is a text. An uploaded document's ``blob_ref`` is a name of ours, but a reference's is
a path that somebody chose."""


def personal(fact: Fact) -> Mapping[str, str]:
    """The fact's personal fields that say anything, and what they say."""
    found = {name: getattr(fact, name) for name in PERSONAL.get(type(fact), ())}
    if isinstance(fact, DocumentRegistered) and fact.source == "upload":
        del found["blob_ref"]
    return {name: text for name, text in found.items() if text}
