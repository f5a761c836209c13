#pragma once

#include <cstdint>

#include "retort/models/image_model.h"

namespace retort::deploy {

struct Cost {
  int64_t parameters = 0;
  int64_t multiply_adds =
      0;  // for one image, of convolutions, linear layers and matrix products, as papers count them
  double milliseconds =
      0;  // for one image in fp32 on this machine, batch 1: the median of several runs
};

// 0, unknown, of a graph (models/graph_network.h).
int64_t count_parameters(const models::ImageModel& model);
int64_t count_multiply_adds(models::ImageModel& model, int64_t size);
Cost measure_cost(models::ImageModel& model, int64_t size);

}  // namespace retort::deploy
