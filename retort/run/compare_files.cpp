#include "retort/run/compare_files.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "retort/core/file.h"

namespace retort::run {
namespace fs = std::filesystem;

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
