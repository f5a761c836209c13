#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <ATen/core/Tensor.h>

namespace retort {

// The processes that work on one run together, each on its share.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int64_t rank() const = 0;  // [0, size)
  virtual int64_t size() const = 0;
  // Begins to add the tensors of all ranks, in place: float, int64 or uint8, of equal shapes on
  // each rank. What it returns waits until the sum is there. Every rank begins equally many sums,
  // in the same order. Both throw Error when another rank is lost.
  using Wait = std::function<void()>;
  virtual Wait begin_sum(at::Tensor& values) = 0;
  void sum(at::Tensor& values) { begin_sum(values)(); }

  bool leads() const { return rank() == 0; }
};

// One process by itself.
Ranks& alone();

// Those of a c10d process group (torch.distributed's; its group_name). Throws Error when there is
// none of that name.
std::unique_ptr<Ranks> ranks_of_group(const std::string& name);

// A rank's share of so many things: [first, last), near-equal ones in the order of the ranks.
struct Share {
  int64_t first = 0, last = 0;
};
Share share_of(int64_t total, const Ranks& ranks);

// The rows of all ranks as one tensor, in the order of the ranks; `own` are rows `share` of
// `total`. A gradient reaches the own rows alone: where every rank computes the same loss of all
// rows, the gradients of its parameters add up to those of the whole.
at::Tensor gather_rows(const at::Tensor& own, Share share, int64_t total, Ranks& ranks);

// Rank 0's values on every rank, in place.
void broadcast(const at::Tensor& values, Ranks& ranks);

// Sums of many small tensors in few messages, in place.
void sum_all(std::span<at::Tensor> tensors, Ranks& ranks);

// Waits until every rank is here.
void meet(Ranks& ranks);

}  // namespace retort
