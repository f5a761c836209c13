#include "retort/hub/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/hub/field.h"
#include "retort/hub/retry.h"

namespace retort::hub {
namespace {

constexpr size_t kMaxListing = 32'000'000;
constexpr size_t kMaxFiles = 100'000;
constexpr int kMaxRedirects = 10;
constexpr int64_t kMaxWait = 1'000'000;

std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty()
             ? std::optional(number)
             : std::nullopt;
}

// W/"…" or "…"
std::string unquoted(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.starts_with('"')) etag.remove_prefix(1);
  if (etag.ends_with('"')) etag.remove_suffix(1);
  return std::string(etag);
}

bool is_safe_etag(std::string_view etag) {
  return !etag.empty() && etag.size() <= 128 && etag.front() != '.' &&
         std::ranges::all_of(etag, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

std::string header_of(const Response& response, const char* name) {
  const std::string* found = response.find(name);
  return found == nullptr ? "" : *found;
}

bool may_pass(long status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

}  // namespace

FileHead head_from(const Response& response, const std::string& url, const std::string& where) {
  FileHead head;
  const std::string linked = header_of(response, "x-linked-etag");
  head.etag = unquoted(linked.empty() ? header_of(response, "etag") : linked);
  if (!is_safe_etag(head.etag))
    throw Error("the server gives it no etag that names a file: " + quote_name(head.etag), where,
                "check HF_ENDPOINT and the proxy");
  head.size = number_of(header_of(response, "x-linked-size"));
  if (!head.size && !response.is_redirect())
    head.size = number_of(header_of(response, "content-length"));
  head.location = response.is_redirect() ? resolve_url(url, header_of(response, "location")) : url;
  return head;
}

Listing listing_from(const std::string& text, const std::string& where) {
  const nlohmann::json object = parse_object(text, where);
  const Field answer(object, where);
  Listing listing;
  listing.commit = answer.at("sha").text();
  if (!is_commit(listing.commit)) answer.at("sha").fail("is not a commit's 40 hex digits");
  const Field files = answer.at("siblings");
  if (!files.is_array() || files.size() > kMaxFiles)
    files.fail("is not a list of at most 100,000 files");
  for (size_t i = 0; i < files.size(); ++i) {
    const Field name = files.item(i).at("rfilename");
    listing.files.push_back(name.text());
    if (!is_safe_name(listing.files.back()))
      name.fail("the file's name " + quote_name(listing.files.back()) + " leads out of its folder");
  }
  return listing;
}

std::optional<int64_t> retry_after(const Response& response, int64_t now) {
  const std::string text = header_of(response, "retry-after"),
                    limit = header_of(response, "ratelimit");
  if (const auto seconds = number_of(text))
    return static_cast<int64_t>(std::min<uint64_t>(*seconds, kMaxWait));
  if (const time_t date = text.empty() ? -1 : curl_getdate(text.c_str(), nullptr); date >= 0)
    return std::clamp<int64_t>(date - now, 0, kMaxWait);
  // "api";r=0;t=55: no request left for 55 s
  const size_t at = limit.find(";t=");
  if (at == limit.npos || limit.find(";r=0;") == limit.npos) return std::nullopt;
  const std::string_view rest = std::string_view(limit).substr(at + 3);
  const auto seconds = number_of(rest.substr(0, rest.find_first_not_of("0123456789")));
  return seconds ? std::optional(static_cast<int64_t>(std::min<uint64_t>(*seconds, kMaxWait)))
                 : std::nullopt;
}

Client::Client(Reference reference, const PullOptions& options, const StopFlag& stop)
    : reference_(std::move(reference)),
      options_(options),
      endpoint_(origin_of(options.endpoint)),
      http_(stop) {}

std::vector<std::string> Client::headers_for(const std::string& url) const {
  // Compressed bytes would not match the etag.
  std::vector<std::string> headers{"Accept-Encoding: identity"};
  if (!options_.token.empty() && origin_of(url) == endpoint_)
    headers.push_back("Authorization: Bearer " + options_.token);
  return headers;
}

std::string Client::page() const { return options_.endpoint + "/" + reference_.repository; }

template <typename Send, typename Stays>
Response Client::follow(std::string& url, const Send& send, const Stays& stays) {
  for (int i = 0; i <= kMaxRedirects; ++i) {
    Response response = send(url);
    if (!response.is_redirect() || !stays(response)) return response;
    url = resolve_url(url, header_of(response, "location"));
  }
  throw Error("redirects without an end", origin_of(url), "check HF_ENDPOINT and the proxy");
}

void Client::check(const Response& response, const std::string& name) const {
  if (response.status >= 200 && response.status < 400) return;
  const std::string status = " (HTTP " + std::to_string(response.status) + ")";
  const std::string where = to_string(reference_) + (name.empty() ? "" : ", " + quote_name(name));
  const std::string code = header_of(response, "x-error-code");
  if (may_pass(response.status)) {
    const auto seconds = retry_after(response, static_cast<int64_t>(std::time(nullptr)));
    throw Passing("the server is busy" + status, where,
                  seconds ? std::optional(std::chrono::seconds(*seconds)) : std::nullopt);
  }
  switch (response.status) {
    case 401:
      if (!options_.token.empty()) {
        throw Error("the hub does not accept the token, or there is no such repository" + status,
                    where, "check the name, and that HF_TOKEN is a token that may read it");
      }
      throw Error("there is no such repository, or it is gated or private" + status, where,
                  "check the name; for a gated one accept its conditions at " + page() +
                      ", and set HF_TOKEN");
    case 403:
      throw Error(
          (options_.token.empty() ? "may not be read without a token"
                                  : "may not be read with this token") +
              status,
          where,
          "accept its conditions at " + page() + ", and set HF_TOKEN to a token that may read it");
    case 404:
      if (code == "RevisionNotFound")
        throw Error("there is no revision " + quote_name(reference_.revision) + status, where,
                    "look at " + page());
      if (code == "EntryNotFound" || (code.empty() && !name.empty()))
        throw Error("there is no such file" + status, where, "look at " + page());
      throw Error("there is no such repository or revision" + status, where,
                  "check the name; for a private one set HF_TOKEN");
    default:
      throw Error("the server refuses" + status, where);
  }
}

Listing Client::list() {
  std::string url = options_.endpoint + "/api/models/" + reference_.repository + "/revision/" +
                    quote_url(reference_.revision, false);
  std::string text;
  const auto send = [&](const std::string& at) {
    text.clear();
    return http_.get(at, headers_for(at), [&](const Response&, std::string_view bytes) {
      if (text.size() + bytes.size() > kMaxListing)
        throw Error("the list of its files is larger than 32 MB", to_string(reference_));
      text += bytes;
    });
  };
  check(follow(url, send, [](const Response&) { return true; }), "");
  return listing_from(text, to_string(reference_) + ", the list of its files");
}

FileHead Client::head(const std::string& commit, const std::string& name) {
  std::string url = page() + "/resolve/" + commit + "/" + quote_url(name, true);
  const auto send = [&](const std::string& at) { return http_.head(at, headers_for(at)); };
  // The redirect that leaves the hub carries the file's headers; redirects before it (such as that
  // of a renamed repository) may not.
  const auto stays = [&](const Response& response) {
    return response.find("x-linked-etag") == nullptr ||
           origin_of(resolve_url(url, header_of(response, "location"))) == endpoint_;
  };
  const Response response = follow(url, send, stays);
  check(response, name);
  const std::string given = header_of(response, "x-repo-commit");
  const std::string where = to_string(reference_) + ", " + quote_name(name);
  if (!given.empty() && given != commit)
    throw Error("the server gives it from another commit, " + quote_name(given), where);
  return head_from(response, url, where);
}

void Client::get(const FileHead& file, const std::string& name, uint64_t from, const Body& body) {
  std::string url = file.location;
  const auto send = [&](const std::string& at) {
    std::vector<std::string> headers = headers_for(at);
    if (from > 0) headers.push_back("Range: bytes=" + std::to_string(from) + "-");
    return http_.get(at, headers, body);
  };
  const Response response = follow(url, send, [](const Response&) { return true; });
  // The signed address has expired: the next try asks for a new one.
  if (response.status == 403 && origin_of(url) != endpoint_)
    throw Passing("refuses the address that the hub gave (HTTP 403)", origin_of(url));
  if (response.status == 416) throw Passing("has no such range (HTTP 416)", origin_of(url));
  check(response, name);
}

}  // namespace retort::hub
