#include "retort/hub/http.h"

#include <curl/curl.h>

#include <cstdlib>
#include <exception>
#include <string>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/text.h"
#include "retort/hub/retry.h"
#include "retort/version.h"

namespace retort::hub {
namespace {

constexpr long kConnectSeconds = 20, kStallSeconds = 30;
constexpr size_t kMaxIgnored = 1'000'000;  // bytes of an unused body, such as an error page

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string text) {
  for (char& c : text) c = lower(c);
  return text;
}

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part_of(const Url& url, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  const std::string copy = text;
  curl_free(text);
  return copy;
}

// Parses `second` relative to `first`, or `first` alone. Throws Error where it is not http or
// https.
Url parse_url(const std::string& first, const std::string& second = "") {
  Url url(curl_url(), curl_url_cleanup);
  bool good =
      url != nullptr && curl_url_set(url.get(), CURLUPART_URL, first.c_str(), 0) == CURLUE_OK;
  if (good && !second.empty())
    good = curl_url_set(url.get(), CURLUPART_URL, second.c_str(), 0) == CURLUE_OK;
  const std::string scheme = good ? lower(part_of(url, CURLUPART_SCHEME)) : "";
  if (scheme != "http" && scheme != "https")
    throw Error("is no http or https address", quote_name(second.empty() ? first : second));
  return url;
}

// Sets up libcurl once in the process.
void set_up() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (done != CURLE_OK) throw Error("libcurl cannot be set up");
}

using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

Headers to_list(const std::vector<std::string>& lines) {
  Headers list(nullptr, curl_slist_free_all);
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    if (!list) list.reset(longer);  // only the first call changes the pointer
  }
  return list;
}

[[noreturn]] void throw_failure(CURLcode code, const std::string& server) {
  const std::string reason = curl_easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      throw Unreachable("cannot be reached: " + reason, server);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      throw Error("its certificate is not to be trusted: " + reason, server,
                  "behind a proxy that opens connections, name its certificates in SSL_CERT_FILE");
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_AGAIN:
      throw Passing("the connection was cut: " + reason, server);
    default:
      throw Error("the transfer failed: " + reason, server);
  }
}

}  // namespace

void add_header_line(Response& response, std::string_view line) {
  const size_t colon = line.find(':');
  if (line.starts_with("HTTP/")) {  // an answer begins, perhaps after "100 Continue"
    response.headers.clear();
  } else if (colon != line.npos) {
    response.headers[lower(std::string(trimmed(line.substr(0, colon))))] =
        trimmed(line.substr(colon + 1));
  }
}

const std::string* Response::find(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? nullptr : &found->second;
}

bool Response::is_redirect() const {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

struct Http::Transfer {
  const StopFlag& stop;
  CURL* handle;
  const Body* body;
  Response response;
  size_t ignored = 0;
  std::exception_ptr thrown;

  static size_t take_header(const char* data, size_t, size_t size, void* self) {
    add_header_line(static_cast<Transfer*>(self)->response, {data, size});
    return size;
  }

  static size_t take_body(const char* data, size_t, size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {  // nothing may be thrown through libcurl
      curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &transfer.response.status);
      if (transfer.body != nullptr &&
          (transfer.response.status == 200 || transfer.response.status == 206)) {
        (*transfer.body)(transfer.response, {data, size});
      } else if ((transfer.ignored += size) > kMaxIgnored) {
        return 0;
      }
      return size;
    } catch (...) {
      transfer.thrown = std::current_exception();
      return size == 0 ? 1 : 0;  // another number than `size` ends the transfer
    }
  }

  static int look_up(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->stop.load(std::memory_order_relaxed) ? 1 : 0;
  }
};

Http::Http(const StopFlag& stop) : stop_(stop) {
  set_up();
  handle_ = std::shared_ptr<void>(curl_easy_init(), curl_easy_cleanup);
  if (!handle_) throw Error("libcurl cannot be set up");
}

Response Http::head(const std::string& url, const std::vector<std::string>& headers) {
  return perform(url, headers, nullptr);
}

Response Http::get(const std::string& url, const std::vector<std::string>& headers,
                   const Body& body) {
  return perform(url, headers, &body);
}

Response Http::perform(const std::string& url, const std::vector<std::string>& headers,
                       const Body* body) {
  check_stopped(stop_);
  const std::string server = origin_of(url);
  CURL* handle = handle_.get();
  Transfer transfer{stop_, handle, body, {}, 0, nullptr};
  const Headers lines = to_list(headers);
  curl_easy_reset(handle);  // connections stay open
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(handle, CURLOPT_USERAGENT, (std::string("retort/") + kVersion).c_str());
  curl_easy_setopt(handle, CURLOPT_NOBODY, body == nullptr ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &Transfer::take_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Transfer::take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &Transfer::look_up);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* file = std::getenv(name);
    if (file != nullptr && *file != '\0') curl_easy_setopt(handle, CURLOPT_CAINFO, file);
  }
  const CURLcode code = curl_easy_perform(handle);
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  check_stopped(stop_);
  if (code != CURLE_OK && transfer.ignored <= kMaxIgnored) throw_failure(code, server);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &transfer.response.status);
  return std::move(transfer.response);
}

std::string resolve_url(const std::string& base, const std::string& location) {
  const Url from = parse_url(base), to = parse_url(base, location);
  if (lower(part_of(from, CURLUPART_SCHEME)) == "https" &&
      lower(part_of(to, CURLUPART_SCHEME)) != "https")
    throw Error("redirects to a connection that is not encrypted", origin_of(base),
                "check HF_ENDPOINT and the proxy");
  return part_of(to, CURLUPART_URL);
}

std::string origin_of(const std::string& url) {
  const Url parsed = parse_url(url);
  return lower(part_of(parsed, CURLUPART_SCHEME) + "://" + part_of(parsed, CURLUPART_HOST) + ":" +
               part_of(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

std::string quote_url(std::string_view text, bool keep_slashes) {
  std::string quoted;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (keep_slashes && c == '/');
    if (plain) {
      quoted += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    quoted += '%';
    quoted += "0123456789ABCDEF"[byte >> 4];
    quoted += "0123456789ABCDEF"[byte & 15];
  }
  return quoted;
}

}  // namespace retort::hub
