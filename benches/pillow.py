"""What the bench `thumbnails` compares with: Python and Pillow.

`make FOLDER COUNT` makes photographs: JPEGs of 12 megapixels, smooth with a grain, of about 1.7 MB.
`resize FROM TO` and `thumbnail FROM TO` make a thumbnail of each file, and print the processor time
in milliseconds that this took, the start of Python not counted, and the most memory, in MiB.
"""

import pathlib
import resource
import sys
import time

from PIL import Image, ImageChops

WHOLE = (4000, 3000)
SMALL = (100, 100)


def noise(side, spread):
    size = (max(1, WHOLE[0] // side), max(1, WHOLE[1] // side))
    return Image.effect_noise(size, spread).resize(WHOLE, Image.Resampling.BICUBIC)


def photograph():
    light = ImageChops.add(noise(16, 30), noise(1, 3), 1, -128)

    def channel():
        coarse = Image.blend(noise(500, 80), noise(100, 60), 0.3)
        return ImageChops.add(coarse, light, 1, -128)

    return Image.merge("RGB", [channel() for _ in range(3)])


def make(folder, count):
    for n in range(int(count)):
        photograph().save(pathlib.Path(folder, f"{n}.jpg"), quality=85)


def resize(picture):
    return picture.resize(SMALL, Image.Resampling.LANCZOS)


def thumbnail(picture):
    picture.thumbnail(SMALL)
    return picture


def measure(way, source, target):
    files = sorted(pathlib.Path(source).glob("*.jpg"))
    began = time.process_time()
    for file in files:
        with Image.open(file) as picture:
            way(picture).save(pathlib.Path(target, file.name), quality=95)
    spent = time.process_time() - began
    print(spent * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    if command == "make":
        make(*words)
    else:
        measure({"resize": resize, "thumbnail": thumbnail}[command], *words)
