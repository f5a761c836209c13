#include "retort/weights/weight_file.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"
#include "tests/support/plain_state.h"

namespace retort::models {
namespace {

using testing::error_of;
using testing::expect_same;
using testing::formula_parameter;
using testing::formula_uniform;
using testing::plain_state;
using testing::says;
using testing::TestFolder;

std::string fixture(const std::string& name) {
  return std::string(RETORT_FIXTURES "/weights/") + name;
}

StateDict module_state() {
  const auto filled = [](const std::string& name, at::IntArrayRef shape) {
    return std::pair(name, formula_parameter(name, shape));
  };
  return {filled("0.weight", {2, 3}),
          filled("0.bias", {2}),
          filled("1.weight", {2}),
          filled("1.bias", {2}),
          filled("1.running_mean", {2}),
          filled("1.running_var", {2}),
          filled("1.num_batches_tracked", {})};
}

class Forms : public ::testing::TestWithParam<const char*> {
 protected:
  static StateDict read(const std::string& name) {
    return weights::read_weights(fixture(name + "_" + GetParam() + ".pth"));
  }
};

TEST_P(Forms, EveryDtype) { expect_same(read("plain"), plain_state()); }

TEST_P(Forms, StateDictOfAModule) { expect_same(read("module"), module_state()); }

TEST_P(Forms, ViewsOfSharedStorages) {
  const StateDict state = read("views");
  const at::Tensor base = formula_uniform("base", {6, 4});
  expect_same(state, {{"base", base},
                      {"transposed", base.t()},
                      {"slice", base.slice(0, 1, 5, 2).slice(1, 1, 3)},
                      {"tied", base}});
  EXPECT_EQ(state.at("base").const_data_ptr(), state.at("tied").const_data_ptr());
}

TEST_P(Forms, NestedCheckpointsAreUnwrapped) { expect_same(read("nested"), module_state()); }

TEST_P(Forms, AveragedWeightsComeFirst) {
  expect_same(read("averaged"), {{"w", formula_uniform("averaged", {3})}});
}

TEST_P(Forms, CallsNothing) {
  const auto refused = [](const std::string& name) {
    return error_of([&] { read("evil_" + name); });
  };
  EXPECT_TRUE(says(refused("os_system"), "'posix.system' is outside what a weight file may hold"));
  EXPECT_TRUE(
      says(refused("builtins_eval"), "'__builtin__.eval' is outside what a weight file may hold"));
  EXPECT_TRUE(
      says(refused("getattr"), "'__builtin__.getattr' is outside what a weight file may hold"));
  EXPECT_TRUE(says(refused("getattr"), fixture("evil_getattr")));
}

INSTANTIATE_TEST_SUITE_P(Pth, Forms, ::testing::Values("zip", "legacy"));

TEST(ReadWeights, LaterPickleProtocols) {
  expect_same(weights::read_weights(fixture("module_protocol4.pth")), module_state());
}

TEST(ReadWeights, Safetensors) {
  expect_same(weights::read_weights(fixture("plain.safetensors")), plain_state());
}

TEST(ReadWeights, GoesByContentNotByName) {
  const TestFolder folder;
  std::filesystem::copy_file(fixture("plain.safetensors"), folder / "weights.pth");
  std::filesystem::copy_file(fixture("plain_zip.pth"), folder / "weights.safetensors");
  std::filesystem::copy_file(fixture("plain_legacy.pth"), folder / "weights");
  for (const char* name : {"weights.pth", "weights.safetensors", "weights"})
    expect_same(weights::read_weights(folder / name), plain_state());
}

TEST(ReadWeights, DropsACommonModulePrefix) {
  const TestFolder folder;
  write_safetensors(folder / "all",
                    {{"module.a", at::zeros({1})}, {"module.module.b", at::ones({1})}});
  expect_same(weights::read_weights(folder / "all"),
              {{"a", at::zeros({1})}, {"module.b", at::ones({1})}});
  write_safetensors(folder / "some", {{"module.a", at::zeros({1})}, {"b", at::ones({1})}});
  expect_same(weights::read_weights(folder / "some"),
              {{"module.a", at::zeros({1})}, {"b", at::ones({1})}});
}

TEST(ReadWeights, AModuleThatWasSavedWhole) {
  const StateDict state = weights::read_weights(fixture("whole_module_zip.pth"));
  ASSERT_EQ(state.size(), 2);
  EXPECT_TRUE(state.contains("weight") && state.contains("bias"));
}

TEST(ReadWeights, SaysWhatElseAFileIs) {
  const TestFolder folder;
  const auto refused = [](const std::filesystem::path& path) {
    return error_of([&] { weights::read_weights(path); });
  };
  EXPECT_TRUE(says(refused(fixture("torchscript.pt")), "is a TorchScript program"));
  EXPECT_TRUE(says(refused(fixture("sparse_zip.pth")), "torch.save(model.state_dict(), path)"));
  EXPECT_TRUE(
      says(refused(fixture("sparse_zip.pth")), "'torch._utils._rebuild_sparse_tensor' is outside"));
  EXPECT_TRUE(says(refused(fixture("plain_pickle.pth")),
                   "is neither a safetensors file nor one that torch.save wrote"));
  EXPECT_TRUE(says(refused(fixture("not_torch.zip")), fixture("not_torch.zip")));
  testing::put(folder / "pointer",
               "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  EXPECT_TRUE(says(refused(folder / "pointer"), "is a Git LFS pointer"));
  testing::put(folder / "empty", "");
  EXPECT_TRUE(says(refused(folder / "empty"), "is neither"));
  testing::put(folder / "text", "a text of some length, but of no weights");
  EXPECT_TRUE(says(refused(folder / "text"), "is neither"));
  EXPECT_TRUE(says(refused(folder.path()), "not a regular file"));
  EXPECT_TRUE(says(refused(folder / "missing"), (folder / "missing").string()));
}

}  // namespace
}  // namespace retort::models
