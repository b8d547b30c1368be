"""JPEG: how it is coded, what stands behind its end, and its colour profiles."""

import os
import struct

from PIL import Image, ImageCms

from jpeg_habits import habits
from profiles import grey_profile, ink_profile, wide
from subject import add, saved, subject
from segments import exif, pieces, segment, segments, with_segment, without


def jpegs():
    picture, grey = subject(), subject().convert("L")
    plain = saved(picture, "JPEG", quality=90)
    ink = saved(picture.convert("CMYK"), "JPEG", quality=90)
    for quality in (1, 5, 20, 50, 75, 95, 100):
        add(f"quality-{quality}.jpg", saved(picture, "JPEG", quality=quality))
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            name = f"sampled-{sampling.replace(':', '')}{'-progressive' * progressive}.jpg"
            add(name, saved(picture, "JPEG", quality=90, subsampling=sampling, progressive=progressive))
    for width, height in ((1, 1), (1, 300), (300, 1), (7, 9), (8, 8), (15, 17), (16, 16), (33, 31),
                          (100, 100), (101, 99), (799, 801), (1601, 1207), (3000, 40), (40, 3000)):
        add(f"size-{width}x{height}.jpg", saved(subject(width, height), "JPEG", quality=90))
    for width, height in ((1, 1), (17, 33), (1700, 1201)):
        how = {"quality": 90, "progressive": True}
        add(f"progressive-{width}x{height}.jpg", saved(subject(width, height), "JPEG", **how))
        add(f"grey-{width}x{height}.jpg", saved(subject(width, height).convert("L"), "JPEG", quality=90))
        add(f"ink-{width}x{height}.jpg", saved(subject(width, height).convert("CMYK"), "JPEG", quality=90))
    add("grey-progressive.jpg", saved(grey, "JPEG", progressive=True))
    add("ink-progressive.jpg", saved(picture.convert("CMYK"), "JPEG", progressive=True))
    add("optimised.jpg", saved(picture, "JPEG", optimize=True))
    add("rgb.jpg", saved(picture, "JPEG", keep_rgb=True, quality=90))
    add("rgb-progressive.jpg", saved(picture, "JPEG", keep_rgb=True, progressive=True))
    add("restarts-each-row.jpg", saved(picture, "JPEG", restart_marker_rows=1))
    add("restarts-each-block.jpg", saved(picture, "JPEG", restart_marker_blocks=1))
    add("restarts-progressive.jpg", saved(picture, "JPEG", restart_marker_rows=1, progressive=True))
    add("black.jpg", saved(Image.new("RGB", (90, 60)), "JPEG"))
    add("white.jpg", saved(Image.new("RGB", (90, 60), "white"), "JPEG"))
    for orientation in range(0, 10):
        add(f"turned-{orientation}.jpg", with_segment(plain, 0xE1, exif(orientation)))
    for orientation in (3, 6, 8):
        add(f"turned-{orientation}-motorola.jpg", with_segment(plain, 0xE1, exif(orientation, ">")))
    add("scan-per-component.jpg", apart(picture, 3))
    add("scan-per-component-no-end.jpg", apart(picture, 3)[:-2])
    ends(picture, grey, plain, ink)
    habits(plain, ink, picture)
    profiles(picture, grey, plain)


def apart(picture, scans, components=3):
    """Each component in a scan of its own, the first ones of them."""
    planes = picture.convert("YCbCr").split()[:components]
    planes = [segments(saved(plane, "JPEG", quality=90)) for plane in planes]
    frame = struct.pack(">BHHB", 8, picture.height, picture.width, components)
    frame += b"".join(bytes((at + 1, 0x11, 0)) for at in range(components))
    out = b"\xff\xd8" + segment(0xDB, dict(planes[0][0])[0xDB]) + segment(0xC0, frame)
    for at, (found, pixels) in enumerate(planes[:scans]):
        out += b"".join(segment(c, x) for c, x in found if c == 0xC4)
        out += segment(0xDA, bytes((1, at + 1, 0, 0, 63, 0))) + pixels[10:-2]
    return out + b"\xff\xd9"


def ends(picture, grey, plain, ink):
    """What follows the end, and an end that is not there."""
    film = b"MotionPhoto_Data\0\0\0\x18ftypmp42" + b"\xff\xda\0\x0c" * 500 + os.urandom(20_000)
    progressive = saved(picture, "JPEG", progressive=True)
    for name, behind in (("film", film), ("zeros", bytes(5000)), ("line", b"\r\n"), ("ends", b"\xff\xd9" * 9),
                         ("scans", b"\xff\xda" * 999), ("second", plain), ("half", b"\xff"),
                         ("samsung", b"\0\0\1\x0a\x0e\0\0\0Image_UTC_Data1700000000000SEFHk\0\0\0SEFT")):
        add(f"behind-{name}.jpg", plain + behind)
        add(f"behind-{name}-progressive.jpg", progressive + behind)
    add("behind-film-ink.jpg", ink + film)
    add("behind-film-large.jpg", saved(subject(1700, 1201), "JPEG") + film)
    for name, whole in (("plain", plain), ("progressive", progressive), ("ink", ink),
                        ("grey", saved(grey, "JPEG")), ("grey-progressive", saved(grey, "JPEG", progressive=True)),
                        ("restarts", saved(picture, "JPEG", restart_marker_rows=1)),
                        ("large", saved(subject(1700, 1201), "JPEG"))):
        add(f"no-end-{name}.jpg", whole[:-2])
        add(f"half-an-end-{name}.jpg", whole[:-1])


def profiles(picture, grey, plain):
    def marked(jpeg, parts):
        return jpeg[:2] + b"".join(segment(0xE2, part) for part in parts) + jpeg[2:]
    small, large, huge = wide(), wide(30_000), wide(150_000)
    add("profile-srgb.jpg", saved(picture, "JPEG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()))
    add("profile-small.jpg", marked(plain, pieces(small, 60_000)))
    add("profile-small-in-pieces.jpg", marked(plain, pieces(small, 100)))
    add("profile-large.jpg", marked(plain, pieces(large, 60_000)))
    add("profile-large-in-pieces.jpg", marked(plain, pieces(large, 9_000)))
    add("profile-huge.jpg", marked(plain, pieces(huge, 65_000)))
    add("profile-huge-backwards.jpg", marked(plain, pieces(huge, 65_000, (2, 1, 0))))
    add("profile-huge-turned.jpg", with_segment(marked(plain, pieces(huge, 65_000)), 0xE1, exif(6)))
    add("profile-large-sight.jpg", marked(saved(subject(1700, 1201), "JPEG"), pieces(large, 60_000)))
    add("profile-piece-missing.jpg", marked(plain, pieces(huge, 65_000, (0, 2))))
    add("profile-piece-twice.jpg", marked(plain, pieces(huge, 65_000, (0, 1, 1, 2))))
    add("profile-count-lies.jpg", marked(plain, pieces(huge, 65_000, None, 9)))
    add("profile-rubbish.jpg", marked(plain, pieces(b"rubbish" * 5000, 65_000)))
    grey = saved(grey, "JPEG", quality=90)
    add("profile-grey.jpg", marked(grey, pieces(grey_profile(), 60_000)))
    add("profile-grey-large.jpg", marked(grey, pieces(grey_profile(20_000), 60_000)))
    add("profile-of-ink-on-light.jpg", marked(plain, pieces(ink_profile(), 60_000)))
    ink = saved(picture.convert("CMYK"), "JPEG", quality=90)
    add("profile-ink.jpg", marked(ink, pieces(ink_profile(), 60_000)))
    add("profile-ink-in-pieces.jpg", marked(ink, pieces(ink_profile(), 300)))
    add("profile-ink-without-adobe.jpg", marked(without(ink, 0xEE), pieces(ink_profile(), 60_000)))
    add("profile-of-light-on-ink.jpg", marked(ink, pieces(small, 60_000)))
