"""What is no whole picture, or none that is known here."""

import struct
import zlib

from jpegs import apart
from pngs import END, SIGNATURE, chunk, raw_png
from subject import add, saved, subject
from segments import changed, joined, put, segments, with_segment


def refused():
    picture = subject()
    refused_jpegs(picture, saved(picture, "JPEG", quality=90))
    refused_pngs(saved(picture, "PNG"))
    gif = saved(picture, "GIF", interlace=0)
    add("not-cut.gif", gif[:len(gif) // 2])
    add("not-without-frame.gif", gif[:13 + 768] + b"\x3b")
    palette_of_frame = bytes((gif[10] & 0x78,)) + gif[11:13] + gif[13 + 768:]
    add("not-without-palette.gif", gif[:10] + palette_of_frame)
    webp, lossless = (saved(picture, "WEBP", lossless=lossless) for lossless in (False, True))
    add("not-cut.webp", webp[:len(webp) // 2])
    add("not-cut-lossless.webp", lossless[:len(lossless) // 2])
    add("not-of-this-size.webp", webp[:4] + struct.pack("<I", len(webp) // 2) + webp[8:])
    for kind in ("BMP", "TIFF", "ICO", "AVIF", "JPEG2000", "PPM", "TGA", "PDF", "PCX", "DDS"):
        add(f"not-{kind.lower()}", saved(picture, kind))
    add("not-svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    add("not-heic", b"\0\0\0\x18ftypheic" + bytes(400))
    add("not-empty", b"")


def refused_jpegs(picture, plain):
    progressive = saved(picture, "JPEG", progressive=True)
    restarts = saved(picture, "JPEG", restart_marker_rows=1)
    ink = saved(picture.convert("CMYK"), "JPEG")
    for name, whole in (("", plain), ("-progressive", progressive), ("-restarts", restarts), ("-ink", ink),
                        ("-large", saved(subject(1700, 1201), "JPEG"))):
        add(f"not-cut{name}.jpg", whole[:len(whole) * 2 // 3])
        add(f"not-cut-by-little{name}.jpg", whole[:-12])
        add(f"not-cut-but-ended{name}.jpg", whole[:len(whole) * 2 // 3] + b"\xff\xd9")
        add(f"not-cut-but-followed{name}.jpg", whole[:len(whole) * 2 // 3] + b"film" * 500)
    add("not-cut-between-scans.jpg", progressive[:progressive.rindex(b"\xff\xc4")])
    add("not-cut-in-headers.jpg", plain[:300])
    found, _ = segments(plain)
    add("not-without-pixels.jpg", joined(found, b"\xff\xd9"))
    add("not-all-components.jpg", apart(picture, 2))
    add("not-two-components.jpg", apart(picture, 2, 2))
    first, second = restarts.index(b"\xff\xd2"), restarts.index(b"\xff\xd3")
    add("not-all-restarts.jpg", restarts[:first] + restarts[second:])
    add("not-in-turn.jpg", restarts[:first] + b"\xff\xd5" + restarts[first + 2:])
    add("not-unsaid-restarts.jpg", changed(restarts, 0xDD, put(0, 0, 0)))
    add("not-8-bits.jpg", changed(plain, 0xC0, put(0, 12)))
    for name, code in (("lossless", 0xC3), ("differential", 0xC5), ("arithmetic", 0xC9)):
        add(f"not-{name}.jpg", joined([[code if c == 0xC0 else c, x] for c, x in found], segments(plain)[1]))
    add("not-begun-once.jpg", b"\xff\xd8" + plain)
    add("not-of-a-size.jpg", changed(plain, 0xC0, put(1, 0, 0)))
    at = len(progressive) // 2
    add("not-as-written-progressive.jpg", progressive[:at] + b"\xaa" * 900 + progressive[at + 900:])


def refused_pngs(plain):
    add("not-cut.png", plain[:len(plain) // 2])
    add("not-cut-by-little.png", plain[:-14])
    add("not-without-data.png", plain[:33] + END)
    at = plain.index(b"IDAT") + 40
    add("not-of-this-sum.png", plain[:at] + bytes((plain[at] ^ 1,)) + plain[at + 1:])
    add("not-head-of-this-sum.png", plain[:29] + b"abcd" + plain[33:])
    add("not-without-palette.png", raw_png(3, 8).replace(chunk(b"PLTE", raw_png(3, 8)[41:41 + 768]), b""))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0))
    half = chunk(b"IDAT", zlib.compress(bytes(121 * 15)))
    add("not-all-lines.png", SIGNATURE + head + half + END)
    add("not-all-lines-nor-end.png", SIGNATURE + head + half)
    add("not-packed.png", SIGNATURE + head + chunk(b"IDAT", b"nonsense" * 500) + END)
    add("not-of-a-size.png", SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 30, 8, 2, 0, 0, 0)) + half + END)
