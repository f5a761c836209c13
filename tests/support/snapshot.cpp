#include "tests/support/snapshot.h"

#include <nlohmann/json.hpp>

#include "retort/core/file.h"
#include "retort/core/safetensors.h"
#include "tests/support/formula.h"

namespace retort::testing {

void write_two_towers(const std::filesystem::path& folder, const std::string& kind) {
  const std::filesystem::path fixtures = std::filesystem::path(RETORT_FIXTURES) / "text";
  const nlohmann::json fixture = nlohmann::json::parse(read_file(fixtures / (kind + ".json")));
  std::filesystem::create_directories(folder);
  for (const auto& file : std::filesystem::directory_iterator(fixtures / "tokenizers" / kind))
    std::filesystem::copy_file(file.path(), folder / file.path().filename());
  StateDict tensors;
  for (const auto& tensor : fixture["tensors"]) {
    const auto name = tensor[0].get<std::string>();
    tensors[name] = formula_parameter(name, tensor[1].get<std::vector<int64_t>>());
  }
  write_safetensors(folder / "model.safetensors", tensors);
  write_file_atomic(folder / "config.json", fixture["config"].dump());
  const nlohmann::json half = {0.5, 0.5, 0.5}, size = {{"height", 32}, {"width", 32}};
  write_file_atomic(folder / "preprocessor_config.json", nlohmann::json{{"do_resize", true},
                                                                        {"do_normalize", true},
                                                                        {"size", size},
                                                                        {"image_mean", half},
                                                                        {"image_std", half},
                                                                        {"resample", 3}}
                                                             .dump());
}

}  // namespace retort::testing
