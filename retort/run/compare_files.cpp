#include "retort/run/compare_files.h"

#include <cctype>
#include <cmath>

#include <nlohmann/json.hpp>

#include "retort/core/file.h"

namespace retort::run {
namespace fs = std::filesystem;

std::string last_part(const std::string& path) {
  const fs::path normal = fs::path(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

std::string folder_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool safe = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
    if (safe || (!name.empty() && name.back() != '-')) name += safe ? c : '-';
  }
  return name;
}

fs::path teacher_folder(const fs::path& out, const std::vector<std::string>& teachers) {
  std::string name = "teacher";
  for (const std::string& teacher : teachers) name += "-" + folder_name(last_part(teacher));
  return out / name;
}

void write_comparison(const report::Comparison& comparison, const std::string& student,
                      const fs::path& out) {
  nlohmann::json arms = nlohmann::json::array();
  for (const report::Arm& arm : comparison.arms)
    arms.push_back(
        {{"name", arm.name},
         {"teacher", arm.teacher},
         {"accuracy", arm.accuracy},
         {"mean_class_accuracy", arm.class_accuracy},
         {"training_seconds", arm.training_seconds},
         {"teacher_seconds", arm.teacher_seconds},
         {"val_accuracy", arm.validation},
         {"image_steps", arm.image_steps},
         {"pretraining_image_steps", arm.pretraining_steps},
         {"saved", std::isfinite(arm.saved) ? nlohmann::json(arm.saved) : nlohmann::json()}});
  const nlohmann::json json = {{"student", student},
                               {"split", comparison.split},
                               {"budget", comparison.budget},
                               {"arms", arms}};
  write_file_atomic(out / "compare.json",
                    json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  write_file_atomic(out / "compare.md", report::render_markdown(comparison));
  write_file_atomic(out / "compare.html", report::render_html(comparison));
}

}  // namespace retort::run
