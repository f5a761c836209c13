#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort::generate {

// A class: its label (the name of its folder, too), what prompts call it, and its prompts, with
// that filled in.
struct ClassPrompts {
  std::string label, words;
  std::vector<std::string> prompts;
};

struct PromptOptions {
  // A data set (data/manifest.h), or a text file with one class a line, `LABEL` or `LABEL: WORDS`.
  // Without WORDS prompts call the class by its label with blanks for underscores.
  std::filesystem::path classes;
  // With {class} in each, or the name of a preset; none and no file: kDefaultPrompt.
  std::vector<std::string> prompts;
  // CSV with the header `class,prompt`, any number of lines a class; may be empty. Its classes do
  // not use `prompts`.
  std::filesystem::path file;
};

constexpr const char* kDefaultPrompt = "a photo of a {class}";

// Farhat & Chen's (2024) prompts by a word of each: "inside", "picture", "texture".
struct Preset {
  const char* name;
  const char* prompt;
};
const std::vector<Preset>& presets();

// In the order of the file, or of the data set's classes. Throws Error, with file and line, on a
// label that cannot be a folder's name or was there before, on a prompt for a class that is not
// there, on a class without a prompt, and on text that is not UTF-8; UsageError on a template
// without {class}.
std::vector<ClassPrompts> read_prompts(const PromptOptions& options);

// The text with `value` in place of every `name`; what is put in is not looked at again.
std::string replaced(const std::string& text, const std::string& name, const std::string& value);

}  // namespace retort::generate
