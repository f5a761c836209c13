#pragma once

#include <cstdint>

#include "retort/models/image_model.h"

namespace retort::deploy {

struct Cost {
  int64_t parameters = 0;
  // For one image, of convolutions, linear layers and matrix products, as papers count them.
  int64_t multiply_adds = 0;
  // For one image in fp32 on this machine, batch 1: the median of several runs.
  double milliseconds = 0;
};

// 0 stands for unknown: a graph's (models/programs/graph_network.h) cannot be counted.
int64_t count_parameters(const models::ImageModel& model);
int64_t count_multiply_adds(models::ImageModel& model, int64_t size);
Cost measure_cost(models::ImageModel& model, int64_t size);

}  // namespace retort::deploy
