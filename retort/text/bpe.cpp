#include "retort/text/bpe.h"

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::text {
namespace {

uint64_t key_of(int64_t left, int64_t right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint64_t>(right);
}

}  // namespace

Bpe::Bpe(Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& rules,
         const std::string& where)
    : vocabulary_(std::move(vocabulary)) {
  const auto known = [&](const std::string& token) {
    if (const auto id = find(token)) return *id;
    throw Error("a merge needs the token " + quote_name(token) + ", which its vocabulary lacks",
                where, "get the file again");
  };
  for (const auto& [left, right] : rules)
    rules_.try_emplace(key_of(known(left), known(right)),
                       Rule{static_cast<int64_t>(rules_.size()), known(left + right)});
}

std::optional<int64_t> Bpe::find(const std::string& token) const {
  const auto found = vocabulary_.find(token);
  return found == vocabulary_.end() ? std::nullopt : std::optional(found->second);
}

const Bpe::Rule* Bpe::rule_of(int64_t left, int64_t right) const {
  const auto found = rules_.find(key_of(left, right));
  return found == rules_.end() ? nullptr : &found->second;
}

std::vector<int64_t> Bpe::joined(std::vector<int64_t> tokens) const {
  for (;;) {
    const Rule* best = nullptr;
    size_t place = 0;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      const Rule* rule = rule_of(tokens[i], tokens[i + 1]);
      if (rule == nullptr || (best != nullptr && best->rank <= rule->rank)) continue;
      best = rule;
      place = i;
    }
    if (best == nullptr) return tokens;
    tokens[place] = best->whole;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

}  // namespace retort::text
