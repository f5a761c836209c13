// Answers of the hub's server: the lines of a head, then an empty line, and a list of files.
#include <algorithm>
#include <cstdlib>

#include "retort/hub/client.h"
#include "retort/hub/http.h"
#include "retort/hub/reference.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  std::string_view rest = fuzz::text_of(data, size);
  hub::Response response;
  response.status = size % 2 == 0 ? 200 : 302;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end);
    if (line == "\n" || line == "\r\n") break;
    hub::add_header_line(response, line);
  }
  fuzz::expect_errors_only([&] {
    const hub::FileHead head =
        hub::head_from(response, "https://host/org/name/resolve/main/file", "input");
    if (!hub::is_safe_name(head.etag)) std::abort();  // the etag becomes a file's name in the cache
    hub::origin_of(head.location);
  });
  if (const auto wait = hub::retry_after(response, 1'700'000'000); wait && *wait < 0) std::abort();
  fuzz::expect_errors_only([&] {
    for (const std::string& name : hub::listing_from(std::string(rest), "input").files)
      if (!hub::is_safe_name(name)) std::abort();
  });
  fuzz::expect_errors_only(
      [&] { hub::to_string(hub::parse_reference(fuzz::text_of(data, size))); });
  return 0;
}
