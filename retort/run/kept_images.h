#pragma once

#include <cstdint>

#include "retort/core/log.h"
#include "retort/data/image_store.h"
#include "retort/run/plan.h"

namespace retort::run {

// How training images are kept, as --image-store says: `pixels`, their short side at most `side`;
// `files`; `auto`, pixels unless these would take more than half of the `available` bytes of the
// cache's disk; what was begun is gone on with.
data::Preparation kept_images(const Plan& plan, const data::Manifest& manifest, int64_t side,
                              uint64_t available, Log& log = null_log());

}  // namespace retort::run
