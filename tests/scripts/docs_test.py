"""Tests of what the pages say of the code: python -m unittest tests/scripts/docs_test.py"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import check_option

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# Paths of files and folders from the root. Words in capitals stand for names of the reader's own.
PATH = re.compile(r"`((?:retort|cli|python|tests|bench|scripts|cmake|docs)/[\w./-]*)`")
PLACEHOLDER = re.compile(r"NAME|FAMILY")


def pages():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def prose(page):
    """The page without its code blocks."""
    return re.sub(r"(?ms)^ *```.*?^ *```", "", page.read_text(encoding="utf-8"))


def anchors(page):
    """Those that a page's headings get, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Pages(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for page in pages():
            for link in LINK.findall(prose(page)):
                if re.match(r"\w+:", link):
                    continue
                name, _, anchor = link.partition("#")
                target = (page.parent / name).resolve() if name else page
                with self.subTest(page=str(page.relative_to(ROOT)), link=link):
                    self.assertTrue(target.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(target))

    def test_files_that_are_named_exist(self):
        for page in pages():
            if page.name == "CHANGELOG.md":
                continue
            for name in PATH.findall(prose(page)):
                with self.subTest(page=str(page.relative_to(ROOT)), name=name):
                    self.assertTrue(PLACEHOLDER.search(name) or (ROOT / name).exists())


class Contributing(unittest.TestCase):
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

    def test_the_tour_leads_to_what_it_names(self):
        tour = self.page.partition("## A tour")[2].partition("\n## ")[0]
        rows = re.findall(r"(?m)^\| .+\? \| \[(.+)\]\((.+)\) \| `(.+)` \|$", tour)
        self.assertEqual(len(rows), 10)
        for shown, name, identifier in rows:
            with self.subTest(file=name):
                self.assertEqual(shown, name)
                text = (ROOT / name).read_text(encoding="utf-8")
                self.assertRegex(text, rf"\b{re.escape(identifier)}\(")

    def test_the_option_is_shown_as_it_is_compiled(self):
        patch = check_option.PATCH.read_text(encoding="utf-8")
        self.assertIn(f"```diff\n{patch}```", self.page)

    def test_the_option_applies_to_few_files(self):
        with tempfile.TemporaryDirectory() as scratch:
            names = check_option.apply(check_option.PATCH, ROOT, pathlib.Path(scratch).resolve())
            self.assertLessEqual(len(names), check_option.MOST_FILES)
            self.assertIn("retort/run/options.h", names)
            table = pathlib.Path(scratch, "retort/run/options.h").read_text(encoding="utf-8")
            self.assertIn('visitor("grey"', table)


if __name__ == "__main__":
    unittest.main()
