#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace retort::text {

// Byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909). A rule joins two neighbouring
// tokens. The earliest rule that applies is used first, at its leftmost place, until none applies.
class Bpe {
 public:
  using Vocabulary = std::unordered_map<std::string, int64_t>;
  // `rules` are in their order. Throws Error, naming the file `where`, on a rule whose parts or
  // whose result are not in the vocabulary.
  Bpe(Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& rules,
      const std::string& where);

  // The id of a token of the vocabulary; nothing for others.
  std::optional<int64_t> find(const std::string& token) const;
  // The tokens after all rules are applied.
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
