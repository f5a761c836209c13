#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "retort/core/log.h"

namespace retort::teacher {

struct LinearHead {
  at::Tensor weight;        // [C, D], on the CPU
  at::Tensor bias;          // [C], on the CPU
  double l2 = 0;            // the regularisation that did best on validation
  double val_accuracy = 0;  // percent
};

// Multinomial logistic regression on frozen features (a linear probe). It minimises mean
// cross-entropy + l2/2·‖W‖² over standardised features with L-BFGS, for each l2 of a grid from
// strong to weak, each started from the one before. The l2 with the lowest validation cross-entropy
// is kept: a few hundred validation images rank probabilities better than hits, and the student
// learns from the probabilities.
//
// `features` are parts [M_i, D] of one matrix [M, D], fp16 or float, which may be memory-mapped;
// `labels` are int64 [M]. Where the validation set is empty, l2 is 1e-2. All tensors lie on one
// device, where the fit is made; the head is returned on the CPU. Ten thousands of rows take
// seconds, and memory does not grow with them, as a few rows at a time become floats.
LinearHead fit_linear_probe(const std::vector<at::Tensor>& features, const at::Tensor& labels,
                            const std::vector<at::Tensor>& val_features,
                            const at::Tensor& val_labels, int64_t classes, Log& log = null_log(),
                            const StopFlag& stop = never_stop());

// Percent of rows whose largest logit is the label's.
double accuracy_of(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace retort::teacher
