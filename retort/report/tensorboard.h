#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "retort/core/epoch_metrics.h"

namespace retort::report {

// Writes the metrics of epochs for TensorBoard: one event file of records
// (tensorflow/core/lib/io/record_writer.cc), each of which is an Event
// (tensorflow/core/util/event.proto).
class TensorBoard {
 public:
  // Removes the event files that retort wrote into the folder before: a resumed run writes all its
  // epochs again. Throws Error when the file cannot be written.
  explicit TensorBoard(const std::filesystem::path& folder);

  // Writes the numbers of a line of metrics.jsonl twice: as epoch/NAME over epochs, and as
  // image_steps/NAME over `image_steps`, the number of images that the student was trained on so
  // far. Throws Error when they cannot be written.
  void add(const EpochMetrics& epoch, int64_t image_steps);

 private:
  void write(std::string_view event);
  std::filesystem::path path_;
  std::ofstream file_;
};

// The checksum of records: CRC-32C (Castagnoli), as in RFC 3720.
uint32_t crc32c(std::string_view bytes);

}  // namespace retort::report
