#pragma once

#include <cstdint>

namespace retort {

// After this call libtorch's CPU tensors of 64 KiB and more reuse the memory of freed ones, and
// malloc keeps what is freed. A training step allocates and frees gigabytes; each new page from the
// system costs a page fault and is cleared, which took more than a third of a small student's step.
// No memory goes back to the system before the program ends. Call it when the program starts; a
// second call does nothing. Where less than 1 GiB of address space can be reserved (`ulimit -v`),
// tensors stay with malloc.
void keep_tensor_memory();

// Bytes of tensors of 64 KiB and more; zeros before keep_tensor_memory().
struct TensorMemory {
  int64_t in_use = 0;  // by tensors
  int64_t free = 0;    // kept for the next tensors
  int64_t peak = 0;    // of in_use
};
TensorMemory tensor_memory();

}  // namespace retort
