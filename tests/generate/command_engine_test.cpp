#include "retort/generate/command_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "retort/core/file.h"
#include "retort/generate/image_file.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"
#include "tests/support/noise.h"

namespace retort::generate {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using testing::put;
using testing::says;

TEST(SplitWords, ReadsQuotesAndBackslashes) {
  EXPECT_THAT(split_words(R"(  my-tool --p "{prompt}, 8k"	'a "b" \c' d\ e "f\"g" '' )"),
              ElementsAre("my-tool", "--p", "{prompt}, 8k", R"(a "b" \c)", "d e", "f\"g", ""));
  EXPECT_THAT(split_words("a b'c 'd"), ElementsAre("a", "bc d"));
  EXPECT_USAGE_ERROR(split_words("a 'b"), "a quote (') is not closed");
}

class CommandEngineTest : public ::testing::Test {
 protected:
  // Writes a script with this body after its first line; $1 … are the engine's arguments.
  std::string script(const std::string& body) {
    put(folder_ / "tool", "#!/bin/sh\n" + body);
    std::filesystem::permissions(folder_ / "tool", std::filesystem::perms::owner_all);
    put(folder_ / "image.png", encode(testing::noise(5, 12, 8), Format::png, ""));
    return "'" + (folder_ / "tool").string() + "'";
  }
  data::Image make(const std::string& command) {
    const auto engine = make_command_engine(command, folder_.path());
    engine->start(null_log(), never_stop());
    return engine->make({"sea_lake", "a \"lake\" {seed}; $(x) é", "text", 123},
                        [](int64_t, int64_t) {});
  }
  std::string copy() const { return "cp '" + (folder_ / "image.png").string() + "' "; }
  testing::TestFolder folder_;
};

TEST_F(CommandEngineTest, FillsWordsInAndReadsTheImage) {
  const std::string tool = script("printf '%s\\n' \"$@\" > '" + (folder_ / "words").string() +
                                  "'\n" + copy() + "\"$6\"\n");
  const data::Image image = make(
      tool + R"( --prompt={prompt} "{class}: {seed}" {negative_prompt} '{"a": {seed}}' {} {out})");
  EXPECT_EQ(image.rgb, testing::noise(5, 12, 8).rgb);
  const std::string words = read_file(folder_ / "words");
  EXPECT_TRUE(words.starts_with(
      "--prompt=a \"lake\" {seed}; $(x) é\nsea_lake: 123\ntext\n{\"a\": 123}\n{}\n" +
      folder_.path().string()))
      << words;
}

TEST_F(CommandEngineTest, FailuresSayWhatTheToolSaid) {
  EXPECT_TRUE(says(error_of([&] {
                     make(script("echo working; echo 'no memory' >&2; exit 3\n") +
                          " {prompt} {out}");
                   }),
                   "tool: ended with status 3; it printed last: working / no memory"));
  EXPECT_TRUE(says(error_of([&] { make(script("kill -SEGV $$\n") + " {prompt} {out}"); }),
                   "was ended by a signal (Segmentation fault)"));
  EXPECT_TRUE(
      says(error_of([&] { make(script("exit 0\n") + " {prompt} {out}"); }), "wrote no image"));
  EXPECT_TRUE(
      says(error_of([&] { make(script("echo text > \"$2\"\n") + " {prompt} {out}"); }), ".png"));
  EXPECT_TRUE(says(error_of([&] { make("no-such-tool-anywhere {prompt} {out}"); }),
                   "no-such-tool-anywhere: cannot be started"));
}

TEST_F(CommandEngineTest, TheCommandIsCheckedFirst) {
  const auto refusal = [&](const std::string& command) {
    return error_of([&] { static_cast<void>(make_command_engine(command, folder_.path())); });
  };
  EXPECT_TRUE(says(refusal("tool {prompt}"), "has no {out}"));
  EXPECT_TRUE(says(refusal("tool {out}"), "has no {prompt}"));
  EXPECT_TRUE(says(refusal("tool {prompt} {out} {sead}"), "{sead} is not known"));
  EXPECT_TRUE(says(refusal(" "), "is empty"));
}

TEST_F(CommandEngineTest, LeavesNothingBehind) {
  make(script(copy() + "\"$2\"\n") + " {prompt} {out}");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}),
            2);  // the script and its image
}

}  // namespace
}  // namespace retort::generate
