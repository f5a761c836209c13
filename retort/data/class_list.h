#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort::data {

// A class: its label, which is also its folder's name, and what prompts call it.
struct ClassName {
  std::string label, words;
};

// Reads the classes, in their order, from a text file with one class a line, `LABEL` or `LABEL:
// WORDS`, or from a data set (manifest.h). Without WORDS prompts use the label with blanks for
// underscores. Throws Error, with file and line, on a label that cannot be a folder's name or
// appears twice, and on text that is not UTF-8.
std::vector<ClassName> read_classes(const std::filesystem::path& path);

// Whether the text can be a class's label, which is also a folder's name: 1 to 200 bytes, without
// '/' and without a '.' at the start.
bool is_label(const std::string& text);

// Throws Error, naming `where`, on a text that is not one line of UTF-8 without control characters.
void check_one_line(const std::string& text, const std::string& where);

}  // namespace retort::data
