#include <memory>

#include "cli/command.h"
#include "retort/core/error.h"
#include "retort/deploy/cost.h"
#include "retort/hub/snapshot.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/registry.h"
#include "retort/models/weight_source.h"
#include "retort/run/run_folder.h"

namespace retort::cli {
namespace {

struct InspectArguments {
  std::string path, arch;
  bool json = false;
};

std::uintmax_t bytes_of(const std::string& named) {
  const std::string path = models::weight_path(named).path.string();
  if (!std::filesystem::is_directory(path)) return std::filesystem::file_size(path);
  std::uintmax_t bytes = 0;
  for (const auto& file : hub::weight_files(hub::snapshot_at(path)))
    bytes += std::filesystem::file_size(file);
  return bytes;
}

// "/Clip_32 [N, 1280, 2, 2]"
std::string text_of(const models::GraphTensor& tensor) {
  std::string shape;
  for (const int64_t size : tensor.shape)
    shape += (shape.empty() ? "" : ", ") + (size < 0 ? "N" : std::to_string(size));
  return tensor.name + " [" + shape + "]";
}

nlohmann::json describe_weights(const std::string& path, const std::string& arch) {
  const models::Recognised found = models::recognise_file(path, arch);
  const models::ModelPtr model = models::build(found, path);
  nlohmann::json described = {
      {"architecture", found.spec.arch},
      {"naming", found.naming},
      {"classes", found.has_head ? nlohmann::json(found.spec.classes) : nlohmann::json()},
      {"features", model->feature_dim()},
      {"parameters", deploy::count_parameters(*model)},
      {"multiply_adds", deploy::count_multiply_adds(*model, model->input_spec().size)},
      {"bytes", bytes_of(path)},
      {"input", data::to_json(model->input_spec())},
      {"options", found.spec.options}};
  if (!found.set.empty()) described["weights"] = found.set;
  if (!found.others.empty()) described["other_weights"] = found.others;
  if (!models::names_graph(path)) return described;
  // These are the tensors that --teacher-features can name.
  described.erase("parameters");
  described.erase("multiply_adds");
  for (const models::GraphTensor& tensor : models::feature_candidates(path))
    described["tensors"].push_back(text_of(tensor));
  return described;
}

nlohmann::json describe(const std::string& path, const std::string& arch) {
  const run::RunFolder folder{path};
  if (!std::filesystem::exists(folder.config())) return describe_weights(path, arch);
  if (std::filesystem::exists(folder.summary())) return run::read_json(folder.summary());
  throw Error("is not a finished run: it has no summary.json", path,
              "finish it with `retort distill --resume`");
}

}  // namespace

void add_inspect(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Say what a weight file, a model's folder or a run folder holds");
  command
      ->add_option("path", arguments->path,
                   "a .safetensors or .pth file, a model's folder, or a run folder")
      ->required();
  command->add_option("--arch", arguments->arch,
                      "architecture, where the tensor names do not tell");
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([arguments, session] {
    const nlohmann::json found = describe(arguments->path, arguments->arch);
    if (arguments->json) {
      session.out << found.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
      return;
    }
    const auto show = [&session](const std::string& key, const nlohmann::json& value) {
      session.out << key << std::string(key.size() < 20 ? 20 - key.size() : 1, ' ')
                  << (value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
    };
    for (const auto& [key, value] : found.items()) {
      if (key != "tensors") show(key, value);
    }
    for (const nlohmann::json& tensor : found.value("tensors", nlohmann::json::array()))
      show("tensor", tensor);
  });
}

}  // namespace retort::cli
