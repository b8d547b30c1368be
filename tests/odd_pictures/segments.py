"""JPEG files, taken apart and put together."""

import struct


def segments(jpeg):
    """The segments before the pixels, as [code, content], and the rest, from SOS's marker on."""
    found, at = [], 2
    while jpeg[at + 1] != 0xDA:
        length = struct.unpack(">H", jpeg[at + 2:at + 4])[0]
        found.append([jpeg[at + 1], jpeg[at + 4:at + 2 + length]])
        at += 2 + length
    return found, jpeg[at:]


def segment(code, content):
    return bytes((0xFF, code)) + struct.pack(">H", len(content) + 2) + content


def joined(found, rest, between=b""):
    return b"\xff\xd8" + b"".join(segment(*one) + between for one in found) + rest


def with_segment(jpeg, code, content):
    return jpeg[:2] + segment(code, content) + jpeg[2:]


def changed(jpeg, code, change):
    found, rest = segments(jpeg)
    return joined([[c, change(bytearray(x)) if c == code else x] for c, x in found], rest)


def without(jpeg, code):
    found, rest = segments(jpeg)
    return joined([one for one in found if one[0] != code], rest)


def put(at, *values):
    def change(content):
        content[at:at + len(values)] = bytes(values)
        return bytes(content)
    return change


def pieces(profile, size, order=None, count=None):
    parts = [profile[at:at + size] for at in range(0, len(profile), size)]
    count = count or len(parts)
    order = order or range(len(parts))
    return [b"ICC_PROFILE\0" + bytes((at + 1, count)) + parts[at] for at in order]


def exif(orientation, order="<", more=0):
    head = b"II*\0" if order == "<" else b"MM\0*"
    tiff = head + struct.pack(order + "IHHHIHH", 8, 1, 0x0112, 3, 1, orientation, 0) + bytes(4)
    return b"Exif\0\0" + tiff + b"\7" * more
