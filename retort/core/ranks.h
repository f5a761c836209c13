#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <ATen/core/Tensor.h>

namespace retort {

// The processes that work on one run together; each does its share.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int64_t rank() const = 0;  // [0, size)
  virtual int64_t size() const = 0;
  // Starts to replace `values` by the sum over all ranks: float, int64 or uint8, of the same shape
  // on every rank. The returned function waits until the sum is there. Every rank must start
  // equally many sums, in the same order. Both functions throw Error when another rank is lost.
  using Wait = std::function<void()>;
  virtual Wait begin_sum(at::Tensor& values) = 0;
  void sum(at::Tensor& values) { begin_sum(values)(); }

  bool leads() const { return rank() == 0; }
};

// One process by itself.
Ranks& alone();

// The ranks of the c10d process group of this name (group_name in torch.distributed). Throws Error
// when there is no such group.
std::unique_ptr<Ranks> ranks_of_group(const std::string& name);

// A rank's share [first, last) of `total` things. Shares follow the order of the ranks, and their
// sizes differ by at most one.
struct Share {
  int64_t first = 0, last = 0;
};
Share share_of(int64_t total, const Ranks& ranks);

// Replaces each tensor, the rows of `share` [rows of share, …], by the rows of all ranks [total,
// …], in the order of the ranks. Undefined tensors stay so; on every rank the same ones are
// undefined. All travel in one message. Gradients flow into the own rows only: where every rank
// computes the same loss over all rows, the sum of the ranks' parameter gradients is the gradient
// of that loss.
void gather_rows(std::span<at::Tensor> tensors, Share share, int64_t total, Ranks& ranks);

// Copies rank 0's values to every rank, in place.
void broadcast(const at::Tensor& values, Ranks& ranks);

// Sums each tensor over all ranks, in place and as float, many small ones in one message.
void sum_all(std::span<at::Tensor> tensors, Ranks& ranks);

// Waits until every rank has called it.
void meet(Ranks& ranks);

}  // namespace retort
