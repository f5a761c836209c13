#include "retort/deploy/onnx_export.h"

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/deploy/onnx_ops.h"

namespace retort::deploy {

namespace {

constexpr int64_t kMaxBytes = int64_t{1} << 31;  // protobuf's

// Throws Error on a model that is too large, before the trace takes time and memory.
void require_small_enough(models::ImageModel& model) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : models::state_of(model))
    bytes += static_cast<int64_t>(tensor.nbytes());
  if (bytes >= kMaxBytes)
    throw Error("the model's " + std::to_string(bytes) +
                    " bytes do not fit in an ONNX file, which holds 2 GB",
                "", "use the safetensors file");
}

std::string to_onnx(models::ImageModel& model, const std::vector<std::string>& classes,
                    const data::InputSpec& spec) {
  require_small_enough(model);
  const BatchTrace trace(model, spec.size);
  const auto logits_shape = trace.shape(trace.graph().outputs().at(0));
  const auto count = static_cast<int64_t>(classes.size());
  if (logits_shape.size() != 2 || !logits_shape[0].per_image || logits_shape[1].value != count)
    throw Error("the model does not give " + std::to_string(count) +
                " logits an image, one for each class name");

  OnnxBuilder builder(model.spec().arch.empty() ? "model" : model.spec().arch);
  builder.producer("retort", RETORT_VERSION);
  // A class name may come from a folder's name, which may not be UTF-8.
  builder.metadata("classes", nlohmann::json(classes).dump(
                                  -1, ' ', false, nlohmann::json::error_handler_t::replace));
  builder.metadata("preprocess", data::to_json(spec).dump());
  builder.metadata("producer", std::string("retort ") + RETORT_VERSION);
  builder.input("images", {"batch", int64_t{3}, spec.size, spec.size});
  const std::string logits =
      OnnxTranslator(builder, trace, models::state_of(model), "images").run();
  builder.output(logits, "logits", {"batch", count});
  return builder.serialize();
}

}  // namespace

void write_onnx(const std::filesystem::path& path, models::ImageModel& model,
                const std::vector<std::string>& classes, const data::InputSpec& spec) {
  std::string bytes;
  try {
    bytes = to_onnx(model, classes, spec);
  } catch (const Error& error) {
    throw Error(error.what(), path.string());
  }
  write_file_atomic(path, bytes);
}

}  // namespace retort::deploy
