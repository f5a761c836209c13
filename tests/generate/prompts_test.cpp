#include "retort/generate/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retort/generate/picture.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::generate {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using testing::put;
using testing::says;

class PromptsTest : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const std::string& text) {
    put(folder_ / name, text);
    return folder_ / name;
  }
  testing::TestFolder folder_;
};

TEST_F(PromptsTest, ClassesComeFromATextFile) {
  const auto classes = read_prompts(
      {file("classes.txt", "\xEF\xBB\xBFsea_lake\r\n\n 17: purple coneflower \n"), {}, {}});
  ASSERT_EQ(classes.size(), 2U);
  EXPECT_EQ(classes[0].label, "sea_lake");
  EXPECT_THAT(classes[0].prompts, ElementsAre("a photo of a sea lake"));
  EXPECT_EQ(classes[1].label, "17");
  EXPECT_THAT(classes[1].prompts, ElementsAre("a photo of a purple coneflower"));
}

TEST_F(PromptsTest, ClassesComeFromADataSet) {
  for (const char* path :
       {"data/ice_field/a.png", "data/ice_field/b.png", "data/dune/a.png", "data/dune/b.png"}) {
    std::filesystem::create_directories((folder_ / path).parent_path());
    put(folder_ / path, "");
  }
  const auto classes = read_prompts({folder_ / "data", {"inside", "one {class}, two {class}"}, {}});
  ASSERT_EQ(classes.size(), 2U);
  EXPECT_EQ(classes[0].label, "dune");
  EXPECT_EQ(classes[1].label, "ice_field");
  EXPECT_THAT(classes[1].prompts,
              ElementsAre("the inside of a ice field", "one ice field, two ice field"));
}

TEST_F(PromptsTest, PresetsAreThePapers) {
  const auto classes =
      read_prompts({file("classes.txt", "bumpy"), {"inside", "picture", "texture"}, {}});
  EXPECT_THAT(classes[0].prompts,
              ElementsAre("the inside of a bumpy", "a picture of a bumpy", "bumpy texture"));
}

TEST_F(PromptsTest, AFileHasPromptsOfSingleClasses) {
  const PromptOptions options{
      file("classes.txt", "cat\ndog\n"),
      {"a {class}"},
      file("prompts.csv", "class,prompt\ncat,\"a {class}, asleep\"\ncat,two cats\n")};
  const auto classes = read_prompts(options);
  EXPECT_THAT(classes[0].prompts, ElementsAre("a cat, asleep", "two cats"));
  EXPECT_THAT(classes[1].prompts, ElementsAre("a dog"));
  const PromptOptions alone{options.classes, {}, options.file};
  EXPECT_TRUE(says(error_of([&] { read_prompts(alone); }), "no prompt for the class 'dog'"));
}

TEST_F(PromptsTest, FaultsAreNamedWithTheirPlace) {
  const auto classes = file("classes.txt", "cat\ndog\n");
  const auto message = [&](const std::string& prompts) {
    return error_of([&] { read_prompts({classes, {}, file("prompts.csv", prompts)}); });
  };
  EXPECT_TRUE(
      says(message("class,prompt\ncat,a\ncow,a\n"), "prompts.csv:3: there is no class 'cow'"));
  EXPECT_TRUE(says(message("class,prompt\ncat,a\ncow,a\n"), "'cat', 'dog'"));
  EXPECT_TRUE(says(message("cat,a\n"), "class,prompt"));
  EXPECT_TRUE(says(message("class,prompt\ncat,a,b\n"), "prompts.csv:2: has 3 fields"));
  EXPECT_TRUE(says(message("class,prompt\ncat,\n"), "prompts.csv:2: has no prompt"));
  EXPECT_TRUE(says(message("class,prompt\ncat,\xff\n"), "not UTF-8"));
  EXPECT_TRUE(says(message("class,prompt\ncat,\"a\nb\"\n"), "control characters"));
}

TEST_F(PromptsTest, LabelsMustMakeFolders) {
  const auto message = [&](const std::string& text) {
    return error_of([&] { read_prompts({file("classes.txt", text), {}, {}}); });
  };
  for (const char* bad : {"../up", ".hidden", "a/b", "a\tb"})
    EXPECT_TRUE(says(message("cat\n" + std::string(bad)), "classes.txt:2")) << bad;
  EXPECT_TRUE(says(message("cat\nCat"), "was there before, at"));
  EXPECT_TRUE(says(message("\n"), "names no class"));
  EXPECT_TRUE(says(error_of([&] { read_prompts({folder_ / "nothing", {}, {}}); }), "no such file"));
}

TEST_F(PromptsTest, ATemplateNeedsItsClass) {
  const auto classes = file("classes.txt", "cat\n");
  EXPECT_TRUE(says(error_of([&] {
                     read_prompts({classes, {"a photo"}, {}});
                   }),
                   "inside, picture, texture"));
}

TEST(Picture, IsAFunctionOfClassNumberAndSeed) {
  const ClassPrompts cat{"cat", "cat", {"a cat", "two cats"}}, dog{"dog", "dog", {"a dog"}};
  const Picture third = picture(cat, 2, 7, Format::png);
  EXPECT_EQ(third.path, "cat/00002.png");
  EXPECT_EQ(third.prompt, "a cat");
  EXPECT_EQ(picture(cat, 3, 7, Format::jpeg).path, "cat/00003.jpg");
  EXPECT_EQ(picture(cat, 3, 7, Format::jpeg).prompt, "two cats");
  // Existing image sets can be continued only if these values stay.
  EXPECT_EQ(third.seed, picture(cat, 0, 7, Format::png).seed + 2);
  EXPECT_EQ(picture(cat, 0, 0, Format::png).seed, 992035410);
  EXPECT_NE(picture(cat, 0, 0, Format::png).seed, picture(cat, 0, 1, Format::png).seed);
  EXPECT_NE(picture(cat, 0, 0, Format::png).seed, picture(dog, 0, 0, Format::png).seed);
}

TEST(Picture, SaysHowItWasMade) {
  const Picture made{"cat/00000.png", "cat", "a \"cat\", asleep", 12};
  const Settings settings = {
      {"model_hash", "ab"}, {"steps", "20"}, {"guidance", "7"}, {"engine", "tool {prompt}, {out}"}};
  EXPECT_EQ(parameters(made, "dogs", settings),
            "a \"cat\", asleep\nNegative prompt: dogs\nSeed: 12, Model hash: ab, Steps: 20, CFG "
            "scale: 7, Engine: \"tool {prompt}, {out}\", "
            "Version: retort 0.1.0");
  EXPECT_EQ(manifest_header(settings),
            "path,label,split,prompt,negative_prompt,seed,model_hash,steps,guidance,engine\n");
  EXPECT_EQ(manifest_row(made, "dogs", settings),
            "cat/00000.png,cat,train,\"a \"\"cat\"\", asleep\",dogs,12,ab,20,7,\"tool {prompt}, "
            "{out}\"\n");
}

}  // namespace
}  // namespace retort::generate
