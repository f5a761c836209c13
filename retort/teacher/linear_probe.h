#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "retort/core/log.h"

namespace retort::teacher {

struct LinearHead {
  at::Tensor weight;        // [C, D], on the CPU
  at::Tensor bias;          // [C], on the CPU
  double l2 = 0;            // the regularisation with the lowest validation cross-entropy
  double val_accuracy = 0;  // percent
};

// Fits multinomial logistic regression on frozen features (a linear probe). It minimises mean
// cross-entropy + l2/2·‖W‖² over standardised features with L-BFGS, for each l2 of a grid from
// strong to weak, each fit starting from the one before. It keeps the l2 with the lowest validation
// cross-entropy: with a few hundred validation images, cross-entropy is a better guide than
// accuracy, and the student learns from the probabilities.
//
// `features` are parts [M_i, D] of one matrix [M, D], fp16 or float, and may be memory-mapped;
// `labels` are int64 [M]. Without validation images l2 is 1e-2. All tensors are on one device,
// where the head is fitted; it is returned on the CPU. Tens of thousands of rows take seconds. Only
// a few rows are float at a time, so that memory does not grow with M. Throws Error without rows,
// and Interrupted when `stop` is set.
LinearHead fit_linear_probe(const std::vector<at::Tensor>& features, const at::Tensor& labels,
                            const std::vector<at::Tensor>& val_features,
                            const at::Tensor& val_labels, int64_t classes, Log& log = null_log(),
                            const StopFlag& stop = never_stop());

// The percentage of rows whose largest logit is at the label; 0 without rows.
double accuracy_of(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace retort::teacher
