#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace retort::text {

// SentencePiece's unigram language model (Kudo 2018, arXiv 1804.10959): of all ways to cut a text
// into known pieces, the likeliest. The library itself cannot be in one process with protobuf's
// (Debian's has an older copy of it inside, under the same names).
class Unigram {
 public:
  // Of a .model file's bytes. Throws Error naming `where` on what is not such a file, and on its
  // other kinds of models.
  Unigram(const std::string& bytes, const std::string& where);

  std::optional<int64_t> find(const std::string& piece) const;
  // Blanks become U+2581, and one is put in front. A character that no piece holds is the unknown,
  // several in a row one. Throws Error on a text that is not UTF-8.
  std::vector<int64_t> pieces(const std::string& text) const;

 private:
  struct Piece {
    int64_t id = 0;
    float score = 0;
    bool special = false;  // stands for itself, not for text
  };
  void add_piece(const std::string& bytes, const std::string& where);

  std::unordered_map<std::string, Piece> pieces_;
  int64_t unknown_ = -1;
  float least_ = 0;     // score of any piece
  size_t longest_ = 0;  // bytes
};

}  // namespace retort::text
