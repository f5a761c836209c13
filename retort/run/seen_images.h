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

// The images that a run was made of, by what they hold: 64 bits of a hash of each file, in rising
// order, by split. Names and places may change afterwards.
class SeenImages {
 public:
  // `used` has the listed items, or fewer.
  SeenImages(const data::Manifest& used, const ListedData& listed);

  bool holds(data::Split split, const data::FileHash& hash) const;
  // Test first, training last; nothing for an image that the run has not seen.
  std::optional<data::Split> split_of(const data::FileHash& hash) const;

  // RunFolder::images().
  void write(const RunFolder& folder) const;
  // Nothing where the run's version of retort kept none, or the file is damaged.
  static std::optional<SeenImages> read(const RunFolder& folder);

 private:
  SeenImages() = default;
  std::array<std::vector<int64_t>, 3> prints_;
};

}  // namespace retort::run
