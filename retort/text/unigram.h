#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace retort::text {

// SentencePiece's unigram language model (Kudo 2018, arXiv 1804.10959): the most probable
// segmentation of a text into known pieces. SentencePiece's own library cannot be used beside
// protobuf: Debian's contains an older copy of protobuf under the same names.
class Unigram {
 public:
  // Reads the bytes of a .model file. Throws Error, naming `where`, on other bytes and on models
  // that are not unigram models.
  Unigram(const std::string& bytes, const std::string& where);

  std::optional<int64_t> find(const std::string& piece) const;
  // The ids of the text's pieces; none for an empty text. Blanks become U+2581, and one is put in
  // front. A character without a piece of its own may become the unknown piece; several of these in
  // a row give one. Throws Error on a text that is not UTF-8.
  std::vector<int64_t> pieces(const std::string& text) const;

 private:
  struct Piece {
    int64_t id = 0;
    float score = 0;
    bool special = false;  // control, unknown and byte pieces, which match no text
  };
  void add_piece(const std::string& bytes, const std::string& where);

  std::unordered_map<std::string, Piece> pieces_;
  int64_t unknown_ = -1;
  float least_ = 0;     // the lowest score of a piece, at most 0
  size_t longest_ = 0;  // bytes of the longest piece
};

}  // namespace retort::text
