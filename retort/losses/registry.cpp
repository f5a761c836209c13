#include <algorithm>
#include <cmath>
#include <utility>

#include "retort/core/error.h"
#include "retort/losses/loss.h"

namespace retort::losses {
namespace {

// Inside a function: registrations run before main, in any order.
std::vector<LossEntry>& registry() {
  static std::vector<LossEntry> entries;
  return entries;
}

std::string plain(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

const std::vector<LossEntry>& losses() { return registry(); }

const LossEntry& find_loss(const std::string& name) {
  std::string known;
  for (const LossEntry& entry : losses()) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw UsageError("there is no loss named `" + name + "`", "", "name one of: " + known);
}

int register_loss(LossEntry entry) {
  std::vector<LossEntry>& entries = registry();
  const auto place = std::lower_bound(entries.begin(), entries.end(), entry,
                                      [](const auto& a, const auto& b) { return a.name < b.name; });
  if (place != entries.end() && place->name == entry.name)
    throw Error("two losses are registered under one name", entry.name);
  entries.insert(place, std::move(entry));
  return static_cast<int>(entries.size());
}

void check_logits(const StepView& step, const char* loss) {
  if (step.student_logits.sizes() != step.teacher_logits.sizes())
    throw Error("the student's and the teacher's logits differ in shape",
                "loss `" + std::string(loss) + "`");
}

std::string to_string(const OptionValue& value) {
  return value.is_number() ? plain(value.number()) : value.word();
}

double option(const LossContext& context, const std::string& name, double low, double high) {
  const OptionValue& value = context.options.at(name);
  if (!value.is_number() ||
      !(value.number() >= low && value.number() <= high)) {  // a NaN fails too
    throw UsageError(
        "must be in [" + plain(low) + ", " + plain(high) + "], not " + to_string(value),
        "loss option `" + name + "`");
  }
  return value.number();
}

int64_t whole_option(const LossContext& context, const std::string& name, int64_t low,
                     int64_t high) {
  const double value = option(context, name, static_cast<double>(low), static_cast<double>(high));
  if (value != std::floor(value))
    throw UsageError("must be a whole number, not " + plain(value), "loss option `" + name + "`");
  return static_cast<int64_t>(value);
}

const std::string& word_option(const LossContext& context, const std::string& name,
                               std::initializer_list<const char*> words) {
  const OptionValue& value = context.options.at(name);
  std::string known;
  for (const char* word : words) {
    if (!value.is_number() && value.word() == word) return value.word();
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  throw UsageError("must be one of " + known + ", not " + to_string(value),
                   "loss option `" + name + "`");
}

}  // namespace retort::losses
