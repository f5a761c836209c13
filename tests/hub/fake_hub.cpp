#include "tests/hub/fake_hub.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "retort/core/file.h"
#include "retort/core/random.h"

namespace retort::hub::testing {
namespace {

const std::string kStorage = "/storage/";

// The body from byte 100 on, for "bytes=100-".
Answer ranged(const Request& request, const std::string& bytes) {
  const std::string range = request.header("range");
  if (range.empty()) return {200, {{"Accept-Ranges", "bytes"}}, bytes};
  const size_t from = std::stoul(range.substr(6));
  if (from >= bytes.size()) return {416, {}};
  const std::string part = "bytes " + std::to_string(from) + "-" +
                           std::to_string(bytes.size() - 1) + "/" + std::to_string(bytes.size());
  return {206, {{"Content-Range", part}}, bytes.substr(from)};
}

}  // namespace

FakeHub::FakeHub() {
  ::setenv("no_proxy", "127.0.0.1", 1);
  storage = std::make_unique<HttpServer>(
      [this](const Request& request) { return answer_storage(request); });
  hub =
      std::make_unique<HttpServer>([this](const Request& request) { return answer_hub(request); });
}

FakeHub::~FakeHub() {
  hub.reset();
  storage.reset();
}

void FakeHub::add(const std::string& name, const std::string& bytes, bool large) {
  files[name] = {bytes, large, etag_of_bytes(bytes, large)};
}

PullOptions FakeHub::options(const TestFolder& folder) const {
  PullOptions options;
  options.cache = folder / "hub";
  options.endpoint = hub->url();
  options.wait = [](std::chrono::milliseconds) {};
  return options;
}

size_t FakeHub::count(const std::string& method, const std::string& part) const {
  size_t found = 0;
  for (const HttpServer* server : {hub.get(), storage.get()}) {
    const std::vector<Request> requests = server->requests();
    found += static_cast<size_t>(std::ranges::count_if(requests, [&](const Request& request) {
      return request.method == method && request.target.find(part) != std::string::npos;
    }));
  }
  return found;
}

Answer FakeHub::list() const {
  if (!listing.empty()) return {200, {}, listing};
  nlohmann::json siblings = nlohmann::json::array();
  for (const auto& [name, file] : files) siblings.push_back({{"rfilename", name}});
  return {200,
          {{"Content-Type", "application/json"}},
          nlohmann::json{{"id", "org/name"}, {"sha", commit}, {"siblings", siblings}}.dump()};
}

Answer FakeHub::answer_hub(const Request& request) {
  if (!next_.empty()) {
    Answer answer = next_.front();
    next_.pop_front();
    return answer;
  }
  if (!token.empty() && request.header("authorization") != "Bearer " + token)
    return {401, {{"X-Error-Code", "RepoNotFound"}}};
  if (request.target.starts_with("/api/models/org/name/revision/")) {
    const std::string revision = request.target.substr(30);
    if (revision == "main" || revision == "refs%2Fpr%2F1" || revision == commit) return list();
    return {404, {{"X-Error-Code", "RevisionNotFound"}}};
  }
  if (request.target.starts_with("/api/models/old/name/"))
    return {307, {{"Location", "/api/models/org/name/" + request.target.substr(21)}}};
  const std::string old = "/old/name/resolve/", now = "/org/name/resolve/" + commit + "/";
  if (request.target.starts_with(old))
    return {307, {{"Location", "/org/name/resolve/" + request.target.substr(old.size())}}};
  if (request.target.starts_with(now))
    return answer_file(request, request.target.substr(now.size()));
  return {404, {{"X-Error-Code", "RepoNotFound"}}};
}

Answer FakeHub::answer_file(const Request& request, const std::string& name) {
  const auto found = files.find(name);
  if (found == files.end())
    return {404, {{"X-Error-Code", "EntryNotFound"}, {"X-Repo-Commit", commit}}};
  const HubFile& file = found->second;
  if (!file.large) {
    Answer answer = ranged(request, file.bytes);
    answer.headers["ETag"] = '"' + file.etag + '"';
    answer.headers["X-Repo-Commit"] = commit;
    answer.early = early;
    return answer;
  }
  return {302,
          {{"Location", storage->url() + kStorage + name + "?signature=secret"},
           {"X-Repo-Commit", commit},
           {"X-Linked-Etag", '"' + file.etag + '"'},
           {"X-Linked-Size", std::to_string(file.bytes.size())},
           {"ETag", "\"of-the-redirect\""}},
          "Found. Redirecting"};
}

Answer FakeHub::answer_storage(const Request& request) {
  if (on_bytes) on_bytes(request);
  if (!next_bytes_.empty()) {
    Answer answer = next_bytes_.front();
    next_bytes_.pop_front();
    return answer;
  }
  const std::string name =
      request.target.substr(kStorage.size(), request.target.find('?') - kStorage.size());
  Answer answer = ranged(request, files.at(name).bytes);
  answer.cut_after = cut_each_after;
  return answer;
}

std::string pattern(size_t size, uint64_t seed) {
  CounterRng random{seed};
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

std::string etag_of_bytes(const std::string& bytes, bool large) {
  const std::filesystem::path file =
      std::filesystem::path(::testing::TempDir()) / ("retort-bytes-" + std::to_string(::getpid()));
  put(file, bytes);
  std::string etag = etag_of(file, large ? EtagKind::sha256 : EtagKind::git_sha1);
  std::filesystem::remove(file);
  return etag;
}

}  // namespace retort::hub::testing
