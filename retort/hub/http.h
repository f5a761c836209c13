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
  std::map<std::string, std::string> headers;  // by name in lower case; of several values, the last

  // The value of a header, whose name is in lower case; null where there is none.
  const std::string* find(const std::string& name) const;
  bool is_redirect() const;
};

// Adds a header line to `response`. A status line clears the headers, since answers may follow one
// another (100 Continue).
void add_header_line(Response& response, std::string_view line);

// Receives the body of a 200 or 206 in parts, as it arrives. An exception that it throws ends the
// transfer and reaches the caller.
using Body = std::function<void(const Response&, std::string_view)>;

// HTTP requests with libcurl, one after another. Redirects are not followed, and no status is an
// error. Proxies and the certificate file (SSL_CERT_FILE, CURL_CA_BUNDLE) come from the
// environment. Throws Passing when the connection is cut or stalls (30 s below one byte per
// second), Unreachable when there is none, Error when the certificate is not trusted or the
// transfer fails otherwise, and Interrupted once the flag is set. Errors name the server only,
// because addresses of files may contain a signature.
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

// Resolves `location` relative to `base`. Throws Error where either is not an http or https
// address, and where it leads from https to http.
std::string resolve_url(const std::string& base, const std::string& location);

// The address's "scheme://host:port" in lower case. Throws Error on other than http and https.
std::string origin_of(const std::string& url);

// The text with all bytes but letters, digits and "-._~" as %XX. With `keep_slashes`, '/' stays
// too.
std::string quote_url(std::string_view text, bool keep_slashes);

}  // namespace retort::hub
