#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retort/hub/http.h"
#include "retort/hub/options.h"
#include "retort/hub/reference.h"

namespace retort::hub {

// A repository at a revision.
struct Listing {
  std::string commit;              // 40 hex digits
  std::vector<std::string> files;  // safe names, in the server's order
};

// What the hub says of a file before it is downloaded.
struct FileHead {
  // Its name among the cache's blobs: at most 128 letters, digits, '-', '_' and '.'.
  std::string etag;
  std::optional<uint64_t> size;
  std::string location;  // where the bytes are; mostly on another server, and for some minutes only
};

// What the hub answers, one request each. The token goes along to the endpoint only, not to where
// it redirects. Throws Passing on 408, 429 and 5xx (with Retry-After's seconds) and where the
// connection fails, and Error naming the repository on every other refusal.
class Client {
 public:
  Client(Reference reference, const PullOptions& options, const StopFlag& stop);

  Listing list();
  FileHead head(const std::string& commit, const std::string& name);
  // The bytes from `from` on, through redirects. The body sees a 206, or a 200 with all of the
  // file.
  void get(const FileHead& file, const std::string& name, uint64_t from, const Body& body);

 private:
  std::vector<std::string> headers_for(const std::string& url) const;
  // Sends it again to where the server redirects; `stays` says which redirects are followed.
  template <typename Send, typename Stays>
  Response follow(std::string& url, const Send& send, const Stays& stays);
  void check(const Response& response, const std::string& name) const;
  std::string page() const;

  Reference reference_;
  const PullOptions& options_;
  std::string endpoint_;
  Http http_;
};

// What the hub's answers say; `where` begins each message. Throws Error on malformed ones, and
// names that are not safe.
Listing listing_from(const std::string& text, const std::string& where);
FileHead head_from(const Response& response, const std::string& url, const std::string& where);

// Retry-After in seconds (a number, or a date in relation to `now`), or what the hub's RateLimit
// header says; nothing where neither does.
std::optional<int64_t> retry_after(const Response& response, int64_t now);

}  // namespace retort::hub
