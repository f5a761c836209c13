#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace retort::data {

// A line of a text file that lists images, classes or splits.
struct Line {
  std::string text;   // without blanks around
  std::string where;  // file:line, for errors
};

// The lines that hold anything. Throws Error when the file cannot be read.
std::vector<Line> lines_of(const std::filesystem::path& file);

// Lines `NUMBER REST` by their number. Throws Error on a line of another form and on a number that
// was there before.
std::map<int64_t, Line> numbered_lines_of(const std::filesystem::path& file);

// A number with nothing around it. Throws Error at `where`.
int64_t number_in(const std::string& text, const std::string& where);

// The file below root, or elsewhere for an absolute path, that a list means by this text: as it is
// written, or else with / for \, or in the other Unicode form. Normalised; nothing where there is
// no such file.
std::optional<std::string> listed_path(const std::filesystem::path& root, const std::string& text);

// folder/name, normalised, which must be a file below root/folder. Throws Error at `where` when it
// is not there or leads elsewhere.
std::string listed_file(const std::filesystem::path& root, const std::string& folder,
                        const std::string& name, const std::string& where);

// The first folder of a path `class/…/file.jpg`. Throws Error at `where` when there is none.
std::string class_folder(const std::string& path, const std::string& where);

bool has_file(const std::filesystem::path& folder, const std::string& name);
bool has_folder(const std::filesystem::path& folder, const std::string& name);

}  // namespace retort::data
