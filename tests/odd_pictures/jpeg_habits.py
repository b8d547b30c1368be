"""JPEG: what cameras and programs write into headers, and between."""

import os

from subject import add, saved, subject
from segments import changed, exif, joined, put, segment, segments, with_segment, without


def of_one_component():
    """Grey with samples counted as for colours, and without the codes that everybody knows."""
    for width, height in ((240, 180), (1700, 1201)):
        grey, name = subject(width, height).convert("L"), f"{width}.jpg"
        plain, progressive = (saved(grey, "JPEG", progressive=how) for how in (False, True))
        for sampling in (0x21, 0x22, 0x44):
            add(f"grey-sampled-{sampling:x}-{name}", changed(plain, 0xC0, put(7, sampling)))
        odd = changed(progressive, 0xC2, put(7, 0x22))
        add(f"grey-sampled-22-progressive-{name}", odd)
        add(f"grey-sampled-22-more-{name}", odd[:-2] + bytes(range(1, 10)) + odd[-2:])
        add(f"grey-sampled-22-no-end-{name}", odd[:-2])
        add(f"codes-unsaid-grey-{name}", without(plain, 0xC4))
        add(f"codes-unsaid-{name}", without(saved(subject(width, height), "JPEG"), 0xC4))


def habits(plain, ink, picture):
    """What cameras and programs write into headers, and between."""
    of_one_component()
    progressive = saved(picture, "JPEG", progressive=True)
    grey = saved(picture.convert("L"), "JPEG")
    found, rest = segments(plain)
    for name, content in (("zeros", (0, 0, 0)), ("ones", (1, 1, 0x11)), ("end", (0, 0, 0xFF)), ("full", (63, 63, 0))):
        add(f"scan-says-{name}.jpg", joined(found, rest[:11] + bytes(content) + rest[14:]))
    head, body = segments(grey)
    add("scan-says-zeros-grey.jpg", joined(head, body[:7] + bytes(3) + body[10:]))
    head, body = segments(ink)
    add("scan-says-zeros-ink.jpg", joined(head, body[:13] + bytes(3) + body[16:]))
    large = segments(saved(subject(1700, 1201), "JPEG"))
    add("scan-says-zeros-large.jpg", joined(large[0], large[1][:11] + bytes(3) + large[1][14:]))
    restarts = saved(picture, "JPEG", restart_marker_rows=1)
    head, body = segments(restarts)
    add("scan-says-zeros-restarts.jpg", joined(head, body[:11] + bytes(3) + body[14:]))
    for name, more in (("byte", b"\0"), ("zeros", bytes(40)), ("bytes", b"\x12\x34\x56\x78\x9a")):
        add(f"more-before-end-{name}.jpg", plain[:-2] + more + plain[-2:])
        add(f"more-before-end-{name}-progressive.jpg", progressive[:-2] + more + progressive[-2:])
        add(f"more-between-headers-{name}.jpg", joined(found, rest, more))
    at = progressive.index(b"\xff\xda", progressive.index(b"\xff\xda") + 2)
    at = progressive.rindex(b"\xff\xc4", 0, at)
    add("more-between-scans.jpg", progressive[:at] + b"\0\0\0" + progressive[at:])
    at = restarts.index(b"\xff\xd3")
    add("more-before-restart.jpg", restarts[:at] + bytes(9) + restarts[at:])
    both = saved(picture, "JPEG", restart_marker_rows=1, progressive=True)
    at = both.index(b"\xff\xd1")
    add("more-before-restart-progressive.jpg", both[:at] + bytes(12) + both[at:])
    add("more-before-end-ink.jpg", ink[:-2] + bytes(20) + ink[-2:])
    add("restart-before-end.jpg", plain[:-2] + b"\xff\xd0" + plain[-2:])
    add("filled.jpg", joined(found, rest, b"\xff\xff\xff"))
    add("filled-before-end.jpg", plain[:-2] + b"\xff\xff\xff" + plain[-2:])
    add("jfif-2.jpg", changed(plain, 0xE0, put(5, 2, 0)))
    add("jfif-0.jpg", changed(plain, 0xE0, put(5, 0, 9)))
    add("jfif-units-9.jpg", changed(plain, 0xE0, put(7, 9, 0, 0, 0, 0)))
    add("jfif-thumbnail-lies.jpg", changed(plain, 0xE0, put(12, 9, 9)))
    add("jfif-none.jpg", without(plain, 0xE0))
    add("jfif-twice.jpg", with_segment(plain, 0xE0, found[0][1]))
    add("jfxx.jpg", with_segment(plain, 0xE0, b"JFXX\0\x10" + plain[:200]))
    add("avi1.jpg", with_segment(without(plain, 0xE0), 0xE0, b"AVI1\0" + bytes(9)))
    for transform in (0, 1, 2, 3, 9):
        adobe = b"Adobe\0\x64\0\0\0\0" + bytes((transform,))
        add(f"adobe-{transform}.jpg", with_segment(without(plain, 0xE0), 0xEE, adobe))
        add(f"adobe-{transform}-ink.jpg", changed(ink, 0xEE, put(11, transform)))
        add(f"adobe-{transform}-grey.jpg", with_segment(grey, 0xEE, adobe))
    add("adobe-beside-jfif.jpg", with_segment(plain, 0xEE, b"Adobe\0\x64\0\0\0\0\1"))
    add("adobe-short.jpg", with_segment(plain, 0xEE, b"Adobe"))
    add("adobe-none-ink.jpg", without(ink, 0xEE))
    add("adobe-none-ink-progressive.jpg",
        without(saved(picture.convert("CMYK"), "JPEG", progressive=True), 0xEE))
    for name, ids in (("zero", (0, 1, 2)), ("letters", (82, 71, 66)), ("far", (1, 34, 35)), ("big", (200, 250, 255))):
        frame, scan = bytearray(dict(found)[0xC0]), bytearray(rest)
        for at, one in enumerate(ids):
            frame[6 + 3 * at], scan[5 + 2 * at] = one, one
        add(f"ids-{name}.jpg", joined([[c, bytes(frame) if c == 0xC0 else x] for c, x in found], bytes(scan)))
    add("extended.jpg", joined([[0xC1 if c == 0xC0 else c, x] for c, x in found], rest))
    tables = b"".join(x for c, x in found if c == 0xC4)
    others = [one for one in found if one[0] != 0xC4]
    add("codes-in-one.jpg", joined(others + [[0xC4, tables]], rest))
    add("codes-first.jpg", joined([[0xC4, tables]] + others, rest))
    add("codes-twice.jpg", joined(found + [[0xC4, tables]], rest))
    def in_two_bytes(steps):
        return bytes((0x10 | steps[0],)) + b"".join(bytes((0, step)) for step in steps[1:65])
    add("steps-of-two-bytes.jpg", changed(plain, 0xDB, in_two_bytes))
    large = saved(subject(1700, 1201), "JPEG")
    add("more-before-end-large.jpg", large[:-2] + bytes(9) + large[-2:])
    add("restarts-none-said.jpg", with_segment(plain, 0xDD, b"\0\0"))
    for code, content in ((0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), (0xE1, b"Exif\0\0"), (0xE1, b""),
                          (0xE2, b"MPF\0II*\0\x08\0\0\0\0\0"), (0xE2, b""), (0xE3, os.urandom(60_000)),
                          (0xED, b"Photoshop 3.0\0" + bytes(40)), (0xEF, b"x" * 65533), (0xFE, b"a word"),
                          (0xFE, b""), (0xFE, b"\xff\xd9\xff\xda" * 400), (0xE4, plain[:900])):
        add(f"segment-{code:x}-{len(content)}.jpg", with_segment(plain, code, content))
    add("segments-many.jpg", b"\xff\xd8" + b"".join(segment(0xE0 + n % 16, bytes(n)) for n in range(300)
                                                   if n % 16 != 14) + plain[2:])
    small = saved(subject(16, 12), "JPEG")
    add("turned-with-picture-inside.jpg", with_segment(plain, 0xE1, exif(6) + small))
    add("turned-behind-xmp.jpg", with_segment(with_segment(plain, 0xE1, exif(6)), 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"))
    add("turned-60000.jpg", with_segment(plain, 0xE1, exif(8, "<", 60_000)))
