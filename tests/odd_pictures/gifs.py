"""GIF: screens and frames, palettes, extensions, and its end."""

import struct

from PIL import Image

from profiles import wide
from subject import add, saved, subject, veiled


def with_screen(gif, width, height):
    return gif[:6] + struct.pack("<HH", width, height) + gif[10:]


def moved(gif, left, top):
    """The first frame elsewhere on its screen."""
    at = gif.index(b"\x2c\0\0\0\0")
    return gif[:at + 1] + struct.pack("<HH", left, top) + gif[at + 5:]


def behind_head(gif, more):
    at = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    return gif[:at] + more + gif[at:]


def extension(kind, *blocks):
    return b"\x21" + bytes((kind,)) + b"".join(bytes((len(b),)) + b for b in blocks) + b"\0"


def gifs():
    picture = subject()
    plain = saved(picture, "GIF", interlace=0)
    add("plain.gif", plain)
    add("interlaced.gif", saved(picture, "GIF", interlace=1))
    add("interlaced-odd.gif", saved(subject(33, 35), "GIF", interlace=1))
    add("grey.gif", saved(picture.convert("L"), "GIF"))
    add("black-and-white.gif", saved(picture.convert("1"), "GIF"))
    for colours in (2, 3, 4, 16, 17, 128, 256):
        add(f"colours-{colours}.gif", saved(picture.quantize(colours), "GIF"))
    for size in ((1, 1), (1, 40), (40, 1), (7, 9), (1200, 900)):
        add(f"size-{size[0]}x{size[1]}.gif", saved(subject(*size), "GIF"))
    see_through = picture.quantize(64)
    add("transparent.gif", saved(see_through, "GIF", transparency=5))
    add("veiled.gif", saved(veiled(picture), "GIF"))
    second = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for disposal in range(4):
        add(f"animated-{disposal}.gif", saved(picture, "GIF", save_all=True, append_images=[second, picture],
                                             duration=90, loop=0, disposal=disposal))
    for name, size in (("zero", (0, 0)), ("no-width", (0, 180)), ("no-height", (240, 0)), ("small", (10, 10)),
                       ("narrow", (10, 500)), ("one", (1, 1))):
        add(f"screen-{name}.gif", with_screen(plain, *size))
    add("screen-zero-moved.gif", with_screen(moved(plain, 20, 30), 0, 0))
    add("screen-large.gif", with_screen(plain, 300, 250))
    add("screen-large-moved.gif", with_screen(moved(plain, 30, 40), 300, 250))
    add("screen-moved-over-its-edge.gif", moved(plain, 60, 50))
    for name, behind in (("text", b"whatever"), ("zeros", bytes(2000)), ("second", plain)):
        add(f"behind-{name}.gif", plain + behind)
    add("no-end.gif", plain[:-1])
    add("no-end-of-blocks.gif", plain[:-2])
    add("version-87.gif", b"GIF87a" + plain[6:])
    add("version-odd.gif", b"GIF89a" + plain[6:11] + b"\xff" + plain[12:])
    add("comment.gif", behind_head(plain, extension(0xFE, b"a word", b"another")))
    add("application.gif", behind_head(plain, extension(0xFF, b"NETSCAPE2.0", b"\1\0\0")))
    add("xmp.gif", behind_head(plain, b"\x21\xff\x0bXMP DataXMP<x:xmpmeta/>\x01" + bytes(range(255, -1, -1)) + b"\0"))
    add("profile.gif", behind_head(plain, extension(0xFF, b"ICCRGBG1012", *(wide()[at:at + 255] for at in range(0, len(wide()), 255)))))
    add("unknown-extension.gif", behind_head(plain, extension(0x77, b"abc")))
    palette = plain[13:13 + (3 << (plain[10] & 7) + 1)]
    rest = plain[13 + len(palette):]
    at = rest.index(b"\x2c\0\0\0\0")
    local = rest[:at + 9] + bytes((0x80 | plain[10] & 7,)) + palette + rest[at + 10:]
    add("palette-of-the-frame.gif", plain[:10] + b"\0\0\0" + local)
    empty = b"\x2c" + bytes(8) + b"\0\2\1\x44\0"
    add("empty-frame-first.gif", behind_head(plain, empty))
    add("tail-of-pixels.gif", plain[:-2] + b"\x03abc" + plain[-2:])
