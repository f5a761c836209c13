#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace retort::text {

// The special tokens around every text.
struct Frame {
  std::optional<int64_t> begin, end;
  int64_t padding = 0;
  bool pad_left = false;
};

// Turns a text into token ids, the input of a text encoder.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Exactly `length` token ids: the begin token if there is one, the text's own tokens, cut where
  // they are too many, the end token if there is one, and padding, at the end or with pad_left at
  // the start. Throws Error on a text that is not UTF-8, and where `length` is below four.
  std::vector<int64_t> encode(const std::string& text, int64_t length) const;

  // The id of the end token; nothing where texts have none.
  std::optional<int64_t> end() const { return frame_.end; }

 protected:
  explicit Tokenizer(const Frame& frame) : frame_(frame) {}
  virtual std::vector<int64_t> tokens(const std::string& text) const = 0;

 private:
  Frame frame_;
};

// The tokenizer in a model's folder, as transformers saves it and hubs hold it:
//   spiece.model                        SentencePiece, on lower case without punctuation (SigLIP);
//                                       its own normalisation, Unicode's NFKC, is left out
//   tokenizer.json, or vocab.json       byte-pair encoding of words in lower case (CLIP)
//     with merges.txt
//   tokenizer.json with byte_fallback   byte-pair encoding of the whole text in lower case (SigLIP
//   2)
// Throws Error naming the file when none of them is there, or one is malformed or of another kind.
std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& folder);

}  // namespace retort::text
