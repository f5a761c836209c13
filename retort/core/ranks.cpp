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

// The rows of all ranks, where the others' are zero. The sum over all ranks, byte by byte, then is
// the rows of all.
at::Tensor among_zeros(const at::Tensor& own, Share share, int64_t total) {
  std::vector<int64_t> shape = own.sizes().vec();
  shape[0] = total;
  at::Tensor all = at::zeros(shape, own.options());
  all.slice(0, share.first, share.last).copy_(own);
  return all;
}

}  // namespace

Ranks& alone() {
  static Alone ranks;  // without state
  return ranks;
}

Share share_of(int64_t total, const Ranks& ranks) {
  return {total * ranks.rank() / ranks.size(), total * (ranks.rank() + 1) / ranks.size()};
}

void gather_rows(std::span<at::Tensor> tensors, Share share, int64_t total, Ranks& ranks) {
  if (ranks.size() == 1) return;
  std::vector<at::Tensor> all, bytes;
  std::vector<int64_t> sizes;
  {
    const at::NoGradGuard no_grad;
    for (const at::Tensor& own : tensors) {
      if (!own.defined()) continue;
      all.push_back(among_zeros(own, share, total));
      bytes.push_back(all.back().view(-1).view(at::kByte));
      sizes.push_back(bytes.back().numel());
    }
    at::Tensor message = at::cat(bytes);
    ranks.sum(message);
    const std::vector<at::Tensor> parts = message.split_with_sizes(sizes);
    for (size_t i = 0; i < parts.size(); ++i) bytes[i].copy_(parts[i]);
  }
  auto rows = all.begin();
  for (at::Tensor& own : tensors) {
    if (!own.defined()) continue;
    const at::Tensor found = *rows++;
    own = own.requires_grad()
              ? at::cat({found.slice(0, 0, share.first), own, found.slice(0, share.last, total)})
              : found;
  }
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
