#include "retort/text/unigram.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>

#include "retort/core/error.h"
#include "retort/text/characters.h"

namespace retort::text {
namespace {

// Reads the fields of a protobuf message one after the other. Field numbers are those of
// sentencepiece_model.proto.
class Message {
 public:
  Message(const std::string& bytes, const std::string& where)
      : stream_(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size())),
        size_(static_cast<int>(bytes.size())),
        where_(where) {}

  // The next field's number; 0 at the end.
  int next() {
    const uint32_t tag = stream_.ReadTag();
    if (tag == 0 && stream_.CurrentPosition() != size_) fail();
    type_ = tag & 7U;
    return static_cast<int>(tag >> 3U);
  }
  std::string bytes() {
    uint32_t length = 0;
    std::string value;
    if (type_ != 2 || !stream_.ReadVarint32(&length) ||
        length > static_cast<uint32_t>(size_ - stream_.CurrentPosition()))
      fail();
    if (!stream_.ReadString(&value, static_cast<int>(length))) fail();
    return value;
  }
  float number() {
    uint32_t value = 0;
    if (type_ != 5 || !stream_.ReadLittleEndian32(&value)) fail();
    return std::bit_cast<float>(value);
  }
  uint64_t whole() {
    uint64_t value = 0;
    if (type_ != 0 || !stream_.ReadVarint64(&value)) fail();
    return value;
  }
  void skip() {
    uint64_t ignored = 0;
    uint32_t word = 0;
    const bool read = (type_ == 0 && stream_.ReadVarint64(&ignored)) ||
                      (type_ == 1 && stream_.ReadLittleEndian64(&ignored)) ||
                      (type_ == 5 && stream_.ReadLittleEndian32(&word));
    if (!read) (void)bytes();
  }
  [[noreturn]] void fail() const {
    throw Error("is no SentencePiece model", where_, "get the file again");
  }

 private:
  google::protobuf::io::CodedInputStream stream_;
  int size_;
  uint32_t type_ = 0;
  const std::string& where_;
};

constexpr uint64_t kNormal = 1, kUnknown = 2, kUserDefined = 4;  // SentencePiece.Type

}  // namespace

Unigram::Unigram(const std::string& bytes, const std::string& where) {
  constexpr uint64_t kUnigram = 1;  // TrainerSpec.ModelType
  Message model(bytes, where);
  for (int field = model.next(); field != 0; field = model.next()) {
    if (field == 1) {
      add_piece(model.bytes(), where);
    } else if (field == 2) {
      const std::string spec = model.bytes();
      Message trainer(spec, where);
      for (int inner = trainer.next(); inner != 0; inner = trainer.next()) {
        if (inner != 3) {
          trainer.skip();
        } else if (trainer.whole() != kUnigram) {
          throw Error("is a SentencePiece model of another kind than unigram", where,
                      "SigLIP's is read");
        }
      }
    } else {
      model.skip();
    }
  }
  if (pieces_.empty() || unknown_ < 0) model.fail();
}

void Unigram::add_piece(const std::string& bytes, const std::string& where) {
  Message message(bytes, where);
  std::string text;
  Piece piece{.id = static_cast<int64_t>(pieces_.size())};
  uint64_t type = kNormal;
  for (int field = message.next(); field != 0; field = message.next()) {
    if (field == 1) {
      text = message.bytes();
    } else if (field == 2) {
      piece.score = message.number();
    } else if (field == 3) {
      type = message.whole();
    } else {
      message.skip();
    }
  }
  if (!(std::abs(piece.score) < 1e6F) || text.empty()) message.fail();
  piece.special = type != kNormal && type != kUserDefined;
  if (type == kUnknown) unknown_ = piece.id;
  if (!piece.special) {
    least_ = std::min(least_, piece.score);
    longest_ = std::max(longest_, text.size());
  }
  if (!pieces_.emplace(text, piece).second) message.fail();
}

std::optional<int64_t> Unigram::find(const std::string& piece) const {
  const auto found = pieces_.find(piece);
  return found == pieces_.end() ? std::nullopt : std::optional(found->second.id);
}

// The Viterbi algorithm: best[i] is the best segmentation of the first i characters.
std::vector<int64_t> Unigram::pieces(const std::string& text) const {
  constexpr float kUnknownPenalty = 10;  // sentencepiece's unigram_model.cc
  std::string marked;
  std::vector<size_t> bounds{0};  // of characters
  for (const std::string& character : characters(text.empty() ? text : " " + text)) {
    marked += character == " " ? "\u2581" : character;
    bounds.push_back(marked.size());
  }
  struct Cut {
    float score = -std::numeric_limits<float>::infinity();
    size_t from = 0;
    int64_t id = -1;
  };
  std::vector<Cut> best(bounds.size());
  best[0].score = 0;
  for (size_t from = 0; from + 1 < bounds.size(); ++from) {
    const auto offer = [&](size_t to, float score, int64_t id) {
      if (best[from].score + score > best[to].score)
        best[to] = {best[from].score + score, from, id};
    };
    bool single = false;
    for (size_t to = from + 1; to < bounds.size() && bounds[to] - bounds[from] <= longest_; ++to) {
      const auto found = pieces_.find(marked.substr(bounds[from], bounds[to] - bounds[from]));
      if (found == pieces_.end() || found->second.special) continue;
      offer(to, found->second.score, found->second.id);
      single |= to == from + 1;
    }
    if (!single) offer(from + 1, least_ - kUnknownPenalty, unknown_);
  }
  std::vector<int64_t> ids;
  for (size_t at = bounds.size() - 1; at > 0; at = best[at].from)
    if (best[at].id != unknown_ || ids.empty() || ids.back() != unknown_)
      ids.push_back(best[at].id);
  std::ranges::reverse(ids);
  return ids;
}

}  // namespace retort::text
