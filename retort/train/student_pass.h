#pragma once

#include <map>
#include <memory>
#include <vector>

#include <ATen/core/GraphImplInterface.h>

#include "retort/models/image_model.h"
#include "retort/models/precision.h"

namespace retort::train {

// The forward and backward pass of a training step through the student. A small student's step is a
// thousand kernels of a few microseconds each, and a GPU waits while they are started one by one.
// On a device that can record its work (CUDA graphs) both passes are recorded once for each batch
// size and then replayed; the loss between them is not recorded. Elsewhere, and for a student that
// cannot be recorded, autograd runs as usual.
class StudentPass {
 public:
  StudentPass(models::ImageModel& student, models::Precision precision);

  // Maps images [N, 3, H, W], on the student's device, to features and logits in fp32, which are
  // valid until the next call.
  models::Output forward(const at::Tensor& images);
  // Call it after the backward pass of a loss of that output. From then until the next step the
  // student's parameters have their gradients; earlier ones are replaced.
  void backward();

  // The number of passes with one batch size until passes have their final speed.
  int64_t warm_up() const;
  // Whether the last pass was a replay.
  bool replayed() const { return replayed_ != nullptr; }

 private:
  using Graph = std::unique_ptr<at::GraphImplInterface>;
  struct Recording {
    int64_t passes = 0;
    Graph forward, backward;
    at::Tensor images;
    models::Output output, output_gradients;
    std::vector<at::Tensor>
        gradients;  // for each of parameters_; undefined where the output does not depend on it
  };
  models::Output autograd(const at::Tensor& images) const;
  Recording* recording_of(const at::Tensor& images);
  void record(Recording& recording, const at::Tensor& images) const;

  models::ImageModel& student_;
  models::Precision precision_;
  std::vector<at::Tensor> parameters_;
  bool records_;
  std::map<int64_t, Recording> recordings_;  // by batch size
  Recording* replayed_ = nullptr;
  models::Output leaves_;  // the replayed output as the loss sees it
};

}  // namespace retort::train
