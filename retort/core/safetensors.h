#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include <torch/types.h>

namespace retort {

// The bytes of a contiguous tensor on the CPU; none for an undefined one.
inline std::span<const std::byte> bytes_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  return {static_cast<const std::byte*>(tensor.const_data_ptr()),
          static_cast<size_t>(tensor.nbytes())};
}

// Tensors by name, in the name's order.
using StateDict = std::map<std::string, at::Tensor>;
using Metadata = std::map<std::string, std::string>;

// A safetensors file (huggingface/safetensors, format of 2023): hostile until parsed. The tensors
// share one read-only memory map, which they keep alive.
struct TensorFile {
  StateDict tensors;
  Metadata metadata;
};

// Throws Error, naming the file and the tensor, when the header is malformed or too long (100 MB),
// a shape overflows, a tensor's bytes do not match its shape, lie outside the file, overlap, or
// leave holes, or a dtype is unknown.
TensorFile read_safetensors(const std::filesystem::path& path);

// Only the header: metadata, and empty tensors (device meta) with their shapes and dtypes.
TensorFile read_safetensors_header(const std::filesystem::path& path);

// Written atomically. Tensors are made contiguous on the CPU. The same tensors and metadata give
// the same bytes.
void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const Metadata& metadata = {});

}  // namespace retort
