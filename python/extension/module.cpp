// The module retort._retort: the commands of the program, called with Python's log, stop flag and
// objects. python/retort documents its functions for users.

#include <csignal>
#include <iostream>
#include <sstream>

#include <ATen/Parallel.h>
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "cli/command.h"
#include "cli/run_options.h"
#include "python/extension/loss.h"
#include "python/extension/network.h"
#include "retort/core/hash.h"
#include "retort/core/memory.h"
#include "retort/core/processors.h"
#include "retort/core/quote.h"
#include "retort/core/safetensors.h"
#include "retort/core/spinning.h"
#include "retort/deploy/onnx_export.h"
#include "retort/models/weight_source.h"
#include "retort/run/distill.h"
#include "retort/run/plan.h"
#include "retort/run/predict_run.h"
#include "retort/run/run_folder.h"
#include "retort/version.h"

namespace retort::python {
namespace {

// Passes the library's messages to a retort._log.Log.
class PythonLog : public Log {
 public:
  explicit PythonLog(Held log) : log_(std::move(log)) {}
  void info(const std::string& message) override { call("info", printable_message(message)); }
  void warn(const std::string& message) override { call("warn", printable_message(message)); }
  void progress(const Progress& p) override {
    call("progress", printable(p.task), p.unit, p.done, p.total, p.per_second, p.eta_seconds,
         printable(p.detail));
  }

 private:
  template <typename... Arguments>
  void call(const char* method, const Arguments&... arguments) {
    const py::gil_scoped_acquire lock;
    try {
      log_->attr(method)(arguments...);
    } catch (const py::error_already_set& error) {
      throw PythonError(error, "the log");
    }
  }
  Held log_;
};

std::atomic<StopFlag*> interrupted{nullptr};

// While it exists, Ctrl-C sets the flag; afterwards Python's own handler is restored.
class StopOnInterrupt {
 public:
  StopOnInterrupt(StopFlag& flag, bool on) : on_(on) {
    if (!on_) return;
    interrupted = &flag;
    struct sigaction action {};
    action.sa_handler = [](int) {
      if (StopFlag* const stop = interrupted.load()) *stop = true;
    };
    sigaction(SIGINT, &action, &before_);
  }
  ~StopOnInterrupt() {
    if (!on_) return;
    sigaction(SIGINT, &before_, nullptr);
    interrupted = nullptr;
  }
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;

 private:
  bool on_;
  struct sigaction before_ {};
};

// The settings of the program's start. More threads than usable processors would only wait for each
// other.
void use_own_memory_and_processors() {
  keep_tensor_memory();
  const auto usable = static_cast<int>(usable_processors());
  if (at::get_num_threads() > usable) at::set_num_threads(usable);
}

// What a call passes to a command besides its options.
struct Call {
  Held log;
  bool interruptible = false;  // by Ctrl-C: in Python's main thread
  std::map<std::string, Held> networks;
  Held on_epoch;  // or null
};

std::shared_ptr<const run::Objects> objects_of(const Call& call) {
  auto objects = std::make_shared<run::Objects>();
  for (const auto& [name, adapter] : call.networks)
    objects->networks.emplace(name, given_network(adapter));
  if (call.on_epoch)
    objects->on_epoch = [on_epoch = call.on_epoch](const EpochMetrics& epoch) {
      const py::gil_scoped_acquire lock;
      try {
        (*on_epoch)(nlohmann::json(epoch).dump());
      } catch (const py::error_already_set& error) {
        throw PythonError(error, "callbacks");
      }
    };
  return objects;
}

Call call_of(const py::object& log, bool interruptible, const py::dict& networks,
             const py::object& on_epoch) {
  Call call{hold(log), interruptible, {}, on_epoch.is_none() ? nullptr : hold(on_epoch)};
  for (const auto& [name, adapter] : networks)
    call.networks.emplace(name.cast<std::string>(),
                          hold(py::reinterpret_borrow<py::object>(adapter)));
  return call;
}

void parse(CLI::App& app, const std::vector<std::string>& arguments) {
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
}

// Runs the command with these arguments, and returns what it prints.
std::string run_command(const std::vector<std::string>& arguments, const py::object& log,
                        bool interruptible, const py::dict& networks, const py::object& on_epoch) {
  const Call call = call_of(log, interruptible, networks, on_epoch);
  const py::gil_scoped_release unlocked;
  use_own_memory_and_processors();
  const AdaptiveSpinning spinning;
  PythonLog own_log(call.log);
  StopFlag stop{false};
  const StopOnInterrupt guard(stop, call.interruptible);
  std::ostringstream out;
  CLI::App app("retort", "retort");
  app.require_subcommand(1);
  cli::add_commands(app,
                    {own_log, [&]() -> const StopFlag& { return stop; }, out, objects_of(call)});
  parse(app, arguments);
  return out.str();
}

// The options of a command by name: the type, whether it may be repeated, whether it is required,
// and the help.
using OptionInfo = std::tuple<std::string, bool, bool, std::string>;
std::map<std::string, OptionInfo> options_of(const std::string& command) {
  std::ostringstream out;
  CLI::App app("retort", "retort");
  cli::add_commands(app, {null_log(), never_stop, out});
  std::map<std::string, OptionInfo> options;
  for (const CLI::Option* option : app.get_subcommand(command)->get_options())
    for (const std::string& name : option->get_lnames())
      if (name != "help")
        options[name] = {option->get_items_expected_max() == 0 ? "FLAG" : option->get_type_name(),
                         option->get_items_expected_max() > 1, option->get_required(),
                         option->get_description()};
  return options;
}

// Fits the teacher as `distill` does, without training a student.
py::dict fit_teacher(const std::vector<std::string>& arguments, const py::object& log,
                     bool interruptible, const py::dict& networks) {
  const Call call = call_of(log, interruptible, networks, py::none());
  std::optional<run::FittedTeacher> fitted;
  std::string summary;
  {
    const py::gil_scoped_release unlocked;
    use_own_memory_and_processors();
    PythonLog own_log(call.log);
    StopFlag stop{false};
    const StopOnInterrupt guard(stop, call.interruptible);
    CLI::App app("retort", "fit_teacher");
    run::RunConfig config;
    cli::RunFiles files;
    cli::add_run_options(app, config, files);
    parse(app, arguments);
    cli::read_run_files(app, files);
    if (config.out.empty()) config.out = ".";  // nothing is written to it
    config.objects = objects_of(call);
    const run::Plan plan = run::resolve(config);
    summary = run::to_json(run::linear_probe(plan, own_log, stop).teacher).dump();
    fitted.emplace(run::fitted_teacher(plan, own_log, stop));
  }
  py::dict result;
  result["summary"] = summary;
  result["classes"] = fitted->manifest.classes;
  result["weight"] = fitted->teacher.head_weight();
  result["bias"] = fitted->teacher.head_bias();
  result["train_features"] = fitted->train_features;
  result["train_labels"] = fitted->train_labels;
  result["val_features"] = fitted->val_features;
  result["val_labels"] = fitted->val_labels;
  return result;
}

// For each picture, also in folders: its path, its classes, and why it could not be read.
using OnePrediction =
    std::tuple<std::string, std::vector<std::pair<std::string, double>>, std::string>;
std::vector<OnePrediction> predict(const std::string& run, const std::vector<std::string>& paths,
                                   int64_t top, const py::object& log) {
  PythonLog own_log(hold(log));
  const py::gil_scoped_release unlocked;
  use_own_memory_and_processors();
  std::vector<OnePrediction> predictions;
  run::predict_each(run, run::pictures_of(paths, own_log), top,
                    [&](const run::FilePrediction& each) {
                      predictions.emplace_back(each.path, each.top, each.error);
                    });
  return predictions;
}

void write_onnx(const std::string& student, const std::string& path) {
  const py::gil_scoped_release unlocked;
  const run::Student loaded = run::load_student(student);
  deploy::write_onnx(path, *loaded.model, loaded.classes, loaded.spec);
}

// Reads a student.safetensors: its network's spec, as JSON, and its weights.
std::pair<std::string, StateDict> read_student(const std::string& path) {
  TensorFile file = read_safetensors(path);
  for (auto& [name, tensor] : file.tensors) tensor = tensor.clone();
  return {file.metadata[models::kSpecKey], std::move(file.tensors)};
}

// A hash that identifies a network with its weights: [(name, tensor on the CPU)].
std::string key_of(const std::string& described,
                   const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  const py::gil_scoped_release unlocked;
  Hasher hasher;
  hasher.text(described);
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor values = tensor.detach().to(at::kCPU).contiguous();
    hasher.text(name).text(values.toString()).bytes(bytes_of(values));
  }
  return hasher.hex();
}

// `group` is the torch.distributed process group that shares the run; empty for none.
std::shared_ptr<Ranks> ranks_of(const std::string& group) {
  return group.empty() ? nullptr : std::shared_ptr<Ranks>(ranks_of_group(group));
}

int run_program(const std::vector<std::string>& arguments, const std::string& group) {
  const py::gil_scoped_release unlocked;
  const auto objects = std::make_shared<run::Objects>();
  objects->ranks = ranks_of(group);
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  const int code = cli::run_program(static_cast<int>(argv.size()), argv.data(), objects);
  std::cout.flush();
  return code;
}

void raise(const char* type, const Error& error, const Held& cause) {
  const py::object made = py::module_::import("retort._errors")
                              .attr(type)(printable_message(error.what()), error.parts().what,
                                          error.parts().where, error.parts().mend);
  if (cause) PyException_SetCause(made.ptr(), cause->inc_ref().ptr());
  PyErr_SetObject(py::type::handle_of(made).ptr(), made.ptr());
}

void translate(std::exception_ptr thrown) {
  if (!thrown) return;
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const PythonError& error) {
    raise("Error", error, error.cause());
  } catch (const Interrupted& error) {
    raise("Interrupted", error, nullptr);
  } catch (const UsageError& error) {
    raise("UsageError", error, nullptr);
  } catch (const Error& error) {
    raise("Error", error, nullptr);
  }
}

}  // namespace
}  // namespace retort::python

PYBIND11_MODULE(_retort, module) {
  using namespace retort;
  using namespace retort::python;
  py::register_exception_translator(translate);
  module.attr("version") = kVersion;
  add_step_view(module);
  module.def("register_loss", [](const std::string& name, bool of_logits, py::object make) {
    register_loss(name, of_logits ? losses::Kind::logit : losses::Kind::embedding,
                  hold(std::move(make)));
  });
  module.def("run_command", run_command);
  module.def("options_of", options_of);
  module.def("fit_teacher", fit_teacher);
  module.def("predict", predict);
  module.def("write_onnx", write_onnx);
  module.def("read_student", read_student);
  module.def("key_of", key_of);
  module.def("run_program", run_program, py::arg("arguments"), py::arg("group") = "");
}
