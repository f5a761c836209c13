// snapshot_outputs FOLDER...: for scripts/check_snapshots.py. Each folder is a model's, and has
// images.safetensors (`images`, normalised) and expected.safetensors (its library's `logits`); or
// it has weights.pth, weights alone, instead of the model. Prints a line for each: right, refused
// or wrong.
#include <exception>
#include <iostream>
#include <string>

#include "retort/core/safetensors.h"
#include "retort/models/registry.h"

namespace {

using retort::read_safetensors;

// The largest difference, as a share of the largest value.
double difference(const at::Tensor& found, const at::Tensor& expected) {
  if (found.sizes() != expected.sizes()) return 1;
  return ((found - expected).abs().max() / expected.abs().max()).item<double>();
}

void check(const std::filesystem::path& folder) {
  constexpr double kRounding = 1e-3;
  const at::NoGradGuard no_grad;
  try {
    const bool is_file = std::filesystem::exists(folder / "weights.pth");
    const retort::models::Recognised found =
        retort::models::recognise_file(is_file ? folder / "weights.pth" : folder);
    const retort::models::ModelPtr model = retort::models::build(found, folder.string());
    const auto output =
        model->forward(read_safetensors(folder / "images.safetensors").tensors.at("images"));
    const at::Tensor expected =
        read_safetensors(folder / "expected.safetensors").tensors.at("logits");
    // Without a classifier the features are compared.
    const double off = difference(found.has_head ? output.logits : output.features, expected);
    std::cout << (off < kRounding ? "right " : "wrong ") << folder.filename().string() << ' ' << off
              << std::endl;
  } catch (const std::exception& error) {
    const std::string what = error.what();
    std::cout << "refused " << folder.filename().string() << ' ' << what.substr(0, what.find('\n'))
              << std::endl;
  }
}

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) check(arguments[i]);
  return 0;
}
