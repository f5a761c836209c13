// Teachers as graphs: files that retort exports, read back, and graphs with peculiarities, written
// by OpenVINO.
#include "retort/models/programs/graph_network.h"

#include <gtest/gtest.h>
#ifdef RETORT_OPENVINO
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>
#endif

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/deploy/onnx_export.h"
#include "retort/models/head_classes.h"
#include "retort/models/registry.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"

namespace retort::models {
namespace {

using testing::error_of;
using testing::says;

class GraphNetwork : public ::testing::Test {
 protected:
  std::string error(const std::string& file, const std::string& features = "") {
    return error_of([&] { build(recognise_file(folder_ / file, "", features), file); });
  }
  testing::TestFolder folder_;
};

#ifdef RETORT_OPENVINO

double difference(const at::Tensor& found, const at::Tensor& expected) {
  return ((found - expected).abs().max() / expected.abs().max()).item<double>();
}

class ExportedGraph : public GraphNetwork {
 protected:
  ExportedGraph() {
    StateDict state = state_of(*native_);
    testing::formula_fill(state);
    native_->eval();
    input_.size = 64;
    input_.mean = {0.25F, 0.5F, 0.75F};
    input_.crop_ratio = 1;
    deploy::write_onnx(folder_ / "model.onnx", *native_, {"a", "b", "c"}, input_);
  }

  const ModelPtr native_ = make_model({"mobilenet_v2", 3});
  const at::Tensor images_ = testing::formula_uniform("images", {5, 3, 64, 64});
  data::InputSpec input_;
};

TEST_F(ExportedGraph, GivesWhatItsClassifierReads) {
  const at::NoGradGuard no_grad;
  const ModelPtr graph = load_model(folder_ / "model.onnx");
  EXPECT_EQ(graph->spec().arch, "onnx");
  EXPECT_EQ(graph->feature_dim(), native_->feature_dim());
  EXPECT_EQ(graph->input_spec(), input_);
  const at::Tensor expected = native_->forward_features(images_);
  EXPECT_LT(difference(graph->forward_features(images_), expected), 1e-4);
  const at::Tensor channels_last = images_.contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_LT(difference(graph->forward_features(channels_last), expected), 1e-4);
}

TEST_F(ExportedGraph, NamesItsClasses) {
  EXPECT_EQ(head_classes(folder_ / "model.onnx"), (std::vector<std::string>{"a", "b", "c"}));
}

// An ONNX file is a protobuf message, to which fields can be appended: metadata_props is its field
// 14.
TEST_F(ExportedGraph, NamesItsClassesAsUltralyticsDoes) {
  const auto field = [](char tag, const std::string& bytes) {
    return std::string{tag, static_cast<char>(bytes.size())} + bytes;
  };
  std::string graph = read_file(folder_ / "model.onnx");
  const size_t at = graph.find(field('\x0a', "classes"));
  ASSERT_NE(at, std::string::npos);
  graph[at + 2] = 'k';
  const auto named = [&](const std::string& names) {
    testing::put(folder_ / "named.onnx",
                 graph + field('\x72', field('\x0a', "names") + field('\x12', names)));
    return head_classes(folder_ / "named.onnx");
  };
  EXPECT_EQ(named("{0: 'cat', 1: \"dog's\", 2: 'a \\'b\\' \\\\'}"),
            (std::vector<std::string>{"cat", "dog's", "a 'b' \\"}));
  EXPECT_EQ(named(R"({"0": "cat", "1": "dog"})"), (std::vector<std::string>{"cat", "dog"}));
  for (const char* none : {"{0: 'class0', 1: 'class1'}", "{}", "{0: 'cat'", "{0: cat}", "{a: 'b'}",
                           "{0 'cat'}", "{0: 'a' 1: 'b'}", "{0: 'a\\", ""})
    EXPECT_EQ(named(none), std::nullopt) << none;
  EXPECT_ERROR(named("{0: 'cat', 2: 'dog'}"), "by numbers of which 1 is missing");
}

TEST_F(ExportedGraph, GivesWhatIsNamed) {
  const at::NoGradGuard no_grad;
  const ModelPtr graph = build(recognise_file(folder_ / "model.onnx", "", "logits"), "");
  EXPECT_LT(difference(graph->forward_features(images_), native_->forward(images_).logits), 1e-4);
  bool maps = false;
  for (const GraphTensor& tensor : feature_candidates(folder_ / "model.onnx")) {
    if (tensor.shape.size() != 4 || tensor.shape[1] != 1280 || tensor.shape[2] != 2) continue;
    maps = true;
    const ModelPtr averaged = build(recognise_file(folder_ / "model.onnx", "", tensor.name), "");
    EXPECT_EQ(averaged->forward_features(images_).sizes(), (std::vector<int64_t>{5, 1280}))
        << tensor.name;
  }
  EXPECT_TRUE(maps);
  EXPECT_TRUE(says(error("model.onnx", "penultimate"), "no tensor called 'penultimate'"));
}

TEST_F(ExportedGraph, IsAnotherTeacherWhenItsBytesAre) {
  const std::string before = load_model(folder_ / "model.onnx")->spec().options.at("hash");
  native_->head()->bias.detach().add_(1);
  deploy::write_onnx(folder_ / "model.onnx", *native_, {"a", "b", "c"}, input_);
  EXPECT_NE(load_model(folder_ / "model.onnx")->spec().options.at("hash"), before);
}

TEST_F(ExportedGraph, SaysWhatIsWrong) {
  const std::string whole = read_file(folder_ / "model.onnx");
  for (const size_t length : {size_t{0}, size_t{7}, whole.size() / 2}) {
    testing::put(folder_ / "cut.onnx", whole.substr(0, length));
    EXPECT_TRUE(says(error("cut.onnx"), "cut.onnx")) << length;
  }
  EXPECT_TRUE(says(error("missing.onnx"), "missing.onnx"));
  EXPECT_TRUE(says(error_of([&] { load_model(folder_ / "model.onnx", "resnet18"); }),
                   "not the weights of a resnet18"));
  const ModelPtr graph = load_model(folder_ / "model.onnx");
  EXPECT_TRUE(says(error_of([&] { graph->forward_features(at::zeros({2, 4, 64, 64})); }), "64 px"));
}

// The graph has a fixed batch of one: for two images its only row would be twice as long.
TEST_F(GraphNetwork, OfOneImageAtATimeIsRunSo) {
  namespace op = ov::opset13;
  const auto images =
      std::make_shared<op::Parameter>(ov::element::f32, ov::PartialShape{1, 3, 16, 16});
  const auto shape = op::Constant::create(ov::element::i64, {2}, {1, -1});
  const auto rows = std::make_shared<op::Reshape>(images, shape, false);
  ov::save_model(std::make_shared<ov::Model>(ov::OutputVector{rows}, ov::ParameterVector{images}),
                 (folder_ / "one.xml").string(), false);
  const ModelPtr graph = load_model(folder_ / "one.xml");
  const at::Tensor pictures = testing::formula_uniform("images", {3, 3, 16, 16});
  EXPECT_EQ(graph->input_spec().size, 16);
  EXPECT_TRUE(at::equal(graph->forward_features(pictures), pictures.flatten(1)));
}

TEST_F(GraphNetwork, OfOtherInputsIsRefused) {
  namespace op = ov::opset13;
  const auto pixels_last =
      std::make_shared<op::Parameter>(ov::element::f32, ov::PartialShape{-1, 16, 16, 3});
  const auto copy = std::make_shared<op::Relu>(pixels_last);
  ov::save_model(
      std::make_shared<ov::Model>(ov::OutputVector{copy}, ov::ParameterVector{pixels_last}),
      (folder_ / "last.xml").string());
  EXPECT_TRUE(says(error("last.xml"), "channels before pixels"));
}

#else

TEST_F(GraphNetwork, NeedsOpenVino) {
  testing::put(folder_ / "model.onnx", "");
  EXPECT_TRUE(says(error("model.onnx"), "scripts/install.sh onnx"));
}

#endif

}  // namespace
}  // namespace retort::models
