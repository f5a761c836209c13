#include "retort/hub/options.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/text.h"

namespace retort::hub {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxToken = 4096;

// The first of these variables that is set and not empty.
std::string variable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

bool is_true(std::string value) {
  for (char& c : value) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

fs::path home() {
  const fs::path folder = variable({"HOME"});
  return folder.empty() ? fs::temp_directory_path() : folder;
}

fs::path expanded(const std::string& path) {
  if (path == "~") return home();
  return path.starts_with("~/") ? home() / path.substr(2) : fs::path(path);
}

fs::path hub_home() {
  if (const std::string own = variable({"HF_HOME"}); !own.empty()) return expanded(own);
  const std::string caches = variable({"XDG_CACHE_HOME"});
  return (caches.empty() ? home() / ".cache" : expanded(caches)) / "huggingface";
}

std::string read_token() {
  std::string token(trimmed(variable({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})));
  std::string where = "HF_TOKEN";
  if (token.empty()) {
    const std::string named = variable({"HF_TOKEN_PATH"});
    const fs::path file = named.empty() ? hub_home() / "token" : expanded(named);
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored) || is_true(variable({"HF_HUB_DISABLE_IMPLICIT_TOKEN"})))
      return "";
    token = std::string(trimmed(read_file(file, kMaxToken)));
    where = file.string();
  }
  // The token becomes part of a header line, so that nothing in it may end that line.
  if (!std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; }))
    throw Error("is not a token: it holds spaces or other characters that none has", where);
  return token;
}

std::string read_endpoint() {
  std::string endpoint = variable({"HF_ENDPOINT"});
  if (endpoint.empty()) return PullOptions{}.endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (!endpoint.starts_with("https://") && !endpoint.starts_with("http://"))
    throw Error("is not the address of a server", "HF_ENDPOINT", "it begins with https://");
  return endpoint;
}

}  // namespace

PullOptions options_from_environment() {
  PullOptions options;
  const std::string cache = variable({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  options.cache = cache.empty() ? hub_home() / "hub" : expanded(cache);
  options.endpoint = read_endpoint();
  options.token = read_token();
  options.offline = is_true(variable({"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}));
  return options;
}

}  // namespace retort::hub
