// A choice of --hours in its file.
#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/hours.h"
#include "retort/run/run_folder.h"

namespace retort::run {
namespace fs = std::filesystem;

std::optional<HoursChoice> read_choice(const fs::path& file) try {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  const nlohmann::json json = read_json(file);
  HoursChoice choice{.hours = json.at("hours"),
                     .views = std::nullopt,
                     .epochs_before = json.at("epochs_before"),
                     .epochs = json.at("epochs")};
  if (!json.at("views").is_null()) choice.views = json.at("views").get<int64_t>();
  return choice;
} catch (const nlohmann::json::exception& broken) {
  throw Error(std::string("is not a choice of --hours: ") + broken.what(), file.string(),
              "train again without --resume");
}

void write_choice(const fs::path& file, const HoursChoice& choice) {
  fs::create_directories(file.parent_path());
  write_file_atomic(file, nlohmann::json{{"hours", choice.hours},
                                         {"views", choice.views ? nlohmann::json(*choice.views)
                                                                : nlohmann::json()},
                                         {"epochs_before", choice.epochs_before},
                                         {"epochs", choice.epochs}}
                                  .dump(2) +
                              "\n");
}

}  // namespace retort::run
