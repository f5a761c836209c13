#include "retort/run/named_teacher.h"

#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

TEST(NamedTeacher, PixelsAndWeightAreNumbersAtTheEnd) {
  const auto expect = [](const char* text, const char* name, std::optional<int64_t> size,
                         double weight) {
    const NamedTeacher teacher = teacher_from(text);
    EXPECT_EQ(teacher.name, name);
    EXPECT_EQ(teacher.size, size) << text;
    EXPECT_EQ(teacher.weight, weight) << text;
    EXPECT_EQ(to_text(teacher), text);
  };
  expect("vit.safetensors", "vit.safetensors", {}, 1);
  expect("vit.safetensors@112", "vit.safetensors", 112, 1);
  expect("vit.safetensors:0.25", "vit.safetensors", {}, 0.25);
  expect("a b/vit@2x.pth@112:3", "a b/vit@2x.pth", 112, 3);
  expect("hf:org/name@v1.0", "hf:org/name@v1.0", {}, 1);
  expect("hf:org/name@v1.0@224:2", "hf:org/name@v1.0", 224, 2);
  expect("hf:", "hf:", {}, 1);
  expect("none", "none", {}, 1);
  EXPECT_EQ(teacher_from("none").word, TeacherWord::none);
  EXPECT_EQ(teacher_from("auto").word, TeacherWord::automatic);
  EXPECT_FALSE(teacher_from("none.pth").word);
  for (const char* text :
       {"vit.pth@0", "vit.pth@1025", "vit.pth@99999999999999999999", "vit.pth:0", "vit.pth:1001"})
    EXPECT_USAGE_ERROR(teacher_from(text), std::string(text).find('@') == std::string::npos
                                               ? "its weight is not in"
                                               : "its resolution is not in")
        << text;
}

TEST(NamedTeacher, AFileThatIsThereIsMeantAsItIs) {
  const testing::TestFolder folder;
  for (const char* name : {"x@64", "x:2"}) {
    folder.write(name);
    const std::string path = (folder / name).string();
    EXPECT_EQ(teacher_from(path).name, path);
    EXPECT_FALSE(teacher_from(path).size);
    EXPECT_EQ(teacher_from(path).weight, 1);
    const NamedTeacher teacher = teacher_from(path + "@32:3");
    EXPECT_EQ(teacher.name, path);
    EXPECT_EQ(teacher.size, 32);
    EXPECT_EQ(teacher.weight, 3);
  }
  EXPECT_FALSE(teacher_from((folder / "x@64:3").string()).size);
}

}  // namespace
}  // namespace retort::run
