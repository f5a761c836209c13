#include "retort/teacher/kept_head.h"

#include <algorithm>
#include <map>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"

namespace retort::teacher {
namespace {

constexpr int64_t kSeveral = -1;

std::string alike_form(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '_' || c == '-'; }, ' ');
  return folded(name);
}

// Throws Error where two classes would have the same row of the classifier.
void check_each_has_its_own(const std::vector<int64_t>& found,
                            const std::vector<std::string>& classes,
                            const std::vector<std::string>& outputs, const std::string& where) {
  std::map<int64_t, std::string> taken;
  for (size_t i = 0; i < found.size(); ++i) {
    const auto [known, fresh] = taken.emplace(found[i], classes[i]);
    if (!fresh)
      throw Error("the teacher's classifier has one class " +
                      quote_name(outputs[static_cast<size_t>(found[i])]) +
                      " for two of the data, " + quote_name(known->second) + " and " +
                      quote_name(classes[i]),
                  where, "name the data's classes as the teacher's, or use --teacher-head probe");
  }
}

}  // namespace

std::vector<int64_t> outputs_of_classes(const std::vector<std::string>& outputs,
                                        const std::vector<std::string>& classes,
                                        const std::string& where) {
  std::map<std::string, int64_t> exact, alike;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto number = static_cast<int64_t>(i);
    for (const auto& [names, name] :
         {std::pair{&exact, outputs[i]}, {&alike, alike_form(outputs[i])}}) {
      const auto [known, fresh] = names->emplace(name, number);
      if (!fresh) known->second = kSeveral;
    }
  }
  std::vector<int64_t> found;
  for (const std::string& name : classes) {
    auto output = exact.find(name);
    if (output == exact.end()) {
      output = alike.find(alike_form(name));
      if (output == alike.end())
        throw Error("the teacher's classifier has no class " + quote_name(name) +
                        "; its first is " + quote_name(outputs.front()),
                    where, "name the data's classes as the teacher's, or use --teacher-head probe");
    }
    if (output->second == kSeveral)
      throw Error("the teacher's classifier has several classes " + quote_name(name), where,
                  "use --teacher-head probe");
    found.push_back(output->second);
  }
  check_each_has_its_own(found, classes, outputs, where);
  return found;
}

}  // namespace retort::teacher
