#include "retort/teacher/kept_head.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::teacher {
namespace {

constexpr int64_t kSeveral = -1;

std::string folded(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return c == '_' || c == '-' ? ' ' : static_cast<char>(std::tolower(c));
  });
  return name;
}

}  // namespace

std::vector<int64_t> outputs_of_classes(const std::vector<std::string>& outputs,
                                        const std::vector<std::string>& classes,
                                        const std::string& where) {
  std::map<std::string, int64_t> exact, alike;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto number = static_cast<int64_t>(i);
    for (const auto& [names, name] :
         {std::pair{&exact, outputs[i]}, {&alike, folded(outputs[i])}}) {
      const auto [known, fresh] = names->emplace(name, number);
      if (!fresh) known->second = kSeveral;
    }
  }
  std::vector<int64_t> found;
  for (const std::string& name : classes) {
    auto output = exact.find(name);
    if (output == exact.end()) {
      output = alike.find(folded(name));
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
  return found;
}

}  // namespace retort::teacher
