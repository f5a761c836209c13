#include "retort/run/recommended_teachers.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "retort/core/error.h"
#include "retort/hub/reference.h"
#include "retort/run/config.h"
#include "retort/run/named_teacher.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

TEST(RecommendedTeachers, AutoIsTheFirstThatIsInTheCache) {
  const testing::TestFolder folder;
  ::setenv("HF_HUB_CACHE", (folder / "hub").c_str(), 1);
  const std::string none = testing::error_of([] { automatic_teacher(); });
  EXPECT_TRUE(testing::says(none, "retort pull hf:timm/vit_small_patch14_dinov2.lvd142m"));

  const auto put_here = [&](const std::string& name) {
    const fs::path repository = folder / ("hub/models--timm--" + name);
    const std::string commit(40, 'a');
    fs::create_directories(repository / "refs");
    fs::create_directories(repository / "snapshots" / commit);
    testing::put(repository / "refs/main", commit);
    testing::put(repository / "snapshots" / commit / "model.safetensors", "weights");
  };
  put_here("tf_efficientnet_lite0.in1k");
  EXPECT_EQ(automatic_teacher(), "hf:timm/tf_efficientnet_lite0.in1k");
  put_here("vit_small_patch14_dinov2.lvd142m");
  EXPECT_EQ(automatic_teacher(), "hf:timm/vit_small_patch14_dinov2.lvd142m@224");
  EXPECT_TRUE(testing::says(text_of_recommended(), "yes"));

  RunConfig config;
  config.teacher = {"auto"};
  EXPECT_EQ(absolute(config).teacher,
            std::vector<std::string>{"hf:timm/vit_small_patch14_dinov2.lvd142m@224"})
      << "config.toml names what was taken";
  ::unsetenv("HF_HUB_CACHE");
}

TEST(RecommendedTeachers, EachIsANameOnTheHubWithALicence) {
  for (const RecommendedTeacher& teacher : recommended_teachers()) {
    const NamedTeacher named = teacher_from(teacher.name);
    EXPECT_TRUE(hub::is_reference(named.name));
    EXPECT_NO_THROW(hub::parse_reference(named.name)) << teacher.name;
    EXPECT_GT(teacher.parameters, 0);
    EXPECT_FALSE(std::string(teacher.licence).empty());
  }
}

}  // namespace
}  // namespace retort::run
