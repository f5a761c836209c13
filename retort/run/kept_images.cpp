#include "retort/run/kept_images.h"

#include "retort/core/text.h"

namespace retort::run {

data::Preparation kept_images(const Plan& plan, const data::Manifest& manifest, int64_t side,
                              uint64_t available, Log& log) {
  const std::vector<int64_t> items = manifest.of(data::Split::train);
  data::Preparation pixels = data::bounded(side), files = data::in_files();
  if (plan.data.store == ImageStoreKind::pixels) return pixels;
  if (plan.data.store == ImageStoreKind::files) return files;
  if (data::ImageStore::begun(plan.cache, manifest, items, pixels)) return pixels;
  if (data::ImageStore::begun(plan.cache, manifest, items, files)) return files;
  const auto needed = static_cast<uint64_t>(data::estimated_bytes(manifest, items, pixels));
  if (needed <= available / 2) return pixels;
  const auto gibibytes = [](uint64_t bytes) {
    return fixed(static_cast<double>(bytes) / (1 << 30), 1) + " GiB";
  };
  log.info("decoded, the training images would take " + gibibytes(needed) +
           ", and the cache's disk has " + gibibytes(available) +
           " free: each view is decoded from its file (--image-store)");
  return files;
}

}  // namespace retort::run
