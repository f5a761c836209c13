#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace retort::generate {

// JSON messages, one a line, and raw bytes after them: what retort and retort-diffusion say to each
// other, over descriptors that others own.
class Channel {
 public:
  Channel(int in, int out) : in_(in), out_(out) {}
  // False when nobody listens any more.
  bool send(const nlohmann::json& message);
  bool send_bytes(std::string_view bytes);
  // Whether receive() has something to read, or has nothing left to wait for.
  bool wait(int milliseconds);
  // Nothing when the other end has closed.
  std::optional<nlohmann::json> receive();
  std::optional<std::vector<uint8_t>> receive_bytes(size_t count);

 private:
  bool read_more();
  int in_, out_;
  std::string buffer_;
};

}  // namespace retort::generate
