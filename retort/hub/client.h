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

// A file's properties, which the hub gives before the download.
struct FileHead {
  // The file's name among the cache's blobs: at most 128 letters, digits, '-', '_' and '.', not '.'
  // at the start.
  std::string etag;
  std::optional<uint64_t> size;
  std::string location;  // the bytes' address, mostly on another server and valid for minutes
};

// Requests to the hub. The token is sent to the endpoint only, not to where it redirects. Each
// function throws Passing on status 408, 429, 500, 502, 503 and 504 (with retry_after's seconds)
// and where the connection fails, and Error naming the repository on every other refusal.
class Client {
 public:
  Client(Reference reference, const PullOptions& options, const StopFlag& stop);

  Listing list();
  FileHead head(const std::string& commit, const std::string& name);
  // Downloads the bytes from `from` on, through redirects. `body` gets those of a 206, or of a 200
  // with the whole file. Also throws Passing where a signed address has expired, and on status 416.
  void get(const FileHead& file, const std::string& name, uint64_t from, const Body& body);

 private:
  std::vector<std::string> headers_for(const std::string& url) const;
  // Sends a request to `url`, and again to where the server redirects, which becomes `url`. `stays`
  // says which redirects are followed.
  template <typename Send, typename Stays>
  Response follow(std::string& url, const Send& send, const Stays& stays);
  void check(const Response& response, const std::string& name) const;
  std::string page() const;

  Reference reference_;
  const PullOptions& options_;
  std::string endpoint_;
  Http http_;
};

// Parse the hub's answers; error messages begin with `where`. Throw Error on malformed answers and
// unsafe names.
Listing listing_from(const std::string& text, const std::string& where);
FileHead head_from(const Response& response, const std::string& url, const std::string& where);

// The seconds to wait by the Retry-After header (a number, or a date relative to `now`), else by
// the hub's RateLimit header; nothing where there is neither.
std::optional<int64_t> retry_after(const Response& response, int64_t now);

}  // namespace retort::hub
