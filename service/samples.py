"""Real PDFs, and broken ones, for the demo, the tests and the benchmarks; the same bytes each time.

Drawing needs the extra: `pip install -e '.[demo]'`, imported when the first one is drawn.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

Draw = Callable[[Any, int], None]
"""Draws the page with this number, counted from 1, on a reportlab canvas."""

_MARGIN = 56
_TOP = 780
_LEADING = 14
_LINES_PER_PAGE = 48
_FONT = "Vera"

# fmt: off
_WORDS = (
    "parcel", "waybill", "carrier", "depot", "harbour", "manifest",
    "customs", "pallet", "weight", "receipt", "signature", "route",
    "driver", "delay", "arrival", "departure", "invoice", "container",
    "seal", "inspection", "warehouse", "courier", "tariff", "schedule",
    "consignee", "shipper", "declaration", "insurance", "freight", "ledger",
)
# fmt: on


class SamplesUnavailable(RuntimeError):
    """The library that draws sample PDFs is not installed."""


def one_page(title: str = "A one-page letter") -> bytes:
    """The smallest document that is worth reading: about 1.5 kB."""
    return _document(1, title, partial(_draw_lines, pages=1, lines=6, font="Helvetica"))


def text_document(pages: int = 12, title: str = "A text of some pages") -> bytes:
    return _document(pages, title, partial(_draw_lines, pages=pages, lines=40, font="Helvetica"))


def large_document(
    megabytes: float = 10, pages: int = 300, title: str = "A large illustrated report"
) -> bytes:
    """Text in an embedded font on each page, and pictures until the file has the size asked for."""
    _use_embedded_font()
    text = partial(_draw_lines, pages=pages, lines=_LINES_PER_PAGE, font=_FONT)
    # Text and fonts weigh about 2 kB a page; a picture is printable, so it weighs 5/4 of its bytes.
    for_pictures = max(megabytes * 1_000_000 - pages * 2_090 - 35_000, 0)
    with_picture = max(pages // 2, 1)
    picture_bytes = int(for_pictures / with_picture * 4 / 5)

    def draw(canvas: Any, number: int) -> None:
        text(canvas, number)
        if number % 2 == 0 or pages == 1:
            _draw_picture(canvas, number, picture_bytes)

    return _document(pages, title, draw)


def password_protected(password: str = "open sesame") -> bytes:  # noqa: S107 -- a sample, not a key
    """Cannot be opened without the password. With an empty one, anybody's reader opens it."""
    from reportlab.lib.pdfencrypt import StandardEncryption

    lock = StandardEncryption(password, ownerPassword="the owner's own", strength=128)
    draw = partial(_draw_lines, pages=1, lines=6, font="Helvetica")
    return _document(1, "A protected letter", draw, encrypt=lock)


def damaged() -> bytes:
    """A document whose second half was lost on the way, and with it the list of its pages."""
    whole = text_document(6, "A damaged text")
    return whole[: len(whole) // 2]


def empty_file() -> bytes:
    return b""


def _document(pages: int, title: str, draw: Draw, encrypt: Any = None) -> bytes:
    canvas_class = _canvas_class()
    buffer = BytesIO()
    # `invariant`: no date and no random id in the file, so the same call makes the same bytes.
    canvas = canvas_class(buffer, invariant=1, pageCompression=1, encrypt=encrypt)
    canvas.setTitle(title)
    canvas.setAuthor("Waybill samples")
    for number in range(1, pages + 1):
        draw(canvas, number)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _draw_lines(canvas: Any, number: int, *, pages: int, lines: int, font: str) -> None:
    text = canvas.beginText(_MARGIN, _TOP)
    text.setFont(font, 9, _LEADING)
    text.textLine(f"Page {number} of {pages}")
    for line in range(lines):
        text.textLine(_sentence(number, line))
    canvas.drawText(text)


def _sentence(page: int, line: int) -> str:
    dice = hashlib.sha256(f"{page}/{line}".encode()).digest()
    return " ".join(_WORDS[die % len(_WORDS)] for die in dice[:11])


def _draw_picture(canvas: Any, number: int, size: int) -> None:
    """A JPEG of noise, which no later compression makes smaller."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    # Noise at this quality takes about 0.48 bytes a pixel.
    side = max(int((size / 0.48) ** 0.5), 8)
    noise = hashlib.shake_128(f"picture {number}".encode()).digest(side * side)
    jpeg = BytesIO()
    Image.frombytes("L", (side, side), noise).save(jpeg, "JPEG", quality=60)
    jpeg.seek(0)
    canvas.drawImage(ImageReader(jpeg), _MARGIN, 40, width=120, height=60)


def _canvas_class() -> Any:
    try:
        from reportlab.pdfgen.canvas import Canvas
    except ImportError as cause:
        message = "sample PDFs are drawn with reportlab; run, in a clone: pip install -e '.[demo]'"
        raise SamplesUnavailable(message) from cause
    return Canvas


def _use_embedded_font() -> None:
    _canvas_class()
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    if _FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(_FONT, "Vera.ttf"))
