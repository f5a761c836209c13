#!/usr/bin/env python3
"""Make the demo's images, animals in landscapes: scripts/make_scenes.py OUT [--pile N]

It needs Pillow. OUT/labelled/{train,val,test}/ANIMAL/ holds few labelled pictures of each animal,
OUT/pile/ many without labels.

Each picture is one photograph of an animal, cut out of its background, in another size, light and
position before a photograph of a landscape. The animals are those of Debian's package
tuxpaint-stamps-default (GPL-2), the landscapes those of endless-sky-data (public domain, some
CC-BY-SA). No landscape of training is one of validation or of test. The same packages give the same
pictures. OUT is replaced in one go, and left alone when it is already up to date.
"""

import argparse
import hashlib
import multiprocessing
import pathlib
import random
import sys
import tempfile

from PIL import Image, ImageEnhance, ImageFilter, __version__ as pillow_version

STAMPS = pathlib.Path("/usr/share/tuxpaint/stamps/animals")
LANDSCAPES = pathlib.Path("/usr/share/games/endless-sky/images/land")
ANIMALS = """
    amphibians/frog birds/crowned_crane birds/drake birds/heron_greatblue birds/magpie birds/ostrich
    birds/owl birds/pelican birds/penguin birds/pink_flamingo birds/rainbow-lorikeet birds/rooster
    birds/seagull birds/tucan birds/turkey fish/butterflyfish fish/clownfish fish/lobster
    fish/seahorse insects/bee insects/grasshopper lizards/iguana mammals/apes/gorilla
    mammals/aquatic/orca mammals/bears/bear mammals/bovines/bison mammals/bovines/cow
    mammals/bovines/sheep mammals/camel/camel mammals/cats/lion mammals/cats/tiger mammals/deer/deer
    mammals/dogs/fox mammals/elephant mammals/equines/horse mammals/equines/zebra mammals/giraffe
    mammals/hippopotamus mammals/rodents/squirrel marsupials/koala
""".split()
PIXELS = 128
LABELLED = {"train": 5, "val": 4, "test": 25}  # of each animal
PILE = 4000


def class_of(animal):
    return animal.rsplit("/", 1)[-1].replace("_", " ").replace("-", " ")


def split_of(landscape):
    """A fifth of the landscapes is for validation, another for the test."""
    fifth = int(hashlib.sha256(landscape.name.encode()).hexdigest(), 16) % 5
    return {0: "test", 1: "val"}.get(fifth, "train")


class Painter:
    """The photographs, and what is made of them."""

    def __init__(self):
        self.animals = {class_of(a): self.cut_out(STAMPS / f"{a}.png") for a in ANIMALS}
        self.landscapes = {"train": [], "val": [], "test": []}
        for path in sorted(LANDSCAPES.glob("*.jpg")):
            self.landscapes[split_of(path)].append(Image.open(path).convert("RGB"))

    @staticmethod
    def cut_out(path):
        image = Image.open(path).convert("RGBA")
        image = image.crop(image.getchannel("A").getbbox())
        image.thumbnail((PIXELS, PIXELS), Image.Resampling.LANCZOS)
        return image

    def ground(self, rng, split):
        photo = rng.choice(self.landscapes[split])
        side = rng.uniform(0.35, 0.95) * photo.height
        x, y = rng.uniform(0, photo.width - side), rng.uniform(0, photo.height - side)
        return photo.resize(
            (PIXELS, PIXELS), Image.Resampling.BILINEAR, box=(x, y, x + side, y + side)
        )

    def body(self, rng, animal):
        """The animal as it stands in one picture: turned, tinted and scaled."""
        image = self.animals[animal]
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image = image.rotate(rng.uniform(-30, 30), Image.Resampling.BICUBIC, expand=True)
        image = image.crop(image.getchannel("A").getbbox())
        scale = rng.uniform(0.5, 0.95) * PIXELS / max(image.size)
        width = max(1, round(image.width * scale * rng.uniform(0.8, 1.2)))
        image = image.resize(
            (width, max(1, round(image.height * scale))), Image.Resampling.BILINEAR
        )
        colours = image.convert("RGB")
        for change, spread in (
            (ImageEnhance.Brightness, 0.3),
            (ImageEnhance.Contrast, 0.3),
            (ImageEnhance.Color, 0.5),
        ):
            colours = change(colours).enhance(rng.uniform(1 - spread, 1 + spread))
        return colours, image.getchannel("A")

    def picture(self, animal, split, number):
        """A function of its arguments and of the photographs alone."""
        rng = random.Random(f"{animal}/{split}/{number}")
        picture = self.ground(rng, split)
        colours, outline = self.body(rng, animal)
        corner = [
            round(rng.uniform(min(0, PIXELS - side), max(0, PIXELS - side)))
            for side in colours.size
        ]
        picture.paste(colours, corner, outline)
        if rng.random() < 0.3:
            picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
        return picture


def jobs(folder, pile):
    """(animal, split, number, file) of every picture."""
    names = [class_of(animal) for animal in ANIMALS]
    for split, count in LABELLED.items():
        for name in names:
            for number in range(count):
                yield name, split, number, folder / "labelled" / split / name / f"{number:02}.jpg"
    for number in range(pile):
        animal = random.Random(f"pile {number}").choice(names)
        yield animal, "train", f"pile {number}", folder / "pile" / f"{number:05}.jpg"


def paint(job):
    animal, split, number, path = job
    painter.picture(animal, split, number).save(path, quality=90)


def make(folder, pile):
    todo = list(jobs(folder, pile))
    for path in {job[-1].parent for job in todo}:
        path.mkdir(parents=True)
    # The processes are forked, so that all share the photographs that are read already.
    with multiprocessing.get_context("fork").Pool() as pool:
        for done, _ in enumerate(pool.imap_unordered(paint, todo, chunksize=50), 1):
            if done % 500 == 0 or done == len(todo):
                print(
                    f"\rmaking pictures: {done} of {len(todo)}", end="", file=sys.stderr, flush=True
                )
    print(file=sys.stderr)


def fingerprint(pile):
    """Of all that decides the pictures."""
    sources = [STAMPS / f"{animal}.png" for animal in ANIMALS] + sorted(LANDSCAPES.glob("*.jpg"))
    missing = [path for path in sources if not path.is_file()]
    if missing or not LANDSCAPES.is_dir():
        lost = missing[0] if missing else LANDSCAPES
        sys.exit(
            f"make_scenes: {lost} is missing: install the packages tuxpaint-stamps-default and "
            f"endless-sky-data"
        )
    digest = hashlib.sha256(
        f"{pillow_version} {pile}".encode() + pathlib.Path(__file__).read_bytes()
    )
    for path in sources:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest() + "\n"


def main():
    global painter
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=pathlib.Path, help="folder to write")
    parser.add_argument(
        "--pile",
        type=int,
        default=PILE,
        metavar="N",
        help=f"pictures without labels (default {PILE})",
    )
    arguments = parser.parse_args()
    out, stamp = arguments.out, fingerprint(arguments.pile)
    if (out / ".made").is_file() and (out / ".made").read_text() == stamp:
        print(f"{out}: up to date")
        return
    if out.exists() and not (out / ".made").is_file():
        sys.exit(
            f"make_scenes: {out} is in the way, and not a set of ours: move it or name another "
            f"folder"
        )
    painter = Painter()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        fresh = pathlib.Path(scratch) / "set"
        make(fresh, arguments.pile)
        (fresh / ".made").write_text(stamp)
        if out.exists():
            out.rename(pathlib.Path(scratch) / "old")
        fresh.rename(out)
    counts = ", ".join(f"{len(ANIMALS) * count} {split}" for split, count in LABELLED.items())
    print(f"{out}: {len(ANIMALS)} animals; {counts} pictures with labels, {arguments.pile} without")


if __name__ == "__main__":
    main()
