#include "retort/run/kept_images.h"

#include "retort/report/text.h"

namespace retort::run {
namespace fs = std::filesystem;

data::Preparation kept_images(const RunConfig& config, const fs::path& cache, const data::Manifest& manifest,
                              std::span<const int64_t> items, int64_t side, uint64_t available, Log& log) {
  data::Preparation pixels = data::bounded(side), files = data::in_files();
  if (config.image_store == "pixels") return pixels;
  if (config.image_store == "files") return files;
  if (data::ImageStore::begun(cache, manifest, items, pixels)) return pixels;
  if (data::ImageStore::begun(cache, manifest, items, files)) return files;
  const auto needed = static_cast<uint64_t>(data::estimated_bytes(manifest, items, pixels));
  if (needed <= available / 2) return pixels;
  const auto gibibytes = [](uint64_t bytes) { return report::fixed(static_cast<double>(bytes) / (1 << 30), 1) + " GiB"; };
  log.info("decoded, the training images would take " + gibibytes(needed) + ", and the cache's disk has " + gibibytes(available) +
           " free: each view is decoded from its file (--image-store)");
  return files;
}

}  // namespace retort::run
