#include "retort/generate/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace retort::generate {

bool Channel::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(out_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// The library's messages may not be UTF-8.
bool Channel::send(const nlohmann::json& message) {
  return send_bytes(message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

bool Channel::wait(int milliseconds) {
  if (buffer_.find('\n') != std::string::npos) return true;
  pollfd descriptor{in_, POLLIN, 0};
  return ::poll(&descriptor, 1, milliseconds) > 0;
}

bool Channel::read_more() {
  char part[1 << 16];
  ssize_t got = 0;
  do got = ::read(in_, part, sizeof part);
  while (got < 0 && errno == EINTR);
  if (got > 0) buffer_.append(part, static_cast<size_t>(got));
  return got > 0;
}

std::optional<nlohmann::json> Channel::receive() {
  size_t end = 0;
  while ((end = buffer_.find('\n')) == std::string::npos) {
    if (!read_more()) return std::nullopt;
  }
  nlohmann::json message = nlohmann::json::parse(buffer_.substr(0, end));
  buffer_.erase(0, end + 1);
  return message;
}

std::optional<std::vector<uint8_t>> Channel::receive_bytes(size_t count) {
  while (buffer_.size() < count) {
    if (!read_more()) return std::nullopt;
  }
  std::vector<uint8_t> bytes(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count));
  buffer_.erase(0, count);
  return bytes;
}

}  // namespace retort::generate
