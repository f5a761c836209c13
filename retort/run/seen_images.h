#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retort/data/content.h"
#include "retort/run/open_data.h"
#include "retort/run/run_folder.h"

namespace retort::run {

// The images of a run, by content: 64 bits of a hash of each file, sorted, for each split. Names
// and places may change afterwards.
class SeenImages {
 public:
  // `used` has the listed items, or some of them.
  SeenImages(const data::Manifest& used, const ListedData& listed);

  bool holds(data::Split split, const data::FileHash& hash) const;
  // The split of an image, searched in test first and training last; nothing for an image that is
  // not in the run.
  std::optional<data::Split> split_of(const data::FileHash& hash) const;

  // Writes RunFolder::images().
  void write(const RunFolder& folder) const;
  // Empty where the run's version of retort wrote none, or the file is damaged.
  static std::optional<SeenImages> read(const RunFolder& folder);

 private:
  SeenImages() = default;
  std::array<std::vector<int64_t>, 3> prints_;
};

}  // namespace retort::run
