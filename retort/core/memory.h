#pragma once

#include <cstdint>

namespace retort {

// From here on libtorch's CPU tensors are made in memory that earlier ones left, and malloc keeps
// what it is given back. A training step makes and drops gigabytes, and each page fresh from the
// system costs a fault and is cleared first: more than a third of a small student's step. Nothing
// goes back before the program ends. For the start of a program; a second call does nothing, and
// without addresses to be had
// (`ulimit -v`) tensors stay with malloc.
void keep_tensor_memory();

// In bytes, of tensors of 64 KiB and more; zeros before keep_tensor_memory().
struct TensorMemory {
  int64_t in_use = 0;  // by tensors
  int64_t free = 0;    // between them, for the next ones
  int64_t peak = 0;    // of in_use
};
TensorMemory tensor_memory();

}  // namespace retort
