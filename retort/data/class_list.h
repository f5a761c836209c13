#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort::data {

// A class: its label, which is also its folder's name, and what prompts call it.
struct ClassName {
  std::string label, words;
};

// Of a text file with one class a line, `LABEL` or `LABEL: WORDS`, or of a data set (manifest.h),
// in its order. Without WORDS a class is called by its label with blanks for underscores. Throws
// Error, with file and line, on a label that cannot be a folder's name or was there before, and on
// text that is not UTF-8.
std::vector<ClassName> read_classes(const std::filesystem::path& path);

// Whether a class can be so called: its label is a folder's name, at most 200 bytes, without '/'
// and without a '.' at the start.
bool is_label(const std::string& text);

// Throws Error, naming where it stands, on a text that is not one line of UTF-8: what JSON, PNG and
// CSV can carry.
void check_one_line(const std::string& text, const std::string& where);

}  // namespace retort::data
