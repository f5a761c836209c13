#pragma once

#include <cstdint>

#include <c10/core/MemoryFormat.h>

#include "retort/models/image_model.h"
#include "retort/models/precision.h"

namespace retort::train {

// Images a second that this machine trains the model at, on labels alone: the median of a few steps
// on one batch in memory, of one at least, and of no more than `seconds` hold. `layout` is that
// of the images, and of the kernels where it is channels-last, as in training; `muon` as in
// Optimizer::Options. The model's weights change.
double training_speed(models::ImageModel& model, int64_t size, int64_t batch_size,
                      models::Precision precision, bool muon,
                      at::MemoryFormat layout = at::MemoryFormat::ChannelsLast, double seconds = 2);

}  // namespace retort::train
