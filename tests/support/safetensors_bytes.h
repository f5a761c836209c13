#pragma once

#include <cstdint>
#include <string>

namespace retort::testing {

// A safetensors file with this header text, unchanged, and these data bytes.
inline std::string safetensors_bytes(const std::string& header, const std::string& data,
                                     uint64_t length) {
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header + data;
}
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  return safetensors_bytes(header, data, header.size());
}

}  // namespace retort::testing
