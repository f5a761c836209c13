#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/core/registration.h"
#include "retort/models/image_model.h"

namespace retort::models {

// A weight file's tensors, recognised: how to build the model, and the tensors under our (public)
// names, heads included when the file has one.
struct Recognised {
  ModelSpec spec;
  StateDict state;
  std::string naming;  // "torchvision", "lukemelas", "timm", "transformers", …
  bool has_head = true;
  // Where a file has several sets of weights (its own and averaged ones, a teacher's and a
  // student's): which were taken, "model_ema", and which others FILE#NAME takes.
  std::string set{};
  std::vector<std::string> others{};
};

// "weights 'model_ema'; FILE#NAME takes others: model"; or nothing where there was no choice.
std::string choice_of(const Recognised& found);

// What is known of a weight file beside its tensors. `config` says what shapes do not (heads,
// activations); no size is taken from it.
struct Hints {
  std::string arch{};      // what the user named, or else what the file's own description names and
                           // retort knows; or empty
  std::string library{};   // whose words config is in: "timm" or "transformers" (config.json),
                           // "retort" (ModelSpec.options); or empty
  std::string name{};      // the architecture as that library calls it
  std::string features{};  // which of Family::features the user wants; or empty
  nlohmann::json config = nlohmann::json::object();
};

// One file a family; one RETORT_REGISTER_FAMILY line in it.
struct Family {
  std::string name;                // "resnet"
  std::vector<std::string> archs;  // what `--student` and `--teacher-arch` take
  std::string summary;             // one line for `retort list`
  // A fresh, randomly initialised model as the public implementation initialises it (from torch's
  // global generator: seed it first).
  std::function<ModelPtr(const ModelSpec&)> make;
  // The family's view of a weight file, or nothing when its names and shapes are another family's.
  // A file that is ours but broken (a block missing, a wrong shape) is an Error that names the
  // tensor. Null: no teachers, only students.
  std::function<std::optional<Recognised>(const StateDict&, const Hints&)> recognise;
  bool sized = false;  // a fresh model is made for images of options.image_size
  std::vector<std::string>
      features{};  // what a recognised model's features can be, where there is a choice
};

const std::vector<Family>& families();
int register_family(Family family);
#define RETORT_REGISTER_FAMILY(...) \
  RETORT_REGISTERED(::retort::models::register_family(__VA_ARGS__))

// Throws UsageError with the nearest names when there is no such architecture.
ModelPtr make_model(const ModelSpec& spec);
// The spec of a fresh model for images of this size: a ViT's position embeddings are made for it,
// with nothing to resize. What is made for no size is returned as it is.
ModelSpec for_image_size(ModelSpec spec, int64_t size);

// Reads a weight file or a model's folder (weight_source.h) and recognises it: by `arch`, or by its
// own description, or by its tensors, or by those of a network that was trained inside another
// module (a `backbone.` beside a head of another kind); or a graph (graph_network.h). `features`:
// of Family::features, or a tensor of the graph; or empty for those that its authors use. Throws
// Error when no family knows it, listing what its tensors look like; UsageError when it has no such
// features.
Recognised recognise_file(const std::filesystem::path& path, const std::string& arch = "",
                          const std::string& features = "");

// The model with the recognised weights, in evaluation mode; `where` names their file. A file
// without a classifier gets a fresh head of spec.classes = 1 (the teacher's head is fitted later).
ModelPtr build(const Recognised& found, const std::string& where);
// Of a file with several sets of weights, the log is told which were taken.
ModelPtr load_model(const std::filesystem::path& path, const std::string& arch = "",
                    Log& log = null_log());

}  // namespace retort::models
