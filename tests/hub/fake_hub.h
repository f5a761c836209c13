#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "retort/hub/digest.h"
#include "retort/hub/pull.h"
#include "tests/hub/http_server.h"
#include "tests/support/folder.h"

namespace retort::hub::testing {

using retort::testing::put;
using retort::testing::TestFolder;

struct HubFile {
  std::string bytes;
  bool large = false;  // in git's large-file storage: the hub redirects to the other server
  std::string etag;    // set by FakeHub::add
};

// A hub with one repository, "org/name", and the server behind it that holds the large files. Both
// answer as huggingface.co does: a HEAD of a large file is a redirect whose headers describe it,
// ranges are served, and a second name of the repository redirects within the hub.
class FakeHub {
 public:
  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

  FakeHub();
  ~FakeHub();
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;
  void add(const std::string& name, const std::string& bytes, bool large = false);
  // Queue an answer that is given first, once: to any request, or to one for a file's bytes.
  void next(Answer answer) { next_.push_back(std::move(answer)); }
  void next_bytes(Answer answer) { next_bytes_.push_back(std::move(answer)); }

  PullOptions options(const TestFolder& folder) const;
  size_t count(const std::string& method,
               const std::string& part) const;  // of requests whose target holds this

  std::map<std::string, HubFile> files;
  std::string commit = kCommit;
  std::string listing;                        // instead of the true listing
  std::string early;                          // sent before the answer for a small file
  std::string token;                          // required for everything, when not empty
  size_t cut_each_after = std::string::npos;  // bytes of a large file that one connection sends
  std::unique_ptr<HttpServer> hub, storage;
  // Called first at each request for a large file's bytes.
  std::function<void(const Request&)> on_bytes;

 private:
  Answer answer_hub(const Request& request);
  Answer answer_storage(const Request& request);
  Answer list() const;
  Answer answer_file(const Request& request, const std::string& name);

  std::deque<Answer> next_, next_bytes_;
};

// Bytes without repetition, so that misplaced bytes are noticed.
std::string pattern(size_t size, uint64_t seed = 1);

// The etag that the hub would give to these bytes.
std::string etag_of_bytes(const std::string& bytes, bool large);

// Keeps the library's messages.
class Recorder : public Log {
 public:
  void info(const std::string& message) override { said.push_back(message); }
  void warn(const std::string& message) override { warned.push_back(message); }
  void progress(const Progress& progress) override {
    seen.push_back(progress);
    if (on_progress) on_progress(progress);
  }
  std::vector<std::string> said, warned;
  std::vector<Progress> seen;
  std::function<void(const Progress&)> on_progress;
};

}  // namespace retort::hub::testing
