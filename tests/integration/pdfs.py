"""PDFs that no honest program writes, made by hand, object by object."""

import random
import zlib
from collections.abc import Mapping

FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
HELLO = b"BT /F1 12 Tf 72 720 Td (Hello) Tj ET"


def of_objects(objects: Mapping[int, bytes], root: int = 1, version: bytes = b"1.7") -> bytes:
    """A file with these objects, a table of where they are, and a trailer."""
    body = bytearray(b"%PDF-" + version + b"\n")
    offsets = {}
    for number, content in objects.items():
        offsets[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(body)
    size = max(objects) + 1
    body += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        body += b"%010d 00000 n \n" % offsets.get(number, 0)
    body += b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, root, table)
    return bytes(body)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def with_content(content: bytes, resources: bytes = b"") -> bytes:
    """One page that draws this content stream object."""
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> %s >> >>" % resources
    )
    return of_objects(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: page,
            4: content,
            5: FONT,
        }
    )


def hello() -> bytes:
    return with_content(stream(HELLO))


def without_pages() -> bytes:
    return of_objects(
        {1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [] /Count 0 >>"}
    )


def without_catalog() -> bytes:
    return of_objects({1: b"<< /Nothing /Here >>"})


def with_a_page_tree_that_contains_itself() -> bytes:
    return of_objects(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>",
        }
    )


def with_a_form_that_draws_itself() -> bytes:
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>"
    pages = with_content(stream(HELLO + b" /X Do"), b"/XObject << /X 6 0 R >>")
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: pages.split(b"3 0 obj\n")[1].split(b"\nendobj")[0],
        4: stream(HELLO + b" /X Do"),
        5: FONT,
        6: stream(b"/X Do /X Do", form),
    }
    return of_objects(objects)


def that_unpacks_to(megabytes: int) -> bytes:
    """A few kilobytes of Flate data that become many megabytes of spaces."""
    packer = zlib.compressobj(9)
    chunk = b" " * 1_000_000
    packed = b"".join(packer.compress(chunk) for _ in range(megabytes)) + packer.flush()
    return with_content(stream(packed, b"/Filter /FlateDecode"))


def with_text(text_operators: bytes) -> bytes:
    return with_content(stream(b"BT /F1 12 Tf 72 720 Td " + text_operators + b" ET"))


def with_title(title: bytes) -> bytes:
    whole = of_objects(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
            4: b"<< /Title (%s) /Author 5 0 R /Producer [1 2] >>" % title,
        }
    )
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R /Info 4 0 R")


def with_an_older_table_at(offset: int) -> bytes:
    """Sends its reader on to another table, somewhere it may not be able to go."""
    return hello().replace(b"/Root 1 0 R", b"/Prev %d /Root 1 0 R" % offset)


def with_startxref(offset: int) -> bytes:
    start, _, _ = hello().rpartition(b"startxref")
    return start + b"startxref\n%d\n%%%%EOF\n" % offset


def mutated(document: bytes, seed: int) -> bytes:
    """Some bytes changed, cut out or doubled, differently for each seed."""
    dice = random.Random(seed)
    changed = bytearray(document)
    for _ in range(dice.choice([1, 3, 30])):
        at = dice.randrange(len(changed))
        match dice.randrange(4):
            case 0:
                changed[at] = dice.randrange(256)
            case 1:
                del changed[at : at + dice.randrange(1, 40)]
            case 2:
                changed[at:at] = changed[at : at + dice.randrange(1, 40)]
            case _:
                changed[at : at + 1] = str(dice.randrange(-9, 99_999)).encode()
    return bytes(changed)
