"""PNG: every colour type and depth, chunks of all kinds, and its end."""

import os
import struct
import zlib

from PIL import Image

from profiles import grey_profile, wide
from subject import add, saved, subject, veiled
from segments import exif


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = chunk(b"IEND", b"")
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def rows(samples, width, channels, depth, filtered):
    """The lines of a picture, given as a function from place to samples, packed and filtered."""
    out, before = b"", None
    for y, line in enumerate(samples):
        bits = "".join(format(value, f"0{depth}b") for pixel in line for value in pixel)
        bits += "0" * (-len(bits) % 8)
        raw = int(bits, 2).to_bytes(len(bits) // 8, "big")
        step = max(1, channels * depth // 8)
        kind = filtered if filtered < 5 else y % 5
        before = before or bytes(len(raw))
        def told(at, raw=raw, before=before):
            a = raw[at - step] if at >= step else 0
            b, c = before[at], before[at - step] if at >= step else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            return (0, a, b, (a + b) // 2, nearest)[kind]
        out += bytes((kind,)) + bytes((raw[at] - told(at)) % 256 for at in range(len(raw)))
        before = raw
    return out


def raw_png(kind, depth, interlaced=False, filtered=0, size=(40, 30), more=b"", split=None):
    """A PNG of any colour type and depth."""
    width, height = size
    picture = veiled(subject(width, height))
    top = (1 << depth) - 1
    def sample(x, y):
        r, g, b, a = picture.getpixel((x, y))
        light = (r * 3 + g * 6 + b) // 10
        values = {0: (light,), 2: (r, g, b), 4: (light, a), 6: (r, g, b, a), 3: (light,)}[kind]
        return [value * top // 255 for value in values]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for left, up, right, down in passes if interlaced else [(0, 0, 1, 1)]:
        lines = [[sample(x, y) for x in range(left, width, right)] for y in range(up, height, down)]
        if lines and lines[0]:
            data += rows(lines, width, CHANNELS[kind], depth, filtered)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    palette = chunk(b"PLTE", bytes(v for n in range(top + 1)
                                   for v in (n * 255 // top, 255 - n * 255 // top, 90))) if kind == 3 else b""
    packed = zlib.compress(data)
    step = split or len(packed)
    data = b"".join(chunk(b"IDAT", packed[at:at + step]) for at in range(0, len(packed), step))
    return SIGNATURE + chunk(b"IHDR", head) + palette + more + data + END


def with_chunk(png, *chunks):
    return png[:33] + b"".join(chunks) + png[33:]


def pngs():
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for kind, all_depths in depths.items():
        for depth in all_depths:
            for interlaced in (False, True):
                add(f"type-{kind}-depth-{depth}{'-interlaced' * interlaced}.png", raw_png(kind, depth, interlaced))
    for filtered in range(6):
        add(f"filter-{filtered}.png", raw_png(2, 8, False, filtered))
    for size in ((1, 1), (2, 3), (5, 1), (1, 9)):
        add(f"interlaced-{size[0]}x{size[1]}.png", raw_png(6, 8, True, 0, size))
    plain = saved(subject(), "PNG")
    add("transparent-grey.png", raw_png(0, 8, more=chunk(b"tRNS", b"\0\x40")))
    add("transparent-grey-1.png", raw_png(0, 1, more=chunk(b"tRNS", b"\0\0")))
    add("transparent-grey-16.png", raw_png(0, 16, more=chunk(b"tRNS", b"\x40\x40")))
    add("transparent-rgb.png", raw_png(2, 8, more=chunk(b"tRNS", b"\0\xe6\0\x28\0\x1e")))
    add("transparent-palette.png", raw_png(3, 8, more=chunk(b"tRNS", bytes(range(0, 200)))))
    add("transparent-palette-1.png", raw_png(3, 1, more=chunk(b"tRNS", b"\0")))
    add("palette-of-pillow.png", saved(subject().quantize(200), "PNG"))
    add("palette-of-7.png", saved(subject().quantize(7), "PNG"))
    add("veiled.png", saved(veiled(subject()), "PNG"))
    add("grey-veiled.png", saved(veiled(subject()).convert("LA"), "PNG"))
    add("split-into-bytes.png", raw_png(2, 8, split=1))
    add("empty-data-chunks.png", plain[:33] + chunk(b"IDAT", b"") + plain[33:])
    add("large.png", saved(subject(1200, 900), "PNG"))
    add("narrow.png", saved(subject(3, 2000), "PNG"))
    for name, behind in (("text", b"whatever"), ("zeros", bytes(3000)), ("second", plain), ("chunk", chunk(b"tEXt", b"a\0b")),
                         ("film", b"\0\0\0\x18ftypmp42" + os.urandom(9000))):
        add(f"behind-{name}.png", plain + behind)
    for missing in (4, 8, 12, 11):
        add(f"no-end-{missing}.png", plain[:-missing])
    add("end-with-wrong-sum.png", plain[:-1] + b"x")
    for name, chunks in (
        ("gamma", (chunk(b"gAMA", struct.pack(">I", 45455)),)),
        ("srgb", (chunk(b"sRGB", b"\0"),)),
        ("primaries", (chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),)),
        ("density", (chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),)),
        ("density-odd", (chunk(b"pHYs", struct.pack(">IIB", 1, 9, 0)),)),
        ("text", (chunk(b"tEXt", b"Comment\0" + b"x" * 70_000),)),
        ("packed-text", (chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"y" * 9000)),)),
        ("xmp", (chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),)),
        ("text-broken", (chunk(b"zTXt", b"Comment\0\0nonsense"),)),
        ("time", (chunk(b"tIME", b"\x07\xea\x02\x1f\x19\x3d\x3d"),)),
        ("background", (chunk(b"bKGD", bytes(6)),)),
        ("unknown", (chunk(b"ruSt", b"whatever"),)),
        ("unknown-wrong-sum", (chunk(b"ruSt", b"whatever")[:-1] + b"\0",)),
        ("palette-in-rgb", (chunk(b"PLTE", bytes(range(30))),)),
        ("bits", (chunk(b"sBIT", b"\5\6\5"),)),
        ("profile-small", (chunk(b"iCCP", b"x\0\0" + zlib.compress(wide())),)),
        ("profile-large", (chunk(b"iCCP", b"x\0\0" + zlib.compress(wide(60_000))),)),
        ("profile-rubbish", (chunk(b"iCCP", b"x\0\0" + zlib.compress(b"rubbish" * 4000)),)),
        ("profile-not-packed", (chunk(b"iCCP", b"x\0\0rubbish"),)),
        ("cicp", (chunk(b"cICP", b"\1\x0d\0\1"),)),
    ):
        add(f"chunk-{name}.png", with_chunk(plain, *chunks))
    for orientation in range(1, 9):
        add(f"turned-{orientation}.png", with_chunk(plain, chunk(b"eXIf", exif(orientation)[6:])))
    add("turned-with-head.png", with_chunk(plain, chunk(b"eXIf", exif(6))))
    add("veiled-profile-large.png", with_chunk(saved(veiled(subject()), "PNG"), chunk(b"iCCP", b"x\0\0" + zlib.compress(wide(60_000)))))
    add("grey-profile-large.png", with_chunk(saved(subject().convert("L"), "PNG"),
                                             chunk(b"iCCP", b"x\0\0" + zlib.compress(grey_profile(60_000)))))
    second = subject().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    add("animated.png", saved(subject(), "PNG", save_all=True, append_images=[second], duration=100))
    add("animated-default-apart.png", saved(subject(), "PNG", save_all=True, append_images=[second], default_image=True))
