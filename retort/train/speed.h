#pragma once

#include <cstdint>

#include "retort/models/image_model.h"
#include "retort/models/precision.h"

namespace retort::train {

// Images a second that this machine trains the model at, on labels alone: the median of a few steps on one batch in memory, of one at
// least, and of no more than two seconds hold. The model's weights change.
double training_speed(models::ImageModel& model, int64_t size, int64_t batch_size, models::Precision precision);

}  // namespace retort::train
