// Against transformers' tokenizers on small vocabularies, and on files that lie.
#include "retort/text/tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/text/characters.h"
#include "tests/support/folder.h"

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
    EXPECT_THROW(tokenizer->encode("caf\xe9", 24), Error) << kind;
    EXPECT_THROW(tokenizer->encode("a", 3), Error) << kind;
  }
}

TEST(Tokenizer, BytesThatCannotBePrintedFollowThoseThatCan) {
  EXPECT_EQ(printable_byte('a'), "a");
  EXPECT_EQ(printable_byte(' '), "\u0120");  // GPT-2's mark of a blank
  EXPECT_EQ(printable_byte(0), "\u0100");
  EXPECT_EQ(printable_byte(0xAD), "\u0143");
}

// Each file with one thing wrong: an error that names it, and no crash.
TEST(Tokenizer, FilesThatLieAreErrors) {
  const nlohmann::json good =
      nlohmann::json::parse(read_file(kFixtures / "tokenizers/clip/tokenizer.json"));
  const auto with = [&](const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json json = good;
    change(json);
    return json.dump();
  };
  const std::vector<std::pair<std::string, std::string>> files = {
      {"tokenizer.json", ""},
      {"tokenizer.json", "[]"},
      {"tokenizer.json", "{\"model\": 3}"},
      {"tokenizer.json", with([](nlohmann::json& j) { j["model"]["type"] = "WordPiece"; })},
      {"tokenizer.json",
       with([](nlohmann::json& j) { j["model"]["end_of_word_suffix"] = nullptr; })},
      {"tokenizer.json", with([](nlohmann::json& j) { j["model"]["vocab"]["a"] = -1; })},
      {"tokenizer.json",
       with([](nlohmann::json& j) { j["model"]["vocab"]["a"] = int64_t{1} << 62; })},
      {"tokenizer.json", with([](nlohmann::json& j) { j["model"]["vocab"]["a"] = "1"; })},
      {"tokenizer.json", with([](nlohmann::json& j) {
         j["model"]["vocab"] = {"a", "b"};
       })},
      {"tokenizer.json",
       with([](nlohmann::json& j) { j["model"]["vocab"].erase("<|endoftext|>"); })},
      {"tokenizer.json", with([](nlohmann::json& j) { j["model"]["merges"] = {"not there"}; })},
      {"tokenizer.json", with([](nlohmann::json& j) { j["model"]["merges"] = {"one"}; })},
      {"tokenizer.json", with([](nlohmann::json& j) { j["model"]["merges"] = {{"a"}}; })},
      {"vocab.json", "{}"},
      {"spiece.model", ""},
      {"spiece.model", std::string(1000, '\xff')},
      {"spiece.model", read_file(kFixtures / "tokenizers/siglip/spiece.model").substr(0, 400)},
  };
  for (const auto& [name, content] : files) {
    const testing::TestFolder folder;
    std::ofstream(folder / name) << content;
    EXPECT_THROW((void)open_tokenizer(folder.path()), Error)
        << name << ": " << content.substr(0, 60);
  }
  EXPECT_THROW((void)open_tokenizer(kFixtures), Error);
}

}  // namespace
}  // namespace retort::text
