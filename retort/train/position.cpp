#include "retort/train/position.h"

#include <algorithm>

#include "retort/core/error.h"

namespace retort::train {
namespace {

bool are_numbered(const std::vector<EpochMetrics>& lines) {
  int64_t number = 0;
  return std::ranges::all_of(lines,
                             [&](const EpochMetrics& line) { return line.epoch == ++number; });
}

bool lies_within(const Position& p, const Extent& extent) {
  if (p.epoch < 0 || p.epoch > extent.epochs) return false;
  if (p.step_in_epoch < 0 || p.step_in_epoch > extent.batches) return false;
  if (p.step != p.epoch * extent.batches + p.step_in_epoch) return false;
  if (p.images_seen < p.step || p.images_seen > (p.epoch + 1) * extent.images) return false;
  if (p.kept_epoch < std::min<int64_t>(p.epoch, 1) || p.kept_epoch > p.epoch) return false;
  if (p.step_in_epoch > 0 && p.sums.terms.size() != p.term_names.size()) return false;
  return p.lines.size() == static_cast<size_t>(p.epoch) && are_numbered(p.lines) &&
         std::min({p.step_seconds, p.seconds, p.sums.images}) >= 0;
}

}  // namespace

Position position_from(const std::string& text, const Extent& extent, const std::string& where) {
  const char* mend = "train again without --resume";
  Position position;
  try {
    position = nlohmann::json::parse(text).get<Position>();
  } catch (const nlohmann::json::exception& broken) {
    throw Error(std::string("has a broken position: ") + broken.what(), where, mend);
  }
  if (!lies_within(position, extent)) throw Error("has a position outside the run", where, mend);
  return position;
}

}  // namespace retort::train
