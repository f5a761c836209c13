#!/usr/bin/env python3
"""Draw a small labelled image set out of the system's colour emoji: OUT/{train,val,test}/<class>/<name>.png.

    python3 scripts/make_emoji_set.py OUT [--emoji-test FILE] [--font FILE]     # needs Pillow with Raqm

A class is a subgroup of Unicode's emoji list that has at least 14 members once skin tone and gender are set aside; flags are left out.
All variants of one emoji fall on the same side of the split, picked by a hash of their common base, so that validation is as hard as test;
skin tones are drawn in train alone.
The same font and list give the same files, byte for byte. OUT is replaced in one go, and left alone when it is already up to date.
"""
import argparse
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageDraw, ImageFont, __version__ as pillow_version, features

EMOJI_TEST = pathlib.Path("/usr/share/unicode/emoji/emoji-test.txt")
FONT = pathlib.Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
FONT_SIZE = 109  # the one size of the font's bitmaps, which are 136 pixels wide
SIDE = 136
MEMBERS = 14
SHARES = {"test": 0.25, "val": 0.125}  # of a class's bases: about 300 and 150 pictures, since train has the skin tones besides

TONES = set(range(0x1F3FB, 0x1F400))
HAIR = {0x1F9B0, 0x1F9B1, 0x1F9B2, 0x1F9B3}
UNSEEN = {0x200D, 0xFE0F, 0x2640, 0x2642}  # the joiner, the emoji-style mark and the gender signs
ADULTS = {0x1F468: 0x1F9D1, 0x1F469: 0x1F9D1}  # man, woman -> person
CHILDREN = {0x1F466: 0x1F9D2, 0x1F467: 0x1F9D2}  # boy, girl -> child
# Men and women that have code points of their own, each under the one that stands for the pair.
PAIRS = {0x1F474: 0x1F9D3, 0x1F475: 0x1F9D3, 0x1F478: 0x1F934, 0x1F936: 0x1F385, 0x1F57A: 0x1F483}


def member(points):
    """What counts as one member of a class: the sequence without skin tone and gender."""
    kept = [ADULTS.get(p, p) for p in points if p not in TONES and p not in UNSEEN]
    return tuple(kept) if len(kept) == 1 else tuple(CHILDREN.get(p, p) for p in kept)


def base(points):
    """What all variants of one emoji share, hair and age-old pairs included."""
    kept = [p for p in member(points) if p not in HAIR]
    return tuple(CHILDREN.get(p, PAIRS.get(p, p)) for p in kept)


def slug(text):
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def read_list(path):
    """{class: [(code points, file name)]} of the fully-qualified emoji, flags left out."""
    classes, group, subgroup = defaultdict(list), "", ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.split(":", 1)[1].strip()
        elif line.startswith("# subgroup:"):
            subgroup = slug(line.split(":", 1)[1])
        elif "; fully-qualified" in line and group != "Flags":
            codes, comment = line.split(";", 1)
            points = tuple(int(code, 16) for code in codes.split())
            name = slug(re.sub(r"^.*?E\d+\.\d+ ", "", comment))
            classes[subgroup].append((points, f"{'-'.join(f'{p:x}' for p in points)}_{name}.png"))
    return classes


class Painter:
    def __init__(self, path):
        self.font = ImageFont.truetype(str(path), FONT_SIZE, layout_engine=ImageFont.Layout.RAQM)
        self.glyph_width = self.font.getlength("\U0001F600")

    def draw(self, points):
        """A square RGB picture on white, or None when the font has no single glyph for the sequence."""
        text = "".join(map(chr, points))
        if self.font.getlength(text) > self.glyph_width * 1.01:
            return None
        left, top, right, bottom = self.font.getbbox(text)
        picture = Image.new("RGB", (SIDE, SIDE), "white")
        corner = ((SIDE - right - left) // 2, (SIDE - bottom - top) // 2)
        ImageDraw.Draw(picture).text(corner, text, font=self.font, embedded_color=True)
        return None if all(low == 255 for low, _ in picture.getextrema()) else picture


def split_bases(drawn):
    """The split of each base of a class, in the order of their hashes: test, then val, the rest train."""
    order = sorted({base(points) for points, _, _ in drawn}, key=lambda b: hashlib.sha256(repr(b).encode()).digest())
    splits = {}
    for split, share in SHARES.items():
        for each in order[len(splits) :][: max(1, round(len(order) * share))]:
            splits[each] = split
    return splits


def make(folder, listing, font):
    painter = Painter(font)
    counts, left_out = {}, 0
    jobs = []
    for name, emoji in sorted(read_list(listing).items()):
        drawn = [(points, file, picture) for points, file in emoji if (picture := painter.draw(points))]
        if len({member(points) for points, _, _ in drawn}) < MEMBERS:
            continue
        left_out += len(emoji) - len(drawn)
        held_out = split_bases(drawn)
        count = {"train": 0, "val": 0, "test": 0}
        for points, file, picture in drawn:
            split = held_out.get(base(points), "train")
            if split != "train" and TONES & set(points):
                continue
            count[split] += 1
            jobs.append((picture, folder / split / name / file))
        counts[name] = count
        for split in count:
            (folder / split / name).mkdir(parents=True)
    with ThreadPoolExecutor() as pool:  # zlib runs outside the interpreter's lock
        for _ in pool.map(lambda job: job[0].save(job[1], compress_level=6), jobs):
            pass
    return counts, left_out


def find_font():
    if FONT.exists():
        return FONT
    try:
        found = subprocess.run(["fc-list", "Noto Color Emoji", "file"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        found = ""
    return pathlib.Path(found.splitlines()[0].rstrip(": ")) if found.strip() else FONT


def fingerprint(*paths):
    digest = hashlib.sha256(pillow_version.encode())
    for path in (pathlib.Path(__file__), *paths):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--emoji-test", type=pathlib.Path, default=EMOJI_TEST, help="Unicode's emoji-test.txt")
    parser.add_argument("--font", type=pathlib.Path, default=None, help="a colour emoji font with bitmaps")
    arguments = parser.parse_args()
    font = arguments.font or find_font()
    for path, package in ((font, "fonts-noto-color-emoji"), (arguments.emoji_test, "unicode-data")):
        if not path.is_file():
            sys.exit(f"make_emoji_set: {path} is missing: install the package {package}")
    if not features.check("raqm") or not features.check("fribidi"):
        sys.exit("make_emoji_set: Pillow cannot join emoji sequences (Raqm is missing): install the package libfribidi0")

    stamp = fingerprint(font, arguments.emoji_test)
    out = arguments.out
    if (out / ".made").is_file() and (out / ".made").read_text() == stamp:
        print(f"{out}: up to date")
        return
    if out.exists() and not (out / ".made").is_file():
        sys.exit(f"make_emoji_set: {out} is in the way, and not an emoji set of ours: move it or name another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        fresh = pathlib.Path(scratch) / "set"
        counts, left_out = make(fresh, arguments.emoji_test, font)
        if not counts:
            sys.exit(f"make_emoji_set: {font} draws none of the emoji of {arguments.emoji_test}")
        (fresh / ".made").write_text(stamp)
        if out.exists():
            out.rename(pathlib.Path(scratch) / "old")
        fresh.rename(out)
    train, val, test = (sum(count[split] for count in counts.values()) for split in ("train", "val", "test"))
    print(f"{out}: {len(counts)} classes, {train} training, {val} validation and {test} test pictures ({left_out} emoji that the font cannot draw were left out)")


if __name__ == "__main__":
    main()
