#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort::generate {

// A class: its label (also its folder's name), the words that prompts use for it, and its prompts
// with these words filled in.
struct ClassPrompts {
  std::string label, words;
  std::vector<std::string> prompts;
};

struct PromptOptions {
  // A data set (data/manifest.h), or a text file with one class a line, `LABEL` or `LABEL: WORDS`.
  // Without WORDS prompts call the class by its label with blanks for underscores.
  std::filesystem::path classes;
  // Each has {class} in it, or is the name of a preset. Without prompts and without a file:
  // kDefaultPrompt.
  std::vector<std::string> prompts;
  // A CSV file with the header `class,prompt` and any number of lines for a class; empty: none.
  // Classes in this file do not use `prompts`.
  std::filesystem::path file;
};

constexpr const char* kDefaultPrompt = "a photo of a {class}";

// Farhat & Chen's (2024) prompts, named by a word of each: "inside", "picture", "texture".
struct Preset {
  const char* name;
  const char* prompt;
};
const std::vector<Preset>& presets();

// The classes with their prompts, in the order of the file or of the data set. Throws Error, with
// file and line, on a label that cannot be a folder's name or appears twice, on a prompt for an
// unknown class, on a class without a prompt, and on text that is not UTF-8; UsageError on a prompt
// without {class} that is no preset.
std::vector<ClassPrompts> read_prompts(const PromptOptions& options);

// The text with `value` in place of every `name`. Inserted text is not searched again.
std::string replaced(const std::string& text, const std::string& name, const std::string& value);

}  // namespace retort::generate
