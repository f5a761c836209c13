#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace retort::text {

// Byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909): of two neighbours that a rule joins,
// those of the earliest rule are joined first, the leftmost of equals, until no rule is left.
class Bpe {
 public:
  using Vocabulary = std::unordered_map<std::string, int64_t>;
  // Rules in their order. Throws Error, naming the file `where`, on one whose parts, or whose
  // whole, is not in the vocabulary.
  Bpe(Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& rules,
      const std::string& where);

  std::optional<int64_t> find(const std::string& token) const;
  std::vector<int64_t> joined(std::vector<int64_t> tokens) const;

 private:
  struct Rule {
    int64_t rank = 0, whole = 0;
  };
  const Rule* rule_of(int64_t left, int64_t right) const;

  Vocabulary vocabulary_;
  std::unordered_map<uint64_t, Rule> rules_;  // by left · 2^32 + right
};

}  // namespace retort::text
