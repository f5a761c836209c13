#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "retort/core/log.h"

namespace retort::run {

// The prediction of a run's student for a picture.
struct FilePrediction {
  std::string path;
  std::string error;                                // empty when the picture was decoded
  std::vector<std::pair<std::string, double>> top;  // class and probability, most likely first
};
std::vector<FilePrediction> predict_files(const std::filesystem::path& run,
                                          const std::vector<std::string>& files, int64_t top);
// Calls `show` for each prediction as soon as it is made.
void predict_each(const std::filesystem::path& run, const std::vector<std::string>& files,
                  int64_t top, const std::function<void(const FilePrediction&)>& show);

// The files among these paths, and for each folder the pictures below it; the log says which of its
// files were skipped. Throws Error on a folder without pictures.
std::vector<std::string> pictures_of(const std::vector<std::string>& paths, Log& log);

}  // namespace retort::run
