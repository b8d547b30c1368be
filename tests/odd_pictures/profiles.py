"""Colour profiles, written by hand."""

import random
import struct


def tagged(space, tags, kind=b"mntr", connection=b"XYZ "):
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags:
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x02400000, kind, space, connection)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def xyz(*values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def text(kind, words):
    if kind == b"desc":
        return b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words + b"\0" * 79
    return b"text\0\0\0\0" + words + b"\0"


NAMES = [(b"desc", text(b"desc", b"made for a test")), (b"cprt", text(b"text", b"none"))]


def wide(padding=0):
    """A profile of wide colours, in which red and green have changed places, to be noticed."""
    more = [(b"priv", b"data\0\0\0\0" + random.Random(1).randbytes(padding))] if padding else []
    return tagged(b"RGB ", NAMES + [
        (b"wtpt", xyz(0.9642, 1, 0.8249)),
        (b"rXYZ", xyz(0.2051, 0.6257, 0.0609)),
        (b"gXYZ", xyz(0.6097, 0.3111, 0.0195)),
        (b"bXYZ", xyz(0.1492, 0.0632, 0.7446)),
        (b"rTRC", gamma(1.8)), (b"gTRC", gamma(1.8)), (b"bTRC", gamma(1.8)),
    ] + more)


def grey_profile(padding=0):
    more = [(b"priv", b"data\0\0\0\0" + b"\7" * padding)] if padding else []
    return tagged(b"GRAY", NAMES + [(b"wtpt", xyz(0.9642, 1, 0.8249)), (b"kTRC", gamma(1.0))] + more)


def ink_profile():
    """From ink to Lab by a coarse table."""
    ramp = bytes(range(256))
    table = bytearray()
    for at in range(81):
        c, m, y, k = (at // 27 / 2, at // 9 % 3 / 2, at // 3 % 3 / 2, at % 3 / 2)
        light = (1 - 0.5 * (0.35 * c + 0.55 * m + 0.10 * y)) * (1 - 0.9 * k)
        a = (-60 * c + 70 * m - 5 * y) * (1 - k)
        b = (-45 * c - 5 * m + 85 * y) * (1 - k)
        table += bytes((round(light * 255), round(a + 128), round(b + 128)))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 3, 0))
    lut += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut += ramp * 4 + bytes(table) + ramp * 3
    white = (b"wtpt", xyz(0.9642, 1, 0.8249))
    return tagged(b"CMYK", NAMES + [white, (b"A2B0", lut)], b"prtr", b"Lab ")
