#include "retort/models/programs/torchscript.h"

#include <ATen/Functions.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/jit_exception.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/models/pooled_features.h"
#include "retort/models/registry.h"
#include "retort/weights/zip_pth.h"

namespace retort::models {
namespace {

namespace jit = torch::jit;

constexpr const char* kScript = "torchscript";
constexpr const char* kMethod = "forward_features";
constexpr const char* kHead = "retort_head";

template <typename T>
T option(const ModelSpec& spec, const char* name, T otherwise) {
  try {
    return spec.options.value(name, std::move(otherwise));
  } catch (const nlohmann::json::exception&) {
    throw Error(std::string("a network of TorchScript has a broken option '") + name + "'");
  }
}

jit::Module read_network(const std::string& bytes, const std::string& file) {
  try {
    std::istringstream stream(bytes);
    return jit::load(stream, at::kCPU);
  } catch (const std::exception&) {  // libtorch's message here is about its own sources
    throw Error("is not TorchScript that this libtorch reads", file,
                "save it with torch.jit.script(model).save(\"my.pt\")");
  }
}

// Registers the same tensors under the same names, so that code that trains and saves an nn::Module
// finds them.
void mirror(torch::nn::Module& into, const jit::Module& from) {
  for (const auto& item : from.named_parameters(/*recurse=*/false))
    if (item.value.requires_grad()) into.register_parameter(item.name, item.value);
  for (const auto& item : from.named_buffers(/*recurse=*/false))
    into.register_buffer(item.name, item.value);
  for (const auto& child : from.named_children()) {
    const auto below = std::make_shared<torch::nn::Module>();
    mirror(*below, child.value);
    into.register_module(child.name, below);
  }
}

c10::IValue named_output(const c10::IValue& output, const std::string& name,
                         const std::string& file) {
  if (output.isGenericDict()) {
    for (const auto& entry : output.toGenericDict())
      if (entry.key().isString() && entry.key().toStringRef() == name) return entry.value();
  } else if (output.isTuple() && output.toTupleRef().type<c10::TupleType>()->schema() != nullptr) {
    const auto& fields = output.toTupleRef().type<c10::TupleType>()->schema()->arguments();
    for (size_t i = 0; i < fields.size(); ++i)
      if (fields[i].name() == name) return output.toTupleRef().elements()[i];
  }
  if (output.isTensor() && name.empty()) return output;
  throw Error("has no features: neither a method `" + std::string(kMethod) +
                  "` nor an output of `forward` called '" + name + "'",
              file,
              "add that method, or let forward return a dict or a named tuple, and name its entry "
              "with --student-features or --teacher-features");
}

at::Tensor rows_of(const c10::IValue& value, const std::string& file) {
  if (!value.isTensor()) throw Error("gives features that are not a tensor of numbers", file);
  return pooled_features(value.toTensor(), file);
}

}  // namespace

ScriptNetwork::ScriptNetwork(const ModelSpec& spec) {
  spec_ = spec;
  if (file().empty())
    throw UsageError("a network of TorchScript needs its file", "", "name it: --student my.pt");
  const std::string bytes = read_file(file());
  spec_.options["hash"] = hash_hex(bytes);
  network_ = read_network(bytes, file());
  network_.eval();
  const at::Tensor features = probe();
  mirror(*this, network_);
  head_ = register_module(kHead, torch::nn::Linear(features.size(1), spec_.classes));
}

std::string ScriptNetwork::file() const { return option<std::string>(spec_, "file", ""); }

// Computes features of two images, and freezes the parameters that they do not depend on, such as
// those of the network's own classifier.
at::Tensor ScriptNetwork::probe() {
  const int64_t size = input_spec().size;
  const at::AutoGradMode with_gradients(true);
  const at::Tensor features =
      forward_features(at::linspace(-2, 2, 6 * size * size).view({2, 3, size, size}));
  if (features.size(0) != 2 || features.size(1) < 1)
    throw Error("does not give one row of features an image", file());
  if (features.requires_grad()) features.sum().backward();
  bool any = false;
  for (at::Tensor parameter : network_.parameters()) {
    any = any || parameter.grad().defined();
    parameter.set_requires_grad(parameter.grad().defined());
    parameter.mutable_grad().reset();
  }
  if (!any && !option<bool>(spec_, "frozen", false))
    throw Error("has no trainable parameter that its features depend on", file(),
                "save it unfrozen, with requires_grad on");
  return features.detach();
}

at::Tensor ScriptNetwork::forward_features(const at::Tensor& images) {
  // The optimising executor rewrites a graph after its first runs, so that a resumed run would
  // round differently from an uninterrupted one.
  const jit::GraphOptimizerEnabledGuard as_written(false);
  try {
    if (const auto method = network_.find_method(kMethod))
      return rows_of((*method)({images}), file());
    return rows_of(named_output(network_.forward({images}),
                                option<std::string>(spec_, "features", "features"), file()),
                   file());
  } catch (const c10::Error& error) {
    throw Error(std::string("fails on images of ") + std::to_string(images.size(3)) +
                    " px: " + error.what_without_backtrace(),
                file());
  } catch (const jit::JITException& error) {
    throw Error(std::string("fails on images of ") + std::to_string(images.size(3)) +
                    " px: " + error.what(),
                file());
  }
}

at::Tensor ScriptNetwork::classify(const at::Tensor& features) { return head_->forward(features); }

data::InputSpec ScriptNetwork::own_input_spec() const {
  data::InputSpec spec;
  spec.size = std::clamp<int64_t>(option<int64_t>(spec_, "image_size", spec.size), 16, 1024);
  return spec;
}

void ScriptNetwork::reset_head(int64_t classes) {
  spec_.classes = classes;
  head_ = replace_module(kHead, torch::nn::Linear(feature_dim(), classes));
}

void ScriptNetwork::train(bool on) {
  ImageModel::train(on);
  network_.train(on);
}

void ScriptNetwork::save_network(const std::filesystem::path& path) const {
  std::ostringstream bytes;
  network_.save(bytes);
  write_file_atomic(path, bytes.str());
}

bool names_script(const std::string& student) {
  constexpr std::array kEndings{".pt", ".pth", ".ts"};
  return std::ranges::find(kEndings, std::filesystem::path(student).extension().string()) !=
         kEndings.end();
}

ModelSpec student_spec(const std::string& student, int64_t classes, const std::string& features) {
  if (!names_script(student)) return {student, classes};
  return {kScript, classes, {{"file", student}, {"features", features}}};
}

std::optional<ModelSpec> script_teacher_spec(const std::filesystem::path& path,
                                             const std::string& features) {
  const bool named = path.extension() == ".pt" || path.extension() == ".ts";
  if (!named || !weights::holds_torchscript(path)) return std::nullopt;
  return ModelSpec{kScript, 1, {{"file", path.string()}, {"features", features}, {"frozen", true}}};
}

namespace {

RETORT_REGISTER_FAMILY(Family{
    .name = kScript,
    .archs = {kScript},
    .summary = "a network of your own: --student my.pt",
    .make = [](const ModelSpec& spec) -> ModelPtr { return std::make_shared<ScriptNetwork>(spec); },
    .recognise = nullptr,
    .sized = true});

}  // namespace
}  // namespace retort::models
