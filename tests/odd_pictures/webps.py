"""WebP: the plain kinds and the extended one, and its end."""

import struct

from PIL import Image

from profiles import wide
from subject import add, saved, subject, veiled
from segments import exif


def riff(chunks):
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def piece(kind, content):
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def extended(flags, size, chunks):
    head = bytes((flags, 0, 0, 0)) + struct.pack("<I", size[0] - 1)[:3] + struct.pack("<I", size[1] - 1)[:3]
    return riff(piece(b"VP8X", head) + chunks)


def webps():
    picture, through = subject(), veiled(subject())
    for quality in (1, 50, 100):
        add(f"quality-{quality}.webp", saved(picture, "WEBP", quality=quality))
    lossy, lossless = saved(picture, "WEBP", quality=90), saved(picture, "WEBP", lossless=True)
    add("lossless.webp", lossless)
    add("veiled.webp", saved(through, "WEBP", quality=90))
    add("veiled-lossless.webp", saved(through, "WEBP", lossless=True))
    add("veiled-exact.webp", saved(through, "WEBP", lossless=True, exact=True))
    add("palette.webp", saved(picture.quantize(9), "WEBP", lossless=True))
    for size in ((1, 1), (1, 90), (90, 1), (15, 17), (1300, 900)):
        add(f"size-{size[0]}x{size[1]}.webp", saved(subject(*size), "WEBP", quality=90))
        add(f"size-{size[0]}x{size[1]}-lossless.webp", saved(subject(*size), "WEBP", lossless=True))
    for orientation in range(1, 9):
        add(f"turned-{orientation}.webp", saved(picture, "WEBP", quality=90, exif=exif(orientation)[6:]))
    add("turned-with-head.webp", extended(8, picture.size, lossy[12:] + piece(b"EXIF", exif(6))))
    add("profile-small.webp", saved(picture, "WEBP", quality=90, icc_profile=wide()))
    add("profile-large.webp", saved(picture, "WEBP", quality=90, icc_profile=wide(60_000)))
    add("profile-veiled-large.webp", saved(through, "WEBP", quality=90, icc_profile=wide(60_000)))
    add("xmp.webp", saved(picture, "WEBP", quality=90, xmp=b"<x/>"))
    second = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    how = {"save_all": True, "append_images": [second], "duration": 90}
    add("animated.webp", saved(picture, "WEBP", quality=90, **how))
    add("animated-lossless.webp", saved(picture, "WEBP", lossless=True, **how))
    add("animated-veiled.webp", saved(through, "WEBP", quality=90, **how))
    for name, behind in (("text", b"whatever"), ("zeros", bytes(2000)), ("second", lossy),
                         ("chunk", piece(b"ANMF", b"abc"))):
        add(f"behind-{name}.webp", lossy + behind)
        add(f"behind-{name}-extended.webp", saved(picture, "WEBP", quality=90, exif=exif(1)[6:]) + behind)
    add("announces-exif.webp", extended(8, picture.size, lossy[12:]))
    add("announces-xmp.webp", extended(4, picture.size, lossy[12:]))
    add("announces-profile.webp", extended(32, picture.size, lossy[12:]))
    add("announces-alpha.webp", extended(16, picture.size, lossy[12:]))
    add("extended-for-nothing.webp", extended(0, picture.size, lossy[12:]))
    add("extended-lossless.webp", extended(0, picture.size, lossless[12:]))
    add("unknown-chunk.webp", extended(0, picture.size, piece(b"ABCD", b"abc") + lossy[12:]))
    add("unknown-chunk-last.webp", extended(0, picture.size, lossy[12:] + piece(b"ABCD", b"abc")))
    frame = bytes(1) + b"\0\0" + bytes(3) + struct.pack("<I", 239)[:3] + struct.pack("<I", 179)[:3] + b"\x64\0\0\0"
    canvas = piece(b"ANIM", bytes(6)) + piece(b"ANMF", b"\x0a\0\0\x14\0\0" + frame[6:] + lossless[12:])
    add("animated-moved.webp", extended(2, (300, 260), canvas))
