#pragma once

#include <optional>
#include <string>
#include <utility>

#include "retort/core/error.h"

namespace retort {

// The words for an enum's values, in options and files. An enum has words where Words is
// specialised for it with a table `kTable` of pairs (value, word).
template <typename Choice>
struct Words;

template <typename Choice>
concept Worded = requires {
  Words<Choice>::kTable;
};

template <Worded Choice>
std::string word_of(Choice choice) {
  for (const auto& [each, word] : Words<Choice>::kTable)
    if (each == choice) return word;
  return {};
}

// The value of this word; nothing where no value has it.
template <Worded Choice>
std::optional<Choice> choice_in(const std::string& given) {
  for (const auto& [each, word] : Words<Choice>::kTable)
    if (given == word) return each;
  return std::nullopt;
}

// Throws UsageError, naming the option and its words.
template <Worded Choice>
Choice choice_from(const std::string& given, const std::string& option) {
  if (const std::optional<Choice> found = choice_in<Choice>(given)) return *found;
  std::string known;
  for (const auto& [each, word] : Words<Choice>::kTable)
    known += (known.empty() ? "" : ", ") + std::string(word);
  throw UsageError("is '" + given + "'", option, "one of: " + known);
}

}  // namespace retort
