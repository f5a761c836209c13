#pragma once

#include <cstdint>

#include "retort/core/log.h"
#include "retort/data/image_store.h"
#include "retort/run/plan.h"

namespace retort::run {

// How training images are stored, by --image-store. pixels: decoded, with a short side of at most
// `side`. files: in their files. auto: as pixels, unless these take more than half of the
// `available` bytes on the cache's disk; a store that was begun is continued.
data::Preparation kept_images(const Plan& plan, const data::Manifest& manifest, int64_t side,
                              uint64_t available, Log& log = null_log());

}  // namespace retort::run
