"""How far thumbnails are from what Pillow makes of the same pictures."""

import io
import os

from PIL import Image, ImageChops, ImageCms, ImageFile, ImageOps, ImageStat


def in_srgb(picture, profile):
    """In sRGB, as its profile says where it can be read, with transparency if it has any."""
    wanted = ImageCms.createProfile("sRGB")
    alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
    solid = {"RGBA": "RGB", "LA": "L"}.get(picture.mode, picture.mode)
    plain = picture.convert(solid)
    try:
        plain = ImageCms.profileToProfile(plain, io.BytesIO(profile), wanted, outputMode="RGB") if profile else plain
    except ImageCms.PyCMSError:
        pass
    plain = plain.convert("RGB")
    if alpha is not None:
        plain.putalpha(alpha)
    return plain.convert("RGBA")


def seen(path):
    """The picture as Pillow sees it, turned, in sRGB."""
    with Image.open(path) as picture:
        profile = picture.info.get("icc_profile")
        picture.seek(0)
        frame = picture.tile[0].extents if picture.format == "GIF" else None
        picture.load()
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith("I"):
            picture = picture.convert("I").point(lambda value: value * (1 / 257)).convert("L")
        elif picture.mode in ("P", "PA", "1") or "transparency" in picture.info:
            picture = picture.convert("RGBA")
        if frame and frame != (0, 0, *picture.size):
            picture = alone(picture.convert("RGBA"), frame)
        return in_srgb(picture, profile)


def alone(picture, frame):
    """Nothing but the frame: around it Pillow paints the first colour, browsers paint nothing."""
    screen = Image.new("RGBA", picture.size)
    screen.paste(picture.crop(frame), frame[:2])
    return screen


def theirs_of(path):
    """What Pillow sees, without its last marker where need be."""
    for with_less in (False, True):
        ImageFile.LOAD_TRUNCATED_IMAGES = with_less
        try:
            return seen(path)
        except (OSError, SyntaxError, ValueError):
            pass
    return None


def on_grey(picture):
    grey = Image.new("RGBA", picture.size, (128, 128, 128, 255))
    return Image.alpha_composite(grey, picture).convert("RGB")


def compare(folder):
    for name in sorted(os.listdir(folder)):
        path, made = os.path.join(folder, name), os.path.join(folder, "thumbnail", name)
        if os.path.isdir(path):
            continue
        if not os.path.exists(made):
            print(name, "none")
            continue
        ours = seen(made)
        theirs = theirs_of(path)
        if theirs is None:
            print(name, "refused")
            continue
        theirs = theirs.resize(ours.size, Image.LANCZOS)
        apart = ImageStat.Stat(ImageChops.difference(on_grey(ours), on_grey(theirs))).mean
        print(name, f"{sum(apart) / 3:.2f}")
