#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "retort/core/log.h"

namespace retort::run {

// What a run's student takes a picture for.
struct FilePrediction {
  std::string path;
  std::string error;                                // empty when it was decoded
  std::vector<std::pair<std::string, double>> top;  // class and probability, most likely first
};
std::vector<FilePrediction> predict_files(const std::filesystem::path& run,
                                          const std::vector<std::string>& files, int64_t top);
// As they come.
void predict_each(const std::filesystem::path& run, const std::vector<std::string>& files,
                  int64_t top, const std::function<void(const FilePrediction&)>& show);

// The files among these paths, and in the place of each folder the pictures below it; the log says
// what is passed over there. Throws Error on a folder without pictures.
std::vector<std::string> pictures_of(const std::vector<std::string>& paths, Log& log);

}  // namespace retort::run
