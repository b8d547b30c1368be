#!/usr/bin/env python3
"""Makes tour.svg: the tour of the README, run for real in a terminal of 80 columns.

    KAKEHI_BIN=target/debug python3 docs/look/record.py

The readings are recorded ones, from the file below, with the times of a few minutes ago, served by the
example's own server, which lies among the programs as `serve_fixture`
(`cargo build --features example-tools --bins`).
"""

import html
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import unicodedata
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIXTURE = ROOT / "examples/fixtures/devices_typical.json"
COLUMNS = 80
LINE, TOP, LEFT, WIDE = 20, 46, 16, 8.43


def tour():
    """The commands of the README's tour, without what stands after them."""
    section = (ROOT / "README.md").read_text().split("\n## A tour\n")[1]
    block = section.split("```sh\n")[1].split("```")[0]
    lines = [line.split("   #")[0].rstrip() for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("export ")]


def run(command, environment, folder):
    """What a terminal gets of a command."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", str(COLUMNS), "rows", "40"], stdin=theirs, check=True)
    child = subprocess.Popen(
        ["bash", "-c", command], stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment, cwd=folder, start_new_session=True,
    )
    os.close(theirs)
    got = b""
    while True:
        ready, _, _ = select.select([ours], [], [], 30)
        if not ready:
            break
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        got += piece
    if child.wait() != 0:
        sys.exit(f"`{command}` failed:\n{got.decode(errors='replace')}")
    return screen(got.decode().replace(environment["HOME"], "/home/me"))


def fresh(text):
    """Recorded devices as they would be told of now."""
    made = iter(range(1, 1000))

    def minutes_ago(_):
        then = datetime.now(timezone.utc) - timedelta(minutes=next(made) % 4, seconds=11)
        return f'"created_at": "{then:%Y-%m-%dT%H:%M:%SZ}"'

    return re.sub(r'"created_at": ?"[^"]*"', minutes_ago, text)


def screen(text):
    """The lines that stay on the screen of 80 columns: a progress line is written over."""
    text = re.sub(r"\x1b\[\??[0-9;]*[A-Za-ln-z]", "", text)
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        line = line.split("\r")[-1].rstrip()
        lines += [line[at : at + COLUMNS] for at in range(0, max(len(line), 1), COLUMNS)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def width(text):
    """Columns in a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def spans(line):
    """A line of a terminal as text of a picture, each of its columns where a terminal has it."""
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    out = ""
    for piece in re.finditer(r"\S+(?: \S+)*", line):
        x = LEFT + WIDE * width(line[: piece.start()])
        out += f'<tspan x="{x:.1f}">{html.escape(piece[0], quote=False)}</tspan>'
    return out


def picture(shown):
    height = TOP + LINE * len(shown) + 12
    width = int(LEFT * 2 + COLUMNS * WIDE)
    rows, delay = [], 0.0
    for index, (kind, line) in enumerate(shown):
        delay += 0.9 if kind == "p" else 0.12
        rows.append(
            f'<text class="{kind}" x="{LEFT}" y="{TOP + LINE * index}" '
            f'style="animation-delay:{delay:.2f}s" xml:space="preserve">{spans(line)}</text>'
        )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" \
viewBox="0 0 {width} {height}" role="img" aria-labelledby="t">
<title id="t">The tour of the README in a terminal: publish, queue stats, subscribe, store latest</title>
<style>
text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Noto Sans Mono CJK JP",monospace;\
fill:#d5dae0;white-space:pre;opacity:0;animation:come .01s forwards}}
.p{{fill:#fff;font-weight:600}}
@keyframes come{{to{{opacity:1}}}}
@media (prefers-reduced-motion:reduce){{text{{animation:none;opacity:1}}}}
</style>
<rect width="{width}" height="{height}" rx="9" fill="#12161c"/>
<circle cx="20" cy="17" r="5" fill="#4a525c"/><circle cx="37" cy="17" r="5" fill="#4a525c"/>\
<circle cx="54" cy="17" r="5" fill="#4a525c"/>
{chr(10).join(rows)}
</svg>
"""


def main():
    programs = Path(os.environ["KAKEHI_BIN"]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        devices = Path(folder, "devices.json")
        devices.write_text(fresh(FIXTURE.read_text()))
        server = subprocess.Popen(
            [programs / "serve_fixture", devices], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        environment = {
            "HOME": folder,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "TZ": "Asia/Tokyo",
            "KAKEHI_CONFIG": "/dev/null",
            "NATURE_REMO_TOKEN": "any-token-will-do",
            "NATURE_REMO_ENDPOINT": server.stdout.readline().strip(),
        }
        shown = []
        for command in tour():
            shown.append(("p", f"$ {command}"))
            shown += [("o", line) for line in run(command, environment, folder)]
        server.stdin.close()
        server.wait()
    (HERE / "tour.svg").write_text(picture(shown))


main()
