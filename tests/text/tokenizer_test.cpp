// Parity with transformers' tokenizers on small vocabularies, and malformed files.
#include "retort/text/tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/text/characters.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::text {
namespace {

namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(RETORT_FIXTURES) / "text";

class TokenizerParity : public ::testing::TestWithParam<std::string> {};

TEST_P(TokenizerParity, Numbers) {
  const nlohmann::json fixture = nlohmann::json::parse(read_file(kFixtures / "tokenizers.json"));
  const auto tokenizer = open_tokenizer(kFixtures / "tokenizers" / GetParam());
  const auto& texts = fixture["texts"];
  ASSERT_GT(texts.size(), 15U);
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(tokenizer->encode(texts[i], fixture["length"]),
              fixture[GetParam()][i].get<std::vector<int64_t>>())
        << texts[i];
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerParity,
                         ::testing::Values("clip", "clip_files", "siglip", "siglip2"),
                         [](const auto& test) { return test.param; });

TEST(Tokenizer, TextsMustBeUtf8AndHaveRoom) {
  for (const char* kind : {"clip", "siglip", "siglip2"}) {
    const auto tokenizer = open_tokenizer(kFixtures / "tokenizers" / kind);
    EXPECT_ERROR(tokenizer->encode("caf\xe9", 24), "is not UTF-8") << kind;
    EXPECT_ERROR(tokenizer->encode("a", 3), "room for four tokens at least, not 3") << kind;
  }
}

TEST(Tokenizer, BytesThatCannotBePrintedFollowThoseThatCan) {
  EXPECT_EQ(printable_byte('a'), "a");
  EXPECT_EQ(printable_byte(' '), "\u0120");  // GPT-2's mark of a blank
  EXPECT_EQ(printable_byte(0), "\u0100");
  EXPECT_EQ(printable_byte(0xAD), "\u0143");
}

// Each file has one error, and gives an Error that names it.
TEST(Tokenizer, FilesThatLieAreErrors) {
  const nlohmann::json good =
      nlohmann::json::parse(read_file(kFixtures / "tokenizers/clip/tokenizer.json"));
  const auto with = [&](const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json json = good;
    change(json);
    return json.dump();
  };
  const auto of_model = [&](const char* key, const nlohmann::json& value) {
    return with([&](nlohmann::json& json) { json["model"][key] = value; });
  };
  const auto of_a = [&](const nlohmann::json& number) {
    return with([&](nlohmann::json& json) { json["model"]["vocab"]["a"] = number; });
  };
  struct File {
    std::string name, content, message;
  };
  const std::string no_number = "tokenizer.json: model.vocab: has a number out of range",
                    no_merge = "has a merge that is not two tokens",
                    no_pieces = "spiece.model: is no SentencePiece model";
  const std::vector<File> files = {
      {"tokenizer.json", "", "tokenizer.json: is not valid JSON at byte 1"},
      {"tokenizer.json", "[]", "tokenizer.json: is no JSON object"},
      {"tokenizer.json", "{\"model\": 3}", "tokenizer.json: model: is 3, not an object"},
      {"tokenizer.json", of_model("type", "WordPiece"), "of a kind that retort does not read"},
      {"tokenizer.json", of_model("end_of_word_suffix", nullptr), "of a kind that retort"},
      {"tokenizer.json", of_a(-1), no_number},
      {"tokenizer.json", of_a(int64_t{1} << 62), no_number},
      {"tokenizer.json", of_a("1"), no_number},
      {"tokenizer.json", of_model("vocab", {"a", "b"}), "is not an object of tokens"},
      {"tokenizer.json",
       with([](nlohmann::json& json) { json["model"]["vocab"].erase("<|endoftext|>"); }),
       "tokenizer.json: its vocabulary lacks the token '<|endoftext|>'"},
      {"tokenizer.json", of_model("merges", {"not there"}),
       "tokenizer.json: a merge needs the token 'notthere', which its vocabulary lacks"},
      {"tokenizer.json", of_model("merges", {"one"}), "tokenizer.json: " + no_merge},
      {"tokenizer.json", of_model("merges", {{"a"}}), no_merge},
      {"vocab.json", "{}", "merges.txt: cannot be read"},
      {"spiece.model", "", no_pieces},
      {"spiece.model", std::string(1000, '\xff'), no_pieces},
      {"spiece.model", read_file(kFixtures / "tokenizers/siglip/spiece.model").substr(0, 400),
       no_pieces},
  };
  for (const File& file : files) {
    const testing::TestFolder folder;
    std::ofstream(folder / file.name) << file.content;
    EXPECT_ERROR(open_tokenizer(folder.path()), file.message) << file.content.substr(0, 60);
  }
  EXPECT_ERROR(open_tokenizer(kFixtures), "holds no tokenizer: no spiece.model, tokenizer.json or");
}

}  // namespace
}  // namespace retort::text
