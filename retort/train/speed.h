#pragma once

#include <cstdint>

#include <c10/core/MemoryFormat.h>

#include "retort/models/image_model.h"
#include "retort/models/precision.h"

namespace retort::train {

// Images a second with which this machine trains the model on labels alone: the median of several
// steps on one batch in memory, of at least one step and for about `seconds` seconds. `layout` is
// the memory format of the images, and of the kernels where it is channels-last, as in training;
// `muon` as in Optimizer::Options. The model's weights change.
double training_speed(models::ImageModel& model, int64_t size, int64_t batch_size,
                      models::Precision precision, bool muon,
                      at::MemoryFormat layout = at::MemoryFormat::ChannelsLast, double seconds = 2);

}  // namespace retort::train
