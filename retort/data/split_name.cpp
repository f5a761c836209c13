#include "retort/data/split_name.h"

#include <cctype>
#include <map>
#include <set>
#include <vector>

#include "retort/core/unicode.h"

namespace retort::data {
namespace {

// Runs of letters and runs of digits, in lower case.
std::vector<std::string> words_of(const std::string& name) {
  enum class Kind { none, letters, digits };
  std::vector<std::string> words;
  Kind last = Kind::none;
  for (const char c : folded(name)) {
    const auto byte = static_cast<unsigned char>(c);
    const Kind kind = std::isdigit(byte)                   ? Kind::digits
                      : std::isalpha(byte) || byte >= 0x80 ? Kind::letters
                                                           : Kind::none;
    if (kind != Kind::none && kind != last) words.emplace_back();
    if (kind != Kind::none) words.back() += c;
    last = kind;
  }
  return words;
}

std::optional<Split> split_word(const std::string& word) {
  static const std::map<std::string, Split> words = {
      {"train", Split::train},       {"training", Split::train}, {"trainset", Split::train},
      {"trainingset", Split::train}, {"trainval", Split::train}, {"val", Split::val},
      {"valid", Split::val},         {"validation", Split::val}, {"validationset", Split::val},
      {"valset", Split::val},        {"dev", Split::val},        {"devset", Split::val},
      {"development", Split::val},   {"test", Split::test},      {"testing", Split::test},
      {"tests", Split::test},        {"testset", Split::test},   {"testingset", Split::test},
      {"holdout", Split::test},      {"trn", Split::train},      {"tst", Split::test}};
  const auto found = words.find(word);
  return found == words.end() ? std::nullopt : std::optional(found->second);
}

// Words that add nothing to a split's name.
bool is_filler(const std::string& word) {
  static const std::set<std::string> words = {"set",    "data",    "dataset",  "image",
                                              "images", "img",     "imgs",     "split",
                                              "photos", "samples", "pictures", "folder"};
  return words.contains(word);
}

// "trainA" becomes "train A".
std::string with_blanks_before_capitals(const std::string& name) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  std::string apart;
  for (const char c : name) {
    if (!apart.empty() && is_lower(apart.back()) && c >= 'A' && c <= 'Z') apart += ' ';
    apart += c;
  }
  return apart;
}

// Names of two letters. They count only as the whole name, since they may also mean something else.
std::optional<Split> short_split(const std::string& name) {
  static const std::map<std::string, Split> names = {
      {"tr", Split::train}, {"va", Split::val}, {"te", Split::test}, {"ts", Split::test}};
  const auto found = names.find(folded(name));
  return found == names.end() ? std::nullopt : std::optional(found->second);
}

std::optional<SplitName> split_of_words(const std::vector<std::string>& words) {
  std::optional<Split> split;
  std::string pattern;
  for (const std::string& word : words) {
    const std::optional<Split> named = split_word(word);
    if (named && split) return std::nullopt;
    if (named) split = named;
    if (named || !is_filler(word)) pattern += (pattern.empty() ? "" : " ") + (named ? "*" : word);
  }
  if (!split) return std::nullopt;
  return SplitName{*split, std::move(pattern)};
}

}  // namespace

std::optional<SplitName> split_name(const std::string& name) {
  if (const std::optional<Split> split = short_split(name)) return SplitName{*split, "*"};
  std::optional<SplitName> found = split_of_words(words_of(name));
  return found ? found : split_of_words(words_of(with_blanks_before_capitals(name)));
}

bool is_short_split(const std::string& name) { return short_split(name).has_value(); }

std::optional<Split> split_from(const std::string& name) {
  const std::optional<SplitName> found = split_name(name);
  return found && found->plain() ? std::optional(found->split) : std::nullopt;
}

}  // namespace retort::data
