#pragma once

#include <cstdint>
#include <string>

#include "retort/core/log.h"
#include "retort/data/batch.h"
#include "retort/models/image_model.h"
#include "retort/models/precision.h"

namespace retort::train {

// The logits [N, C], float, on the CPU, of every image of a store made for `spec`. The model is in
// evaluation mode meanwhile. Throws Interrupted when `stop` is set.
at::Tensor predict_logits(models::ImageModel& model, const data::ImageStore& images,
                          const data::InputSpec& spec, models::Precision precision,
                          const std::string& task = "", Log& log = null_log(),
                          const StopFlag& stop = never_stop());

struct Score {
  double accuracy = 0;       // percent
  double cross_entropy = 0;  // nats
};
Score score(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace retort::train
