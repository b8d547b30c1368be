"""Pictures of odd but whole kinds, some that are not whole, and Pillow's opinion of their thumbnails.

    python odd_pictures make FOLDER      writes the pictures into FOLDER
    python odd_pictures compare FOLDER   a line per picture: its name, and how far its thumbnail in
                                         FOLDER/thumbnail is from Pillow's: the mean over all samples
                                         of both on grey, in sRGB, 0 to 255; `none` where it has none,
                                         and `refused` where Pillow makes none
"""

import os
import sys

from compare import compare
from gifs import gifs
from jpegs import jpegs
from pngs import pngs
from refused import refused
from subject import PICTURES
from webps import webps


def make(folder):
    for kind in (jpegs, pngs, gifs, webps, refused):
        kind()
    for name, content in PICTURES.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    {"make": make, "compare": compare}[sys.argv[1]](sys.argv[2])
