#pragma once

#include <cstdint>

#include "retort/models/image_model.h"

namespace retort::deploy {

struct Cost {
  int64_t parameters = 0;
  // Multiply-accumulates for one image, of convolutions, linear layers, matrix products and
  // attention, as papers count them.
  int64_t multiply_adds = 0;
  // For one image (batch 1) in fp32 on the model's device: the median of several runs.
  double milliseconds = 0;
};

// `size` is the image's side in pixels. A count of 0 means unknown: a graph
// (models/programs/graph_network.h) cannot be counted, and the forward pass of a caller's own
// object (models::is_object) may not be traceable. Throws Error as trace_graph does for other
// models.
int64_t count_parameters(const models::ImageModel& model);
int64_t count_multiply_adds(models::ImageModel& model, int64_t size);
Cost measure_cost(models::ImageModel& model, int64_t size);

}  // namespace retort::deploy
