#include "retort/teacher/kept_head.h"

#include <gtest/gtest.h>

#include "retort/models/registry.h"
#include "retort/models/weight_source.h"
#include "retort/teacher/teacher.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"

namespace retort::teacher {
namespace {

using Order = std::vector<int64_t>;

TEST(KeptHead, ClassesAreFoundByName) {
  EXPECT_EQ(outputs_of_classes({"owl", "cat", "dog"}, {"cat", "dog", "owl"}, ""), (Order{1, 2, 0}));
  EXPECT_EQ(outputs_of_classes({"owl", "cat", "dog"}, {"dog"}, ""), (Order{2}));
  EXPECT_EQ(outputs_of_classes({"Great_Owl", "cat"}, {"cat", "great owl"}, ""), (Order{1, 0}));
  EXPECT_EQ(outputs_of_classes({"Cat", "cat"}, {"cat", "Cat"}, ""), (Order{1, 0}));
  // macOS writes the first letter as two characters.
  EXPECT_EQ(outputs_of_classes({"hiver", "\u00c9t\u00e9"}, {"e\u0301te\u0301"}, ""), (Order{1}));
}

TEST(KeptHead, WhatIsNotThereOrTwiceIsRefusedByName) {
  const auto error = [](const std::vector<std::string>& outputs,
                        const std::vector<std::string>& classes) {
    return testing::error_of([&] { outputs_of_classes(outputs, classes, "w.pth"); });
  };
  EXPECT_TRUE(testing::says(error({"owl", "cat"}, {"cat", "dog"}),
                            "w.pth: the teacher's classifier has no class 'dog'"));
  EXPECT_TRUE(testing::says(error({"crane", "crane"}, {"crane"}), "several classes 'crane'"));
  EXPECT_TRUE(testing::says(error({"Cat", "CAT"}, {"cat"}), "several classes 'cat'"));
  EXPECT_TRUE(testing::says(error({"cat", "a-b", "zz"}, {"a_b", "a-b", "cat"}),
                            "has one class 'a-b' for two of the data, 'a_b' and 'a-b'"));
}

struct Warnings : Log {
  void info(const std::string&) override {}
  void warn(const std::string& message) override { text += message; }
  void progress(const Progress&) override {}
  std::string text;
};

TEST(KeptHead, ATeacherOfRetortsOwnHasItsRowsPutInOrder) {
  const testing::TestFolder folder;
  const models::ModelSpec spec{"resnet18", 3};
  StateDict state = models::state_of(*models::make_model(spec));
  testing::formula_fill(state);
  const auto head_of = [&](const Metadata& metadata, const std::vector<std::string>& classes,
                           Log& log) {
    write_safetensors(folder / "t.safetensors", state, metadata);
    Teacher teacher({.weights = folder / "t.safetensors", .size = 32}, models::Precision::fp32);
    teacher.keep_head(classes, log);
    return teacher.head_weight();
  };
  const Metadata own{{models::kSpecKey, models::to_json(spec).dump()},
                     {"classes", R"(["dog", "owl", "cat"])"}};
  const at::Tensor weight = state.at("fc.weight");
  Warnings log;
  EXPECT_TRUE(at::equal(head_of(own, {"cat", "dog", "owl"}, log),
                        at::stack({weight[2], weight[0], weight[1]})));
  EXPECT_EQ(log.text, "");
  EXPECT_TRUE(testing::says(testing::error_of([&] {
                              head_of(own, {"cat", "dog", "mouse"}, log);
                            }),
                            "no class 'mouse'"));
  const Metadata fewer{*own.find(models::kSpecKey), {"classes", R"(["dog", "owl"])"}};
  EXPECT_TRUE(testing::says(testing::error_of([&] {
                              head_of(fewer, {"dog", "owl"}, log);
                            }),
                            "names 2 classes, and its classifier has 3"));
  // In a file without names, only the number of classes can be checked.
  EXPECT_TRUE(at::equal(head_of({}, {"cat", "dog", "owl"}, log), weight));
  EXPECT_TRUE(testing::says(log.text, "does not name its classes"));
}

}  // namespace
}  // namespace retort::teacher
