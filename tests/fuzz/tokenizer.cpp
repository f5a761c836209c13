// The files of a tokenizer, and a text: SentencePiece's model, byte-pair encodings of CLIP and
// SigLIP 2.
#include "retort/text/tokenizer.h"

#include <fstream>
#include <sstream>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  const fuzz::InputFolder folder(fuzz::text_of(data, size),
                                 {"spiece.model", "tokenizer.json", "tokenizer_config.json",
                                  "vocab.json", "merges.txt", "text"});
  fuzz::expect_errors_only([&] {
    std::stringstream text;
    text << std::ifstream(folder.path() / "text", std::ios::binary).rdbuf();
    const auto tokenizer = text::open_tokenizer(folder.path());
    tokenizer->encode("a photo of a caf\xC3\xA9, 3 dogs' toys", 16);
    tokenizer->encode(text.str(), 64);
  });
  return 0;
}
