#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "retort/core/log.h"

namespace retort::hub {

struct Response {
  long status = 0;
  std::map<std::string, std::string> headers;  // by name in lower case; of several, the last

  // Null where there is none.
  const std::string* find(const std::string& name) const;
  bool is_redirect() const;
};

// Adds a line of an answer's head. A status line begins a new answer, as one answer may follow
// another.
void add_header_line(Response& response, std::string_view line);

// Takes the body of a 200 or 206 as it arrives. What it throws ends the transfer and goes on to the
// caller.
using Body = std::function<void(const Response&, std::string_view)>;

// One connection after another through libcurl: no redirect is followed, no status is an error.
// Proxies are those of the environment, and so is a certificate file (SSL_CERT_FILE,
// CURL_CA_BUNDLE). Throws Passing when the connection is cut or stalls (30 s without a byte),
// Unreachable when there is none, Error when it is not to be trusted, Interrupted once the flag is
// set. Errors name the server only: addresses of files may carry a signature.
class Http {
 public:
  explicit Http(const StopFlag& stop);
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  Response head(const std::string& url, const std::vector<std::string>& headers);
  Response get(const std::string& url, const std::vector<std::string>& headers, const Body& body);

 private:
  struct Transfer;
  Response perform(const std::string& url, const std::vector<std::string>& headers,
                   const Body* body);

  const StopFlag& stop_;
  std::shared_ptr<void> handle_;
};

// The address that `location` means on a page at `base`. Throws Error where either is no http or
// https address, and where it leads from https to http.
std::string resolve_url(const std::string& base, const std::string& location);

// "https://host:port" in lower case.
std::string origin_of(const std::string& url);

// The text with all but letters, digits and "-._~" as %XX; with `keep_slashes`, but '/' too.
std::string quote_url(std::string_view text, bool keep_slashes);

}  // namespace retort::hub
