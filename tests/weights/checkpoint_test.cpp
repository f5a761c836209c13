// Checkpoints as trainers write them, pickled by hand: wrappers of the weights, and other objects
// beside them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retort/weights/weight_file.h"
#include "retort/weights/weight_names.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"
#include "tests/weights/pickle_bytes.h"

namespace retort::models {
namespace {

using testing::error_of;
using testing::says;
using testing::pickle::call;
using testing::pickle::dict;
using testing::pickle::global;
using testing::pickle::number;
using testing::pickle::ordered_dict;
using testing::pickle::text;

class Checkpoints : public ::testing::Test {
 protected:
  using Names = std::vector<std::string>;

  // A matrix of 2 × 2.
  static std::string matrix() {
    return testing::pickle::tensor(testing::pickle::storage("k", 4, "FloatStorage", "N"), 0,
                                   number(2) + number(2), number(2) + number(1));
  }
  // A dict of matrices.
  static std::string weights(const Names& names) {
    std::string items;
    for (const std::string& name : names) items += text(name) + matrix();
    return dict(items);
  }
  static std::string entry(const std::string& name, const std::string& value) {
    return text(name) + value;
  }

  weights::WeightFile read(const std::string& object, const std::string& set = "") {
    testing::put(folder_ / "x.pth", testing::pickle::legacy_start() +
                                        testing::pickle::whole(object) +
                                        testing::pickle::whole("](" + text("k") + "e") +
                                        testing::pickle::raw(int64_t{4}) + std::string(16, '\1'));
    return weights::read_weight_file(folder_ / "x.pth", set);
  }
  Names names(const std::string& object, const std::string& set = "") {
    Names found;
    for (const auto& [name, tensor] : read(object, set).tensors) found.push_back(name);
    return found;
  }

  testing::TestFolder folder_;
};

TEST_F(Checkpoints, WrappersArePeeledOff) {
  for (const Names& wrapped :
       {Names{"_orig_mod.a.b", "_orig_mod.c"}, Names{"module._orig_mod.a.b", "module._orig_mod.c"},
        Names{"model.a.b", "model.c"}, Names{"net._orig_mod.a._orig_mod.b", "net._orig_mod.c"},
        Names{"module.backbone.a.b", "module.backbone.c"},
        Names{"module.a.b", "module.c", "n_averaged"},
        Names{"a.b", "c", "total_ops", "total_params", "a.total_ops", "a.total_params"},
        Names{"_fsdp_wrapped_module.a._checkpoint_wrapped_module.b", "_fsdp_wrapped_module.c"}})
    EXPECT_EQ(names(weights(wrapped)), (Names{"a.b", "c"})) << wrapped[0];
  EXPECT_EQ(names(weights({"model.a", "criterion.b", "model.projector.0"})), Names{"a"});
  EXPECT_EQ(names(weights({"model.a", "other.b"})), (Names{"model.a", "other.b"}));
  EXPECT_EQ(names(weights({"criterion.a"})), Names{"criterion.a"});
  const std::string moco = "module.encoder_q.";
  EXPECT_EQ(names(weights({moco + "a", moco + "fc.0.weight", moco + "fc.0.bias",
                           moco + "fc.2.weight", moco + "fc.2.bias"})),
            Names{"a"});
  EXPECT_EQ(names(weights({"a", "fc.weight"})), (Names{"a", "fc.weight"}));
  EXPECT_EQ(names(weights({"my_orig_mod.a", "b"})), (Names{"b", "my_orig_mod.a"}));
  EXPECT_TRUE(says(error_of([&] {
                     read(weights({"_orig_mod.a", "a"}));
                   }),
                   "holds the tensor 'a' twice"));
}

TEST_F(Checkpoints, WhatLiesBesideThemIsPassedOver) {
  const std::string state = entry("state_dict", weights({"w"}));
  const std::string space =
      call(global("copy_reg", "_reconstructor"),
           global("argparse", "Namespace") + global("__builtin__", "object") + "N") +
      dict(entry("lr", number(1))) + "b";
  const std::string encoded = call(global("_codecs", "encode"), text("12345678") + text("latin1"));
  const std::string type = call(global("numpy", "dtype"), text("f8") + "\x89\x88") + "(" +
                           number(3) + text("<") + "NNNtb";
  const std::string scalar = call(global("numpy.core.multiarray", "scalar"), type + encoded);
  for (const std::string& beside :
       {space, scalar, global("argparse", "Namespace") + ")\x81" + dict("") + "b",
        call(global("collections", "defaultdict"), global("__builtin__", "list")) + text("a") +
            "]s",
        call(global("__builtin__", "set"), "](" + text("a") + "e"),
        call(global("collections", "deque"), "") + "(NNe", std::string("NN0(N1"),
        global("torch.optim.lr_scheduler", "StepLR"), std::string("\x8f(") + number(1) + "\x90",
        "(" + number(1) + "\x91", std::string("\x8e\2\0\0\0\0\0\0\0ab", 11)})
    EXPECT_EQ(names(dict(state + entry("beside", beside))), Names{"w"}) << beside;
}

TEST_F(Checkpoints, TensorsOfOtherKindsAreTensors) {
  const std::string arguments =
      matrix().substr(global("torch._utils", "_rebuild_tensor_v2").size());
  const std::string tuple = arguments.substr(0, arguments.size() - 1);
  const std::string parameter =
      call(global("torch._utils", "_rebuild_parameter"), matrix() + "\x88" + ordered_dict());
  const std::string with_state = call(global("torch._utils", "_rebuild_parameter_with_state"),
                                      matrix() + "\x88" + ordered_dict() + dict(""));
  const std::string subclass = call(
      global("torch._tensor", "_rebuild_from_type_v2"),
      global("torch._utils", "_rebuild_tensor_v2") + global("my", "Tensor") + tuple + dict(""));
  for (const std::string& tensor : {parameter, with_state, subclass})
    EXPECT_EQ(names(dict(entry("w", tensor))), Names{"w"});
  const std::string unknown = call(global("torch._tensor", "_rebuild_from_type_v2"),
                                   global("my", "make") + global("my", "Tensor") + "(t" + dict(""));
  EXPECT_EQ(names(dict(entry("v", matrix()) + entry("w", unknown))), Names{"v"});
  const std::string itself = call(global("torch._tensor", "_rebuild_from_type_v2"),
                                  global("torch._tensor", "_rebuild_from_type_v2") + "N(tN");
  EXPECT_TRUE(says(error_of([&] { read(dict(entry("w", itself))); }), "a tensor of no known kind"));
}

TEST_F(Checkpoints, OneOfSeveralSetsIsTakenAndTheOthersTold) {
  const std::string both = dict(entry("model", weights({"own"})) +
                                entry("model_ema", weights({"module.mean", "n_averaged"})));
  const weights::WeightFile averaged = read(both);
  EXPECT_TRUE(averaged.tensors.contains("mean"));
  EXPECT_EQ(averaged.set, "model_ema");
  EXPECT_EQ(averaged.others, Names{"model"});
  EXPECT_EQ(names(both, "model"), Names{"own"});
  EXPECT_EQ(read(both, "model").set, "model");
  const std::string pair = dict(entry("student", weights({"module.backbone.s"})) +
                                entry("teacher", weights({"backbone.t"})));
  EXPECT_EQ(names(pair), Names{"t"});
  EXPECT_EQ(names(pair, "student"), Names{"s"});
  EXPECT_EQ(names(dict(entry("state_dict", pair)), "student"), Names{"s"});
  EXPECT_EQ(names(weights({"student.a", "teacher.b", "loss.c"}), "student"), Names{"a"});
  EXPECT_EQ(names(weights({"model.student.a", "model.teacher.b"}), "teacher"), Names{"b"});
  EXPECT_TRUE(says(error_of([&] { read(both, "best"); }), "holds no weights under 'best'"));
  EXPECT_TRUE(says(
      error_of([&] { read(dict(entry("model", weights({"own"})) + entry("best", "N")), "best"); }),
      "holds no weights under 'best'"));
  EXPECT_TRUE(read(dict(entry("state_dict", weights({"w"})))).set.empty());
}

TEST_F(Checkpoints, UnderANameOfTheirOwn) {
  const std::string scale = entry("scaler", dict(entry("scale", call(global("torch", "x"), ""))));
  EXPECT_EQ(names(dict(entry("my_weights", weights({"w"})) + entry("epoch", number(3)) + scale)),
            Names{"w"});
  const std::string two = dict(entry("left", weights({"a"})) + entry("right", weights({"b"})));
  EXPECT_TRUE(says(error_of([&] { read(two); }), "holds several sets of weights: 'left', 'right'"));
  EXPECT_EQ(names(two, "right"), Names{"b"});
}

TEST_F(Checkpoints, AModuleThatWasPickledWhole) {
  const auto module = [](const std::string& parameters, const std::string& buffers,
                         const std::string& children) {
    return global("my", "Net") + ")\x81" +
           dict(entry("_parameters", dict(parameters)) + entry("_buffers", dict(buffers)) +
                entry("_modules", dict(children)) +
                entry("_non_persistent_buffers_set",
                      call(global("__builtin__", "set"), "](" + text("unsaved") + "e")) +
                entry("hidden", matrix())) +
           "b";
  };
  const std::string child = module(entry("weight", matrix()) + entry("bias", "N"),
                                   entry("mean", matrix()) + entry("unsaved", matrix()), "");
  const std::string whole = module("", "", entry("conv", child) + entry("none", "N"));
  EXPECT_EQ(names(whole), (Names{"conv.mean", "conv.weight"}));
  EXPECT_EQ(names(dict(entry("model", whole) + entry("epoch", number(1)))),
            (Names{"conv.mean", "conv.weight"}));
  EXPECT_EQ(names(module("", "", entry("module", whole))), (Names{"conv.mean", "conv.weight"}));
  EXPECT_TRUE(says(error_of([&] { read(module("", "", "")); }),
                   "'my.Net' is outside what a weight file may hold"));
}

TEST_F(Checkpoints, UnderTheNamesOfWholeStates) {
  for (const char* outer : {"checkpoint", "state"})
    EXPECT_EQ(names(dict(entry(outer, dict(entry("model", weights({"a.b", "c"})))))),
              (Names{"a.b", "c"}))
        << outer;
}

TEST_F(Checkpoints, AListSaysHowToSave) {
  EXPECT_TRUE(says(error_of([&] { read("](" + matrix() + "e"); }),
                   "save the weights alone: torch.save(model.state_dict(), path)"));
}

TEST(WeightParts, AreThoseOfModulesInsideOthers) {
  const at::Tensor w = at::zeros({1});
  const auto parts = weights::parts_of(
      {{"backbone.model.a", w}, {"head.b", w}, {"student.c", w}, {"teacher.module.d", w}});
  ASSERT_EQ(parts.size(), 3);
  EXPECT_EQ(parts[0].prefix, "teacher");
  EXPECT_TRUE(parts[0].tensors.contains("d"));
  EXPECT_EQ(parts[1].prefix, "backbone");
  EXPECT_TRUE(parts[1].tensors.contains("a"));
  EXPECT_EQ(parts[2].prefix, "student");
}

}  // namespace
}  // namespace retort::models
