#pragma once

#include <string>

#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"
#include "retort/teacher/output_store.h"

namespace retort::run {

// The teacher's features of evaluation images, which are stored on disk.
FeatureParts evaluation_parts(const Plan& plan, teacher::Teacher& teacher,
                              const data::ImageStore& images, const std::string& what,
                              const Context& context);
// The teacher's logits of these images, [N, C].
at::Tensor evaluation_logits(const Plan& plan, teacher::Teacher& teacher,
                             const data::ImageStore& images, const std::string& what,
                             const Context& context);

// A weighted mean of logits, for weights that add up to 1.
class LogitsMean {
 public:
  void add(const at::Tensor& logits, double weight) {
    sum_ = sum_.defined() ? sum_ + logits * weight : logits * weight;
  }
  const at::Tensor& value() const { return sum_; }  // undefined before anything was added

 private:
  at::Tensor sum_;
};

}  // namespace retort::run
