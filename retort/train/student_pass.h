#pragma once

#include <map>
#include <memory>
#include <vector>

#include <ATen/core/GraphImplInterface.h>

#include "retort/models/image_model.h"
#include "retort/models/precision.h"

namespace retort::train {

// A training step's way through the student: forward, and backward to its parameters. A small
// student's step is a thousand kernels of a few microseconds each, and a GPU waits for them to be
// started one by one. A device that can record its work (CUDA graphs) is shown both passes once for
// each size of batch and replays them from then on; the loss between them is whatever it is.
// Elsewhere, and for a student that cannot be recorded, autograd does as it always does.
class StudentPass {
 public:
  StudentPass(models::ImageModel& student, models::Precision precision);

  // [N, 3, H, W], on the student's device, to features and logits in fp32. They hold until the next
  // call.
  models::Output forward(const at::Tensor& images);
  // To be called when a loss of that output has gone backward: from then on until the next step the
  // student's parameters have their gradients, in the place of any before.
  void backward();

  // Passes of one size of batch until each is as fast as those to come.
  int64_t warm_up() const;
  // Whether the last pass was a recorded one.
  bool replayed() const { return replayed_ != nullptr; }

 private:
  using Graph = std::unique_ptr<at::GraphImplInterface>;
  struct Recording {
    int64_t passes = 0;
    Graph forward, backward;
    at::Tensor images;
    models::Output output, output_gradients;
    std::vector<at::Tensor>
        gradients;  // of parameters_; undefined where the output does not depend on one
  };
  models::Output autograd(const at::Tensor& images) const;
  Recording* recording_of(const at::Tensor& images);
  void record(Recording& recording, const at::Tensor& images) const;

  models::ImageModel& student_;
  models::Precision precision_;
  std::vector<at::Tensor> parameters_;
  bool records_;
  std::map<int64_t, Recording> recordings_;  // by the size of the batch
  Recording* replayed_ = nullptr;
  models::Output leaves_;  // the replayed output as the loss sees it
};

}  // namespace retort::train
