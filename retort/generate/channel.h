#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace retort::generate {

// The protocol between retort and retort-diffusion: JSON messages, one a line, and raw bytes after
// some of them. The file descriptors belong to the caller.
class Channel {
 public:
  Channel(int in, int out) : in_(in), out_(out) {}
  // False when the other end has closed.
  bool send(const nlohmann::json& message);
  bool send_bytes(std::string_view bytes);
  // Waits for at most this time; true when receive() has data to read or the other end has closed.
  bool wait(int milliseconds);
  // The next message, or the next `count` bytes; nothing when the other end has closed. receive()
  // throws nlohmann's exceptions on a line that is not JSON.
  std::optional<nlohmann::json> receive();
  std::optional<std::vector<uint8_t>> receive_bytes(size_t count);

 private:
  bool read_more();
  int in_, out_;
  std::string buffer_;
};

}  // namespace retort::generate
