#pragma once

#include <cstdint>

namespace retort {

// After this call libtorch's CPU tensors are made in memory that earlier ones left, and malloc
// keeps what is freed. A training step makes and drops gigabytes. Each page fresh from the system
// costs a fault and is cleared first, which took more than a third of a small student's step.
// Nothing goes back to the system before the program ends. Call it when the program starts; a
// second call does nothing. Where address space is limited (`ulimit -v`), tensors stay with malloc.
void keep_tensor_memory();

// Bytes of tensors of 64 KiB and more; zeros before keep_tensor_memory().
struct TensorMemory {
  int64_t in_use = 0;  // by tensors
  int64_t free = 0;    // between them, for the next ones
  int64_t peak = 0;    // of in_use
};
TensorMemory tensor_memory();

}  // namespace retort
