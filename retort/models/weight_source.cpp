#include "retort/models/weight_source.h"

#include <cmath>
#include <map>
#include <set>

#include "retort/core/error.h"
#include "retort/hub/description.h"
#include "retort/hub/snapshot.h"
#include "retort/models/timm_names.h"
#include "retort/weights/weight_file.h"

namespace retort::models {
namespace fs = std::filesystem;
namespace {

// How the images were prepared that the network was trained on. The spec's own `preprocess`
// describes the images of the weights that training started from.
std::optional<nlohmann::json> preprocess_in(const Metadata& metadata, const fs::path& path) {
  const auto found = metadata.find(kPreprocessKey);
  if (found == metadata.end()) return std::nullopt;
  nlohmann::json preprocess = nlohmann::json::parse(found->second, nullptr, false);
  if (preprocess.is_discarded())
    throw Error("says in its metadata how it wants its images, but not as JSON", path.string());
  return preprocess;
}

WeightSource read_one_file(const fs::path& path, const std::string& set) {
  weights::WeightFile file = weights::read_weight_file(path, set);
  WeightSource source{.tensors = std::move(file.tensors),
                      .described = {},
                      .preprocess = {},
                      .set = std::move(file.set),
                      .others = std::move(file.others)};
  const auto found = file.metadata.find(kSpecKey);
  if (found == file.metadata.end()) return source;
  try {
    const ModelSpec spec = model_spec_from(nlohmann::json::parse(found->second));
    source.described = {
        .arch = spec.arch, .library = "retort", .name = spec.arch, .config = spec.options};
    if (spec.options.contains("preprocess")) source.preprocess = spec.options.at("preprocess");
  } catch (const std::exception&) {
    return source;  // not retort's metadata; the tensors decide
  }
  if (auto preprocess = preprocess_in(file.metadata, path))
    source.preprocess = std::move(preprocess);
  return source;
}

// retort resizes with two filters; each other filter is replaced by the one that is as smooth.
nlohmann::json drawable(nlohmann::json preprocess, const fs::path& folder) {
  nlohmann::json& filter = preprocess.at("interpolation");
  if (filter == "lanczos") filter = "bicubic";
  if (filter == "hamming" || filter == "box") filter = "bilinear";
  if (filter == "nearest")
    throw Error("wants images resized by nearest neighbours, which retort does not do",
                folder.string());
  return preprocess;
}

// Refuses settings of transformers' models that shapes do not show and that differ from those of
// the published models.
void check_built(const hub::Description& description, const std::string& where) {
  static const std::map<std::string, std::string> activations{{"resnet", "relu"},
                                                              {"regnet", "relu"},
                                                              {"convnext", "gelu"},
                                                              {"convnextv2", "gelu"},
                                                              {"swin", "gelu"}};
  const auto built = activations.find(description.architecture);
  const nlohmann::json& config = description.config;
  const nlohmann::json described = config.value("hidden_act", nlohmann::json());
  if (built != activations.end() && !described.is_null() && described != built->second)
    throw Error("hidden_act is " + described.dump() + ", where retort builds " + built->second,
                where);
  if (description.architecture == "resnet" &&
      (config.value("downsample_in_bottleneck", nlohmann::json(false)) != false ||
       config.value("downsample_in_first_stage", nlohmann::json(false)) != false))
    throw Error("downsample_in_bottleneck and downsample_in_first_stage are not built", where);
}

// Refuses another epsilon than retort's: 1e-6 for ConvNeXt, from which transformers' 1e-12 in the
// last norm cannot be told apart, and 1e-5 for Swin.
void check_eps(const hub::Description& description, const std::string& where) {
  const bool swin = description.architecture == "swin";
  if (!swin && description.architecture != "convnext" && description.architecture != "convnextv2")
    return;
  const nlohmann::json eps = description.config.value("layer_norm_eps", nlohmann::json());
  const auto is_built = [&](double value) {
    return swin ? std::abs(value - 1e-5) <= 1e-11 : value > 0 && value <= 1.001e-6;
  };
  if (!eps.is_null() && !(eps.is_number() && is_built(eps.get<double>())))
    throw Error("layer_norm_eps is " + eps.dump() + ", where retort builds " +
                    (swin ? "1e-05" : "1e-06 and less"),
                where);
}

// Refuses settings of OpenCLIP's image tower that retort does not build.
void check_open_clip(const hub::Description& description, const std::string& where) {
  const nlohmann::json& tower = description.config.at("model_cfg").at("vision_cfg");
  static const std::set<std::string> sizes{"image_size",    "layers",     "width",
                                           "patch_size",    "head_width", "patch_dropout",
                                           "ls_init_value", "mlp_ratio"};
  for (const auto& [key, value] : tower.items()) {
    const bool usual = value.is_null() || value == false || (key == "pool_type" && value == "tok");
    if (!sizes.contains(key) && !usual)
      throw Error("vision_cfg." + key + " is " + value.dump() + ", which is not built", where);
  }
}

WeightSource read_folder(const fs::path& path, const std::string& set) {
  const hub::Snapshot snapshot = hub::snapshot_at(path);
  const hub::Description description = hub::describe(snapshot.folder);
  if (description.library == "timm") check_timm(description, snapshot.folder.string());
  if (description.library == "transformers") {
    check_built(description, (snapshot.folder / "config.json").string());
    check_eps(description, (snapshot.folder / "config.json").string());
  }
  if (description.library == "open_clip")
    check_open_clip(description, (snapshot.folder / "open_clip_config.json").string());
  const std::string& name = description.architecture;
  WeightSource source{
      .tensors = {},
      .described = {.arch =
                        description.library == "timm" && !has_own_sizes(description) ? name : "",
                    .library = description.library,
                    .name = name,
                    .config = description.config},
      .preprocess = drawable(hub::preprocess_of(description), snapshot.folder),
      .set = {},
      .others = {}};
  for (const fs::path& file : hub::weight_files(snapshot)) {
    weights::WeightFile read = weights::read_weight_file(file, set);
    source.set = std::move(read.set);
    source.others = std::move(read.others);
    for (auto& [key, tensor] : read.tensors) {
      if (!source.tensors.emplace(key, std::move(tensor)).second)
        throw Error("holds the tensor '" + key + "', as another shard does", file.string());
    }
  }
  return source;
}

}  // namespace

WeightPath weight_path(const fs::path& named) {
  std::error_code ignored;
  const std::string text = named.string();
  const size_t mark = text.rfind('#');
  if (mark == std::string::npos || mark + 1 == text.size() || fs::exists(named, ignored))
    return {named, ""};
  const fs::path path = text.substr(0, mark);
  return fs::exists(path, ignored) ? WeightPath{path, text.substr(mark + 1)}
                                   : WeightPath{named, ""};
}

WeightSource read_weight_source(const fs::path& named) {
  const auto& [path, set] = weight_path(named);
  std::error_code ignored;
  return fs::is_directory(path, ignored) ? read_folder(path, set) : read_one_file(path, set);
}

}  // namespace retort::models
