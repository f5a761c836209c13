#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/core/registration.h"
#include "retort/models/image_model.h"

namespace retort::models {

// A weight file that a family has recognised: how to build the model, and the tensors under our
// names, with the classifier's where the file has one.
struct Recognised {
  ModelSpec spec;
  StateDict state;
  std::string naming;  // "torchvision", "lukemelas", "timm", "transformers", …
  bool has_head = true;
  // Where a file has several sets of weights (its own and averaged ones, a teacher's and a
  // student's): the set that was taken, such as "model_ema", and the others, which FILE#NAME
  // chooses.
  std::string set{};
  std::vector<std::string> others{};
};

// "weights 'model_ema'; FILE#NAME takes others: model"; empty where there was no choice.
std::string choice_of(const Recognised& found);

// What is known of a weight file besides its tensors. `config` gives what shapes do not show
// (heads, activations); no size is taken from it.
struct Hints {
  // What the user named, or else what the file's description names, if retort knows it; or empty.
  std::string arch{};
  std::string library{};   // whose terms config uses: "timm" or "transformers" (config.json),
                           // "retort" (ModelSpec.options); or empty
  std::string name{};      // the architecture as that library calls it
  std::string features{};  // which of Family::features the user wants; or empty
  nlohmann::json config = nlohmann::json::object();
};

// A registered family. Each family is one file with one RETORT_REGISTER_FAMILY line.
struct Family {
  std::string name;                // "resnet"
  std::vector<std::string> archs;  // what `--student` and `--teacher-arch` take
  std::string summary;             // one line for `retort list`
  // Makes a new model with the public implementation's random initialisation, drawn from torch's
  // global generator. Throws UsageError on an option that the family refuses.
  std::function<ModelPtr(const ModelSpec&)> make;
  // Reads a weight file as this family's; gives nothing when its names and shapes are another
  // family's. Throws Error, naming the tensor, on a file of this family that is broken (a block
  // missing, a wrong shape). Null for a family that has no teachers.
  std::function<std::optional<Recognised>(const StateDict&, const Hints&)> recognise;
  bool sized = false;  // whether a new model is made for images of options.image_size
  std::vector<std::string>
      features{};  // the features that a recognised model can give, where there is a choice
};

const std::vector<Family>& families();
int register_family(Family family);
#define RETORT_REGISTER_FAMILY(...) \
  RETORT_REGISTERED(::retort::models::register_family(__VA_ARGS__))

// Makes a new model. Throws UsageError, with the nearest names, on an unknown architecture, and on
// an option that its family refuses.
ModelPtr make_model(const ModelSpec& spec);
// The spec of a new model for images of this size, in pixels: a ViT's position embeddings then need
// no resizing. The spec of a family that is not `sized` is returned as it is.
ModelSpec for_image_size(ModelSpec spec, int64_t size);

// Reads a weight file or a model's folder (weight_source.h) or a graph (graph_network.h), and
// recognises its network: by `arch`, by its own description, by its tensors, or by the tensors of a
// network inside another module (a `backbone.` beside a head of another kind). `features` is one of
// Family::features, or a tensor of a graph; empty for those that the authors use. Throws Error,
// with some of the tensors, when no family knows them; UsageError on an unknown `arch` and on
// features that the network does not have.
Recognised recognise_file(const std::filesystem::path& path, const std::string& arch = "",
                          const std::string& features = "");

// Builds the model with the recognised weights, in evaluation mode. A file without a classifier
// gets a new head of one class (the teacher's head is fitted later). Throws Error, naming `where`,
// as load_state does.
ModelPtr build(const Recognised& found, const std::string& where);
// Recognises and builds. For a file with several sets of weights, the log says which was taken.
ModelPtr load_model(const std::filesystem::path& path, const std::string& arch = "",
                    Log& log = null_log());

}  // namespace retort::models
