#include "retort/models/registry.h"

#include <algorithm>
#include <sstream>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/models/families/vit_spelling.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/programs/torchscript.h"
#include "retort/models/unread_networks.h"
#include "retort/models/weight_source.h"
#include "retort/weights/weight_file.h"
#include "retort/weights/weight_names.h"
#include "retort/weights/zip_pth.h"

namespace retort::models {
namespace {

std::vector<Family>& mutable_families() {
  static std::vector<Family> list;
  return list;
}

bool knows(const Family& family, const std::string& arch) {
  return std::ranges::find(family.archs, arch) != family.archs.end();
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

[[noreturn]] void unknown_arch(const std::string& arch) {
  std::vector<std::string> names;
  for (const Family& family : families())
    names.insert(names.end(), family.archs.begin(), family.archs.end());
  std::ranges::stable_sort(names, {},
                           [&](const std::string& name) { return edit_distance(arch, name); });
  names.resize(std::min<size_t>(names.size(), 5));
  std::string list;
  for (const std::string& name : names) list += name + ", ";
  throw UsageError("unknown architecture '" + arch + "'", "",
                   "the nearest are " + list + "and `retort list students` has all");
}

// A few names and shapes, for messages.
std::string glimpse(const StateDict& state) {
  std::ostringstream text;
  int shown = 0;
  for (const auto& [name, tensor] : state) {
    if (++shown > 6) break;
    text << (shown > 1 ? ", " : "") << name << ' ' << tensor.sizes();
  }
  if (shown > 6) text << ", …";
  return text.str();
}

void check_features(const Family& family, const std::string& features, const std::string& where) {
  if (features.empty() || std::ranges::find(family.features, features) != family.features.end())
    return;
  std::string list;
  for (const std::string& each : family.features) list += (list.empty() ? "one of: " : ", ") + each;
  throw UsageError("a " + family.name + " has no features '" + features + "'", where,
                   list.empty() ? "leave --teacher-features out" : list);
}

// Takes the first family that recognises the tensors.
std::optional<Recognised> recognise_state(const StateDict& state, const Hints& hints,
                                          const std::string& where) {
  for (const Family& family : families()) {
    if (!family.recognise || (!hints.arch.empty() && !knows(family, hints.arch))) continue;
    try {
      std::optional<Recognised> found = family.recognise(state, hints);
      if (!found) continue;
      check_features(family, hints.features, where);
      return found;
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      throw Error(error.what(), where);
    }
  }
  return std::nullopt;
}

// Returns nothing where no family has these tensors. With a named architecture its family would
// throw Error on them.
std::optional<Recognised> recognise_if_its(const StateDict& state, const Hints& hints,
                                           const std::string& where) {
  Hints by_tensors = hints;
  by_tensors.arch.clear();
  if (!hints.arch.empty() && !recognise_state(state, by_tensors, where)) return std::nullopt;
  return recognise_state(state, hints, where);
}

// Recognises a network inside another module by its tensors, up to kMostDeep modules deep.
std::optional<Recognised> recognise_part(const StateDict& state, const Hints& hints,
                                         const std::string& where, int depth = 0) {
  constexpr int kMostDeep = 3;
  if (depth == kMostDeep) return std::nullopt;
  std::vector<std::string> names;
  std::optional<Recognised> first;
  std::optional<Error> complaint;
  for (const weights::WeightPart& part : weights::parts_of(state)) {
    try {
      std::optional<Recognised> found = recognise_if_its(part.tensors, hints, where);
      if (!found) found = recognise_part(part.tensors, hints, where, depth + 1);
      if (!found) continue;
      names.push_back(part.prefix);
      if (!first) first = std::move(found);
    } catch (const Error& error) {
      if (!complaint) complaint = error;
    }
  }
  if (!first && complaint) throw Error(*complaint);
  if (names.size() > 1 && first->others.empty()) {
    first->set = names.front();
    first->others.assign(names.begin() + 1, names.end());
  }
  return first;
}

nlohmann::json checked_preprocess(const nlohmann::json& preprocess, const std::string& where) {
  try {
    return data::to_json(data::input_spec_from(preprocess));
  } catch (const Error& error) {
    throw Error(error.what(), where);
  }
}

std::optional<Recognised> recognise_tensors(const WeightSource& source, const Hints& hints,
                                            const std::string& where) {
  const bool has_parts = !weights::parts_of(source.tensors).empty();
  std::optional<Recognised> found = has_parts ? recognise_if_its(source.tensors, hints, where)
                                              : recognise_state(source.tensors, hints, where);
  if (!found && has_parts) found = recognise_part(source.tensors, hints, where);
  if (!found && has_parts && !hints.arch.empty())
    found = recognise_state(source.tensors, hints, where);
  if (!found) return std::nullopt;
  if (source.preprocess)
    found->spec.options["preprocess"] = checked_preprocess(*source.preprocess, where);
  if (!source.others.empty() || found->set.empty()) {
    found->set = source.set;
    found->others = source.others;
  }
  return found;
}

// OpenAI's CLIP is a TorchScript archive. Its tensors are read; its code is not run.
std::optional<Recognised> recognise_clip_script(const std::filesystem::path& path,
                                                const std::string& features) {
  constexpr const char* kInItsTower = "visual.transformer.resblocks.0.attn.in_proj_weight";
  if (!weights::holds_torchscript(path)) return std::nullopt;
  const std::optional<StateDict> state = weights::read_script_weights(path, kInItsTower);
  if (!state) return std::nullopt;
  return recognise_state(*state, {.name = kOpenAiClip, .features = features}, path.string());
}

}  // namespace

std::string choice_of(const Recognised& found) {
  if (found.set.empty()) return "";
  std::string text = "weights '" + found.set + "'";
  for (const std::string& other : found.others)
    text += (&other == &found.others.front() ? "; FILE#NAME takes others: " : ", ") + other;
  return text;
}

const std::vector<Family>& families() { return mutable_families(); }

int register_family(Family family) {
  std::vector<Family>& list = mutable_families();
  // The list is sorted by name, so that it does not depend on the order in which files were linked.
  list.insert(std::ranges::upper_bound(list, family.name, {}, &Family::name), std::move(family));
  return static_cast<int>(list.size());
}

ModelPtr make_model(const ModelSpec& spec) {
  for (const Family& family : families())
    if (knows(family, spec.arch)) return family.make(spec);
  unknown_arch(spec.arch);
}

ModelSpec for_image_size(ModelSpec spec, int64_t size) {
  for (const Family& family : families())
    if (family.sized && knows(family, spec.arch)) spec.options["image_size"] = size;
  return spec;
}

Recognised recognise_file(const std::filesystem::path& path, const std::string& named,
                          const std::string& features) {
  const auto known = [](const std::string& arch) {
    return std::ranges::any_of(
        families(), [&](const Family& family) { return family.recognise && knows(family, arch); });
  };
  if (!named.empty() && !known(named)) unknown_arch(named);
  if (names_graph(path)) {
    if (!named.empty() && named != kGraphArch)
      throw UsageError("is a graph of its own, not the weights of a " + named, path.string());
    return {
        graph_spec(path, features), {}, path.extension() == ".xml" ? "OpenVINO" : "ONNX", false};
  }
  if (std::optional<Recognised> clip = recognise_clip_script(path, features))
    return std::move(*clip);
  if (std::optional<ModelSpec> script =
          named.empty() ? script_teacher_spec(path, features) : std::nullopt)
    return {std::move(*script), {}, "TorchScript", false};
  const WeightSource source = read_weight_source(path);
  refuse_unread_networks(source.tensors, path.string());
  Hints hints = source.described;
  if (!named.empty() || !known(hints.arch)) hints.arch = named;
  hints.features = features;
  if (std::optional<Recognised> found = recognise_tensors(source, hints, path.string()))
    return std::move(*found);
  throw Error("no model family of retort has these tensors (" + glimpse(source.tensors) + ")",
              path.string(),
              "`retort list teachers` shows the families; --teacher-arch names one where names "
              "alone do not tell");
}

ModelPtr build(const Recognised& found, const std::string& where) {
  ModelSpec spec = found.spec;
  StateDict state = found.state;
  if (!found.has_head) spec.classes = 1;
  ModelPtr model = make_model(spec);
  if (!found.has_head) {
    // The head stays as initialised: the file has none, and a teacher's is fitted to the task.
    for (const auto& [name, tensor] : state_of(*model)) state.try_emplace(name, tensor);
  }
  load_state(*model, state, where);
  model->eval();
  return model;
}

ModelPtr load_model(const std::filesystem::path& path, const std::string& arch, Log& log) {
  const Recognised found = recognise_file(path, arch);
  if (const std::string choice = choice_of(found); !choice.empty())
    log.info(printable(path.string()) + ": " + choice);
  return build(found, path.string());
}

}  // namespace retort::models
