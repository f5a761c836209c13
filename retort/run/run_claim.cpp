#include "retort/run/run_claim.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <sstream>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"

namespace retort::run {
namespace {
namespace fs = std::filesystem;

constexpr const char* kReplacement = "replacement";
constexpr const char* kPlacing =
    ".placing";  // written once the old run's files without a successor are removed
// The files that a run writes. A run that replaces another one replaces or removes all of these.
constexpr std::array<const char*, 12> kWritten{
    "config.toml",         "metrics.jsonl",    "checkpoints",
    "student.safetensors", "student.onnx",     RunFolder::kNetwork,
    "report.html",         "predictions.json", "teacher_head.safetensors",
    RunFolder::kImages,    "tensorboard",      "log.txt"};

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool has_trained(const RunFolder& folder) {
  return is_there(folder.checkpoint()) || is_there(folder.summary());
}

// Whether a new run may use the folder: it has no run, or one that ended before it had trained, for
// example because of a mistake in its settings.
bool is_free(const RunFolder& folder) {
  return !is_there(folder.config()) || (!has_trained(folder) && is_there(folder.log()));
}

bool has_settings(const RunFolder& folder, const std::string& toml) {
  return is_there(folder.config()) && read_file(folder.config()) == toml;
}

// The names of the settings that differ.
std::string differing(const std::string& toml, const std::string& other) {
  std::set<std::string> lines[2], names;
  for (const int side : {0, 1}) {
    std::istringstream text(side == 0 ? toml : other);
    for (std::string line; std::getline(text, line);)
      if (line.find(" = ") != std::string::npos && !line.starts_with('#')) lines[side].insert(line);
  }
  std::vector<std::string> differ;
  std::ranges::set_symmetric_difference(lines[0], lines[1], std::back_inserter(differ));
  for (const std::string& line : differ) names.insert(line.substr(0, line.find(" = ")));
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? "of another version of retort" : list;
}

void discard(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error)
    throw Error("cannot be removed: " + error.message(), path.string(),
                "check the folder's permissions");
}

void move_over(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::is_directory(from, error) || fs::is_directory(to, error)) discard(to);
  fs::rename(from, to, error);
  if (error)
    throw Error("cannot be put in its place: " + error.message(), to.string(),
                "check the folder's permissions");
}

// Each step can be repeated. The run folder has no summary until the last step, so that nobody
// takes a mixture of two runs for a finished run.
void put_in_place(const RunFolder& root) {
  const RunFolder next = replacement_of(root);
  if (!is_there(next.root / kPlacing)) {
    for (const char* name : kWritten) {
      if (!is_there(next.root / name)) discard(root.root / name);
    }
    discard(root.summary());
    write_file_atomic(next.root / kPlacing, "");
  }
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(next.root))
    names.push_back(entry.path().filename());
  for (const fs::path& name : names) {
    if (name != kPlacing && name != next.summary().filename())
      move_over(next.root / name, root.root / name);
  }
  move_over(next.summary(), root.summary());
  discard(next.root);
}

}  // namespace

RunFolder replacement_of(const RunFolder& root) { return {root.root / kReplacement}; }

RunClaim::RunClaim(const fs::path& out, const std::string& toml, const DistillOptions& options)
    : root_{out}, work_{out}, lock_(out) {
  for (const fs::path& folder : {root_.root, root_.checkpoint().parent_path()})
    remove_abandoned(folder, /*below=*/false);
  const RunFolder next = replacement_of(root_);
  if (is_there(next.summary())) put_in_place(root_);
  if (is_there(next.root / kPlacing)) discard(next.root);  // its summary is in place already
  choose(toml, options);
  if (replaces() && resumes_) remove_abandoned(work_.root);
  if (is_done_ || resumes_) return;
  if (replaces()) discard(work_.root);
  std::error_code error;
  fs::create_directories(work_.root, error);
  if (error)
    throw Error("cannot make the run folder: " + error.message(), work_.root.string(),
                "check the permissions, or choose another --out");
  write_file_atomic(work_.config(), toml);
}

void RunClaim::choose(const std::string& toml, const DistillOptions& options) {
  const RunFolder next = replacement_of(root_);
  if (options.resume && has_settings(next, toml)) {
    work_ = next;
    resumes_ = is_there(next.checkpoint());
  } else if (!options.force) {
    work_in_place(toml, options);
  } else if (options.resume && has_settings(root_, toml) && !is_there(root_.summary())) {
    resumes_ = is_there(root_.checkpoint());
  } else if (has_trained(root_)) {
    work_ = next;
  }
}

void RunClaim::work_in_place(const std::string& toml, const DistillOptions& options) {
  if (is_free(root_)) return;
  const bool same = has_settings(root_, toml);
  if (!same)
    throw Error(
        "holds a run with other settings (" + differing(toml, read_file(root_.config())) + ")",
        root_.root.string(),
        options.resume ? "resume with --config " + root_.config().string()
                       : "choose another --out, or --force to write over it");
  is_done_ = is_there(root_.summary());
  if (is_done_) return;
  if (!options.resume && is_there(root_.checkpoint()))
    throw Error("holds an unfinished run", root_.root.string(),
                "--resume goes on with it, --force starts it over");
  resumes_ = is_there(root_.checkpoint());
}

void RunClaim::finish() {
  if (replaces()) put_in_place(root_);
  work_ = root_;
}

void RunClaim::fail() {
  if (!replaces() || has_trained(work_)) return;
  std::error_code ignored;
  fs::remove_all(work_.root, ignored);
}

bool has_unfinished_replacement(const fs::path& out, const std::string& toml) {
  const RunFolder next = replacement_of({out});
  return has_settings(next, toml) && !is_there(next.summary());
}

}  // namespace retort::run
