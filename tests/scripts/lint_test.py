"""Tests of check_includes.py, check_sizes.py and check_text.py.

python -m unittest tests/scripts/lint_test.py
"""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import check_includes
import check_sizes
import check_text

ROOMS = "core:\ndata: core\nmodels: core data\n"


class Sizes(unittest.TestCase):
    @staticmethod
    def blocks(source):
        text = check_sizes.without_text(source)
        return list(check_sizes.blocks(text, 0, len(text)))

    def test_functions_and_classes_are_found(self):
        source = """namespace retort {
namespace {
enum class Kind { a, b };
constexpr std::array kTable{1, 2};
}  // namespace
class Box : public Base {
 public:
  Box(int a)
      : a_(a), b_{2} {}
  int size() const { return a_; }

 private:
  struct Inner {
    int c = 0;
  };
};

template <typename T>
std::string text_of(const T& value) {
  const auto wrap = [&](char c) {  // a brace: {
    return "}" + std::string{c};
  };
  return wrap('{');
}
Box::Box() : other_({.a = 1}), b_(2) {
  run();
}
}  // namespace retort
"""
        self.assertEqual(
            self.blocks(source),
            [
                ("class", "Kind", 3, 1),
                ("class", "Box", 6, 11),
                ("function", "Box", 8, 2),
                ("function", "size", 10, 1),
                ("class", "Inner", 13, 3),
                ("function", "text_of", 18, 7),
                ("function", "Box", 25, 3),
            ],
        )

    def test_what_is_too_long_is_named(self):
        lines = "  run();\n"
        files = {
            "retort/core/a.cpp": "void fits() {\n"
            + 58 * lines
            + "}\nint main() {\n"
            + 59 * lines
            + "}\n",
            "retort/run/b.cpp": 251 * "// A line.\n",
            "cli/c.h": "class Big {\n" + 199 * "  int a;\n" + "};\n",
        }
        with tempfile.TemporaryDirectory() as scratch:
            root = pathlib.Path(scratch)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            found = check_sizes.findings(root)[0]
        self.assertEqual(
            found,
            [
                "retort/core/a.cpp:61: main has 61 lines; a function has 60",
                "retort/run/b.cpp:1: has 251 lines; a file of retort/run has 250",
                "cli/c.h:1: Big has 201 lines; a class has 200",
            ],
        )


class Includes(unittest.TestCase):
    def findings(self, files, rooms=ROOMS):
        with tempfile.TemporaryDirectory() as scratch:
            root = pathlib.Path(scratch)
            for name, text in {"cmake/rooms.txt": rooms, **files}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            return check_includes.findings(root)[0]

    def test_what_the_list_names_is_allowed(self):
        files = {
            "retort/version.h": "",
            "retort/core/a.h": '#include "retort/version.h"\n',
            "retort/models/b.cpp": '#include <vector>\n#include "retort/core/a.h"\n',
            "retort/retort.h": '#include "retort/core/a.h"\n',
            "cli/main.cpp": '#include "retort/retort.h"\n',
        }
        self.assertEqual(self.findings(files), [])

    def test_a_call_without_its_header_is_found(self):
        files = {
            "retort/core/a.h": "int far_away(int value);\nint size();\n",
            "retort/core/b.h": '#include "retort/core/a.h"\nclass B {\n  int size() const;\n};\n',
            "retort/data/by_way.cpp": '#include "retort/core/b.h"\nint x = far_away(1);\n',
            "retort/data/of_others.cpp": "// far_away(1)\nint x = a.far_away(std::far_away(1));\n",
            "retort/data/without.cpp": "int x = far_away(1);\n",
            "retort/data/member.cpp": '#include "retort/core/c.h"\nint y = size();\n',
            "retort/core/c.h": "class C {\n  int size() const;\n};\n",
        }
        self.assertEqual(
            self.findings(files),
            ["retort/data/without.cpp: calls far_away() and does not include retort/core/a.h"],
        )

    def test_an_include_upwards_is_found(self):
        files = {"retort/models/b.h": "", "retort/data/a.cpp": '\n#include "retort/models/b.h"\n'}
        found = self.findings(files)
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("retort/data/a.cpp:2: includes retort/models"), found)

    def test_a_room_includes_neither_the_public_header_nor_the_command_line(self):
        files = {
            "retort/retort.h": "",
            "cli/terminal.h": "",
            "retort/core/a.cpp": '#include "retort/retort.h"\n#include "cli/terminal.h"\n',
        }
        self.assertEqual(len(self.findings(files)), 2)

    def test_a_room_that_is_not_listed_is_found(self):
        self.assertEqual(len(self.findings({"retort/attic/a.cpp": ""})), 1)

    def test_a_list_out_of_order_is_found(self):
        found = self.findings({}, "data: core\ncore:\n")
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("cmake/rooms.txt:1: data depends on core"), found)

    def test_a_circle_is_found_once(self):
        files = {
            "retort/core/a.h": '#include "retort/core/b.h"\n',
            "retort/core/b.h": '#include "retort/core/c.h"\n',
            "retort/core/c.h": '#include "retort/core/a.h"\n',
        }
        found = self.findings(files)
        self.assertEqual(len(found), 1)
        self.assertIn("a.h > retort/core/b.h > retort/core/c.h > retort/core/a.h", found[0])

    def test_a_file_in_the_namespace_of_another_room_is_found(self):
        files = {
            "retort/core/a.h": "namespace retort {\n}\n",
            "retort/data/a.h": "namespace retort {\n}\nnamespace retort::data::inner {\n}\n",
            "retort/data/b.cpp": "\nnamespace retort::models {\n}\n",
            "cli/main.cpp": "namespace retort::anything {\n}\n",
        }
        self.assertEqual(
            self.findings(files),
            [
                "retort/data/b.cpp:2: opens retort::models, and the files of data are in "
                "retort::data"
            ],
        )

    def test_two_files_that_include_each_other_are_found(self):
        files = {
            "retort/core/a.h": '#include "retort/core/b.h"\n',
            "retort/core/b.h": '#include "retort/core/a.h"\n',
        }
        self.assertEqual(len(self.findings(files)), 1)


class Lines(unittest.TestCase):
    def test_a_line_that_could_be_wrapped_is_found(self):
        self.assertEqual(list(check_text.long_lines("a b\n" + "word " * 4, 10, False)), [(2, 20)])
        # In code it is a comment, not a heading.
        self.assertEqual(list(check_text.long_lines("# a long comment", 10, False)), [(1, 16)])

    def test_what_cannot_be_wrapped_is_left_alone(self):
        lines = [
            '#include "retort/a/very/long/name.h"',
            "| a | row of a table |",
            "https://example.org/a/long/address",
            "## a long heading",
        ]
        self.assertEqual(list(check_text.long_lines("\n".join(lines), 10, True)), [])

    def test_code_blocks_of_pages_are_left_alone(self):
        text = "```sh\na long command line\n```\na long line\n"
        self.assertEqual(list(check_text.long_lines(text, 10, True)), [(4, 11)])


if __name__ == "__main__":
    unittest.main()
