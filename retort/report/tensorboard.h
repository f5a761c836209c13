#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "retort/core/epoch_metrics.h"

namespace retort::report {

// The numbers of a training's epochs in a folder that TensorBoard reads: one event file of records
// (tensorflow/core/lib/io/record_writer.cc), each an Event (tensorflow/core/util/event.proto).
class TensorBoard {
 public:
  // What an earlier sitting wrote there goes: a resumed run tells all of its epochs again.
  explicit TensorBoard(const std::filesystem::path& folder);

  // The numbers of metrics.jsonl, as epoch/NAME and as image_steps/NAME. `image_steps` is how many
  // images the student has been trained on by then. Throws Error when they cannot be written.
  void add(const EpochMetrics& epoch, int64_t image_steps);

 private:
  void write(std::string_view event);
  std::filesystem::path path_;
  std::ofstream file_;
};

// The checksum of records: CRC-32C (Castagnoli), as RFC 3720 has it.
uint32_t crc32c(std::string_view bytes);

}  // namespace retort::report
