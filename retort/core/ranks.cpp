#include "retort/core/ranks.h"

#include <ATen/ATen.h>

#include <vector>

namespace retort {
namespace {

class Alone : public Ranks {
 public:
  int64_t rank() const override { return 0; }
  int64_t size() const override { return 1; }
  Wait begin_sum(at::Tensor& /*values*/) override {
    return [] {};
  }
};

// Booleans cannot be summed.
at::Tensor summable(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kBool ? tensor.to(at::kByte) : tensor;
}

}  // namespace

Ranks& alone() {
  static Alone ranks;  // without state
  return ranks;
}

Share share_of(int64_t total, const Ranks& ranks) {
  return {total * ranks.rank() / ranks.size(), total * (ranks.rank() + 1) / ranks.size()};
}

at::Tensor gather_rows(const at::Tensor& own, Share share, int64_t total, Ranks& ranks) {
  if (ranks.size() == 1 || !own.defined()) return own;
  at::Tensor all;
  {
    const at::NoGradGuard no_grad;
    std::vector<int64_t> shape = own.sizes().vec();
    shape[0] = total;
    all = at::zeros(shape, summable(own.detach()).options());
    all.slice(0, share.first, share.last).copy_(own);
    ranks.sum(all);
    all = all.to(own.scalar_type());
  }
  if (!own.requires_grad()) return all;
  return at::cat({all.slice(0, 0, share.first), own, all.slice(0, share.last, total)});
}

void broadcast(const at::Tensor& values, Ranks& ranks) {
  if (ranks.size() == 1) return;
  const at::NoGradGuard no_grad;
  at::Tensor sent = summable(values).contiguous().clone();
  if (!ranks.leads()) sent.zero_();
  ranks.sum(sent);
  values.copy_(sent);
}

void sum_all(std::span<at::Tensor> tensors, Ranks& ranks) {
  if (ranks.size() == 1) return;
  constexpr int64_t kMessage = 1 << 22;  // elements, enough that bandwidth dominates latency
  const at::NoGradGuard no_grad;
  for (size_t first = 0, last = 0; first < tensors.size(); first = last) {
    std::vector<at::Tensor> flat;
    for (int64_t elements = 0; last < tensors.size() && (flat.empty() || elements < kMessage);
         ++last) {
      flat.push_back(tensors[last].reshape(-1).to(at::kFloat));
      elements += flat.back().numel();
    }
    at::Tensor message = at::cat(flat);
    ranks.sum(message);
    int64_t at = 0;
    for (size_t i = first; i < last; ++i) {
      tensors[i].copy_(message.slice(0, at, at + tensors[i].numel()).view(tensors[i].sizes()));
      at += tensors[i].numel();
    }
  }
}

void meet(Ranks& ranks) {
  if (ranks.size() == 1) return;
  at::Tensor here = at::zeros({1});
  ranks.sum(here);
}

}  // namespace retort
