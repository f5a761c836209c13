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

// A safetensors file (huggingface/safetensors, format of 2023). The tensors are views of one
// read-only memory map, which they keep alive: do not write into them. A tensor whose bytes are not
// aligned for its type is a copy.
struct TensorFile {
  StateDict tensors;
  Metadata metadata;
};

// Reads a file that may be hostile. Throws Error, naming the file and the tensor, when the header
// is malformed or longer than 100 MB, a shape overflows, a tensor's bytes do not match its shape,
// lie outside the file, overlap, or leave gaps, or a dtype is unknown.
TensorFile read_safetensors(const std::filesystem::path& path);

// Reads the header alone: the metadata, and tensors on the meta device with shapes and dtypes but
// no values. Throws as read_safetensors does.
TensorFile read_safetensors_header(const std::filesystem::path& path);

// Writes the file atomically. Tensors are copied to the CPU and made contiguous. The same tensors
// and metadata give the same bytes. Throws Error on a tensor that is undefined, sparse or of a
// dtype that the format lacks, and when the file cannot be written.
void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const Metadata& metadata = {});

}  // namespace retort
