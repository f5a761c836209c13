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
  std::string text;   // without surrounding blanks
  std::string where;  // file:line, for errors
};

// The lines that are not blank. Throws Error when the file cannot be read.
std::vector<Line> lines_of(const std::filesystem::path& file);

// Reads lines `NUMBER REST` into a map from number to REST. Throws Error on a line of another form
// and on a number that appears twice.
std::map<int64_t, Line> numbered_lines_of(const std::filesystem::path& file);

// Reads a text that is one whole number. Throws Error, naming `where`, on any other text.
int64_t number_in(const std::string& text, const std::string& where);

// The path, relative to root or absolute, of the file that a list names with this text: as it is
// written, or else with / for \, or in the other Unicode form. The path is normalised; nothing
// where there is no such file.
std::optional<std::string> listed_path(const std::filesystem::path& root, const std::string& text);

// The normalised path folder/name, relative to root, of a file below root/folder. Throws Error,
// naming `where`, when there is no such file or the path leads out of the folder.
std::string listed_file(const std::filesystem::path& root, const std::string& folder,
                        const std::string& name, const std::string& where);

// The first folder of a path `class/…/file.jpg`. Throws Error, naming `where`, when there is none.
std::string class_folder(const std::string& path, const std::string& where);

bool has_file(const std::filesystem::path& folder, const std::string& name);
bool has_folder(const std::filesystem::path& folder, const std::string& name);

}  // namespace retort::data
