"""Personal fields in the log: sealed on their way in, opened on their way out.

The stored text is ``sealed.v1.<key number, hexadecimal>.<nonce and ciphertext, base64url>``. It is
bound to its document, event type and field, so that it opens nowhere else (AES-256-GCM). Without
its key it reads as ``erased``; a text that was stored in plain reads as it is.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.codec import NAMES
from events.document.facts import DocumentErased, DocumentEvent
from events.document.personal import ERASED, PERSONAL, personal
from events.errors import InvalidEvent
from events.keys import Chance, Key, Keys, NoKeys
from events.store import NewEvent, Recorded, Unreadable

NONCE_BYTES = 12
TAG_BYTES = 16

_PREFIX = "sealed.v1."
_LONGEST_NUMBER = 16
"""Hexadecimal digits of a key's number at most."""
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_PLACES: Mapping[object, Mapping[str, bytes]] = {
    kind: {name: f"\0{event_type}\0{name}".encode() for name in PERSONAL[kind]}
    for kind, (event_type, _) in NAMES.items()
    if kind in PERSONAL
}
"""For each personal field of each event type what it is bound to, behind its document."""


class _Sealed(NamedTuple):
    """One sealed field of one event."""

    name: str
    place: bytes
    key: int
    content: bytes


class Sealing:
    """Keeps the promise of ``Privacy`` with keys that can be destroyed."""

    def __init__(self, keys: Keys | NoKeys, *, chance: Chance) -> None:
        self._keys = keys
        self._chance = chance
        self._forget: list[Callable[[], None]] = [keys.forget]

    def when_erased(self, forget: Callable[[], None]) -> None:
        """Have this called when it is heard that a document was erased, here or elsewhere."""
        self._forget.append(forget)

    async def seal(self, events: Sequence[NewEvent]) -> Sequence[NewEvent]:
        """The events as they are stored: one fresh key for all that is personal in them."""
        found = [personal(event.fact) for event in events]
        if not any(found):
            return events
        key = await self._keys.fresh()
        return [
            self._sealed(event, fields, key) if fields else event
            for event, fields in zip(events, found, strict=True)
        ]

    async def open(self, recorded: Sequence[Recorded]) -> list[Recorded]:
        """The events as they are read; raises ``LogUnavailable`` if the keys cannot be read."""
        opened = list(recorded)
        sealed: dict[int, list[_Sealed]] = {}
        for index, event in enumerate(recorded):
            kind = type(event.fact)
            if kind in _PLACES and (fields := _sealed_fields(event.fact)):
                sealed[index] = fields
            if kind is DocumentErased:
                self.forget()
        if sealed:
            keys = await self._keys.find(_keys_of(sealed.values()))
            for index, fields in sealed.items():
                opened[index] = _opened(opened[index], fields, keys)
        return opened

    async def destroy(self, stored: Iterable[DocumentEvent]) -> int:
        """Destroy the keys of these events as they are stored; how many were still there.

        Only a key that opens what it is said to have sealed is destroyed: a text that was stored in
        plain may look sealed. The record of an erasure keeps its key.
        """
        sealed = [_sealed_fields(fact) for fact in stored if not isinstance(fact, DocumentErased)]
        keys = await self._keys.find(_keys_of(sealed))
        proven = {
            one.key
            for fields in sealed
            for one in fields
            if one.key in keys and _text(one, keys[one.key]) is not None
        }
        await self._keys.destroy(proven)
        self.forget()
        return len(proven)

    def forget(self) -> None:
        """Let go of all that is in memory and may have been sealed under a destroyed key."""
        for forget in self._forget:
            forget()

    def _sealed(self, event: NewEvent, fields: Mapping[str, str], key: Key) -> NewEvent:
        fact = event.fact
        document = fact.document_id.encode()
        places = _PLACES[type(fact)]
        changed = {
            name: self._seal(text, document + places[name], key) for name, text in fields.items()
        }
        return msgspec.structs.replace(event, fact=msgspec.structs.replace(fact, **changed))

    def _seal(self, text: str, place: bytes, key: Key) -> str:
        try:
            plain = text.encode()
        except UnicodeEncodeError as error:
            raise InvalidEvent(f"a personal field cannot be stored as text: {error}") from None
        nonce = self._chance(NONCE_BYTES)
        content = b2a_base64(nonce + key.cipher.encrypt(nonce, plain, place), newline=False)
        return f"{_PREFIX}{key.number:x}.{content.translate(_TO_URL).rstrip(b'=').decode()}"


def _sealed_fields(fact: DocumentEvent | Unreadable) -> list[_Sealed]:
    found: list[_Sealed] = []
    if isinstance(fact, Unreadable):
        return found
    for name, place in _PLACES.get(type(fact), {}).items():
        text: str = getattr(fact, name)
        if not text.startswith(_PREFIX):
            continue
        number, _, content = text[len(_PREFIX) :].partition(".")
        if len(number) > _LONGEST_NUMBER or not number.isalnum():
            continue
        try:
            ciphertext = a2b_base64(content.encode().translate(_FROM_URL) + b"==")
            key = int(number, 16)
        except ValueError:
            continue  # it only looks sealed
        if len(ciphertext) >= NONCE_BYTES + TAG_BYTES:
            found.append(_Sealed(name, fact.document_id.encode() + place, key, ciphertext))
    return found


def _keys_of(sealed: Iterable[Sequence[_Sealed]]) -> set[int]:
    return {one.key for fields in sealed for one in fields}


def _opened(event: Recorded, fields: Sequence[_Sealed], keys: Mapping[int, AESGCM]) -> Recorded:
    fact = event.fact
    if isinstance(fact, Unreadable):
        return event
    texts: dict[str, str] = {}
    for one in fields:
        key = keys.get(one.key)
        text = ERASED if key is None else _text(one, key)
        if text is None:
            why = f"its sealed field {one.name!r} is damaged, or was sealed for another place"
            damaged = Unreadable(fact.document_id, event.type, event.schema_version, why=why)
            return msgspec.structs.replace(event, fact=damaged)
        texts[one.name] = text
    return msgspec.structs.replace(event, fact=msgspec.structs.replace(fact, **texts))


def _text(sealed: _Sealed, key: AESGCM) -> str | None:
    content = sealed.content
    try:
        return key.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], sealed.place).decode()
    except (InvalidTag, ValueError):
        return None
