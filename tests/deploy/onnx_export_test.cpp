#include "retort/deploy/onnx_export.h"

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <set>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/models/registry.h"
#include "tests/deploy/lambda_model.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"

namespace retort::deploy {
namespace {

namespace fs = std::filesystem;

onnx::ModelProto read_onnx(const fs::path& path) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(read_file(path)));
  return model;
}

std::string shape_text(const onnx::ValueInfoProto& value) {
  std::string text = value.name();
  for (const auto& dimension : value.type().tensor_type().shape().dim())
    text += " " + (dimension.has_dim_param() ? dimension.dim_param()
                                             : std::to_string(dimension.dim_value()));
  return text;
}

std::string metadata(const onnx::ModelProto& model, const std::string& key) {
  for (const auto& entry : model.metadata_props())
    if (entry.key() == key) return entry.value();
  return "";
}

LambdaModel::Features means() {
  return [](LambdaModel&, const at::Tensor& images) { return channel_means(images); };
}

TEST(WriteOnnx, NamesDimensionsAndMetadata) {
  const auto model = lambda_model(3, means(), 2);
  const testing::TestFolder folder;
  const fs::path path = folder / "model.onnx";
  const data::InputSpec spec{
      .size = 48, .interpolation = data::Interpolation::bicubic, .crop_ratio = 48.0 / 54};
  write_onnx(path, *model, {"épée \"x\"", "b"}, spec);

  const onnx::ModelProto proto = read_onnx(path);
  EXPECT_EQ(proto.producer_name(), "retort");
  ASSERT_EQ(proto.graph().input_size(), 1);
  EXPECT_EQ(shape_text(proto.graph().input(0)), "images batch 3 48 48");
  ASSERT_EQ(proto.graph().output_size(), 1);
  EXPECT_EQ(shape_text(proto.graph().output(0)), "logits batch 2");
  EXPECT_EQ(nlohmann::json::parse(metadata(proto, "classes")), nlohmann::json({"épée \"x\"", "b"}));
  EXPECT_EQ(data::input_spec_from(nlohmann::json::parse(metadata(proto, "preprocess"))), spec);
  EXPECT_TRUE(metadata(proto, "producer").starts_with("retort "));
}

TEST(WriteOnnx, TensorsHaveTheModelsNamesAndValues) {
  const auto model = models::make_model({"resnet18", 4, {}});
  StateDict state = models::state_of(*model);
  testing::formula_fill(state);
  const testing::TestFolder folder;
  const fs::path path = folder / "model.onnx";
  write_onnx(path, *model, class_names(4), {.size = 32});
  std::set<std::string> seen;
  const onnx::ModelProto proto = read_onnx(path);
  for (const auto& tensor : proto.graph().initializer()) {
    EXPECT_TRUE(seen.insert(tensor.name()).second) << tensor.name() << " twice";
    const auto found = state.find(tensor.name());
    if (found == state.end()) continue;
    ASSERT_EQ(tensor.raw_data().size(), found->second.nbytes()) << tensor.name();
    const at::Tensor dense = found->second.contiguous();
    EXPECT_EQ(std::memcmp(tensor.raw_data().data(), dense.const_data_ptr(), dense.nbytes()), 0)
        << tensor.name();
  }
  for (const auto& [name, tensor] : state)
    EXPECT_EQ(seen.contains(name), !name.ends_with("num_batches_tracked")) << name;
}

TEST(WriteOnnx, TheSameModelGivesTheSameBytesInAnyMemoryFormatAndMode) {
  const auto model = models::make_model({"mobilenet_v2", 4, {}});
  const testing::TestFolder folder;
  write_onnx(folder / "a.onnx", *model, class_names(4), {.size = 32});
  model->train();
  for (const at::Tensor& parameter : model->parameters())
    if (parameter.dim() == 4)
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  write_onnx(folder / "b.onnx", *model, class_names(4), {.size = 32});
  EXPECT_TRUE(model->is_training());
  EXPECT_EQ(read_file(folder / "a.onnx"), read_file(folder / "b.onnx"));
}

TEST(WriteOnnx, AnOperatorWithoutTranslationIsNamedAndNothingIsWritten) {
  const auto model = lambda_model(3, [](LambdaModel&, const at::Tensor& images) {
    return at::cumsum(channel_means(images), 1);
  });
  const testing::TestFolder folder;
  const fs::path path = folder / "model.onnx";
  const std::string message =
      testing::error_of([&] { write_onnx(path, *model, class_names(4), {.size = 32}); });
  EXPECT_NE(message.find("aten::cumsum"), std::string::npos) << message;
  EXPECT_NE(message.find(path.string()), std::string::npos) << message;
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(WriteOnnx, AFailureLeavesTheFileThatWasThere) {
  const testing::TestFolder folder;
  const fs::path path = folder / "model.onnx";
  write_file_atomic(path, "before");
  const auto model = lambda_model(3, means());
  EXPECT_ERROR(write_onnx(path, *model, class_names(3), {.size = 32}),
               "does not give 3 logits an image, one for each class name");
  EXPECT_EQ(read_file(path), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
  EXPECT_ERROR(write_onnx(path / "below a file.onnx", *model, class_names(4), {.size = 32}),
               "cannot make the folder");
}

TEST(WriteOnnx, FormsOfAnOperatorThatCannotBeSaidAreErrors) {
  const std::vector<std::pair<std::string, std::function<at::Tensor(const at::Tensor&)>>> cases{
      {"aten::avg_pool2d",
       [](const at::Tensor& x) {
         return channel_means(at::avg_pool2d(x, 3, 2, 0, /*ceil_mode=*/true));
       }},
      {"aten::adaptive_avg_pool2d",
       [](const at::Tensor& x) {
         return channel_means(at::adaptive_avg_pool2d(x, {5, 5}));
       }},
      {"aten::div", [](const at::Tensor& x) { return channel_means(at::div(x, 2, "floor")); }},
      {"aten::pad",
       [](const at::Tensor& x) {
         return channel_means(at::pad(x, {1, 1, 1, 1}, "reflect"));
       }},
      {"aten::mean", [](const at::Tensor& x) { return channel_means(x) - x.mean(); }},
      {"aten::scaled_dot_product_attention",
       [](const at::Tensor& x) {
         return channel_means(at::scaled_dot_product_attention(x, x, x, {}, 0, /*is_causal=*/true));
       }},
      {"aten::batch_norm",
       [](const at::Tensor& x) {
         return channel_means(at::batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false));
       }},
      {"each image",
       [](const at::Tensor& x) { return channel_means(x) + at::arange(x.size(0)).unsqueeze(1); }},
      {"depend on the batch",
       [](const at::Tensor& x) { return channel_means(x) + at::full({1}, x.size(0), at::kFloat); }},
  };
  for (const auto& [expected, features] : cases) {
    const auto model = lambda_model(
        3, [&made = features](LambdaModel&, const at::Tensor& images) { return made(images); });
    const testing::TestFolder folder;
    const std::string message = testing::error_of(
        [&] { write_onnx(folder / "model.onnx", *model, class_names(4), {.size = 32}); });
    EXPECT_NE(message.find(expected), std::string::npos) << expected << ": " << message;
  }
}

TEST(WriteOnnx, MoreThanTwoGigabytesIsAnError) {
  const auto model = lambda_model(3, means());
  model->register_buffer("huge",
                         at::zeros({1}).expand({int64_t{1} << 29}));  // one number in memory
  const testing::TestFolder folder;
  const std::string message = testing::error_of(
      [&] { write_onnx(folder / "model.onnx", *model, class_names(4), {.size = 32}); });
  EXPECT_NE(message.find("2 GB"), std::string::npos) << message;
}

}  // namespace
}  // namespace retort::deploy
