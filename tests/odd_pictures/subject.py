"""What is seen on the pictures, and where they are kept."""

import io

from PIL import Image, ImageDraw, ImageOps

PICTURES = {}


def add(name, content):
    assert name not in PICTURES, name
    PICTURES[name] = content


def subject(width=240, height=180):
    """Something smooth with edges in it, light on the left and dark on the right."""
    across = Image.linear_gradient("L").rotate(90).resize((width, height), Image.BILINEAR)
    down = Image.linear_gradient("L").resize((width, height), Image.BILINEAR)
    round_ = Image.radial_gradient("L").resize((width, height), Image.BILINEAR)
    picture = Image.merge("RGB", (across, ImageOps.invert(round_), down))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 8, height // 8, width // 3, height // 3), fill=(230, 40, 30))
    draw.ellipse((width // 2, height // 2, width * 7 // 8, height * 7 // 8), fill=(20, 60, 200))
    draw.line((0, height, width, 0), fill=(250, 250, 240), width=max(1, width // 30))
    return picture


def veiled(picture):
    """The same, which can be seen through at one side."""
    picture = picture.convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size, Image.BILINEAR))
    return picture


def saved(picture, kind, **how):
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()
