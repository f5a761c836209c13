#include "retort/hub/download.h"

#include <algorithm>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/hub/digest.h"

namespace retort::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kBetweenLooks{200};

// The size of a file, which may be missing.
uint64_t size_or_zero(const fs::path& path) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

// Whether a 206 begins at byte `from`: its header Content-Range is like "bytes 100-199/200".
bool begins_at(const Response& response, uint64_t from) {
  const std::string* range = response.find("content-range");
  return range != nullptr && range->starts_with("bytes " + std::to_string(from) + "-");
}

void restart(PartFile& part, Meter& meter) {
  meter.add(-static_cast<int64_t>(part.size()));
  part.restart();
}

}  // namespace

Download::Download(Client& client, const RepositoryCache& cache, std::string commit,
                   const PullOptions& options, Log& log, const StopFlag& stop)
    : client_(client),
      cache_(cache),
      commit_(std::move(commit)),
      log_(log),
      stop_(stop),
      retry_(options, log, stop) {}

bool Download::is_here(const std::string& name) const {
  std::error_code ignored;
  return fs::is_regular_file(cache_.snapshot(commit_) / name, ignored);
}

FileHead Download::head(const std::string& name, uint64_t largest) {
  FileHead file = client_.head(commit_, name);
  if (file.size && *file.size > largest)
    throw Error("is larger (" + std::to_string(*file.size) + " bytes) than " +
                    std::to_string(largest) + " bytes",
                quote_name(name));
  return file;
}

void Download::check_space(uint64_t bytes) const {
  const fs::path folder = cache_.snapshot(commit_);
  const uint64_t available = free_bytes(folder);
  if (available < bytes) {
    throw Error("the disk has " + std::to_string(available / 1'000'000) + " MB left, and " +
                    std::to_string(bytes / 1'000'000) + " MB are to be downloaded",
                folder.string(), "make room, or name another place in HF_HUB_CACHE");
  }
}

void Download::fetch(const std::vector<std::string>& names, uint64_t largest) {
  std::vector<std::string> missing;
  uint64_t total = 0, already = 0;
  for (const std::string& name : names) {
    if (is_here(name)) continue;
    const FileHead file = retry_([&] { return head(name, largest); });
    missing.push_back(name);
    if (file.size && size_or_zero(cache_.blob(file.etag)) == *file.size) continue;
    total += file.size.value_or(0);
    already += size_or_zero(cache_.part(file.etag));
  }
  if (missing.empty()) return;
  check_space(total - std::min(total, already));
  Meter meter(log_, "downloading", static_cast<int64_t>(total), static_cast<int64_t>(already),
              "bytes");
  for (const std::string& name : missing) fetch_one(name, largest, meter);
}

void Download::fetch_one(const std::string& name, uint64_t largest, Meter& meter) {
  // Each try asks for the file's properties again: addresses expire, and the file may have changed.
  retry_([&] {
    const FileHead file = head(name, largest);
    bool announced = false;
    const FileLock lock(cache_.lock(file.etag), [&] {
      if (!std::exchange(announced, true))
        log_.info("waiting for another process that downloads " + quote_name(name));
      retry_.wait(kBetweenLooks);
    });
    const fs::path blob = cache_.blob(file.etag);
    if (!fs::exists(blob) || (file.size && fs::file_size(blob) != *file.size)) {
      PartFile part(cache_.part(file.etag));
      const bool resumed = part.size() > 0;
      fill(part, file, name, largest, meter);
      check_content(part, file, name, resumed, meter);
      part.place(blob);
    }
    cache_.link(file.etag, commit_, name);
  });
}

void Download::fill(PartFile& part, const FileHead& file, const std::string& name, uint64_t largest,
                    Meter& meter) {
  if (kind_of(file.etag) == EtagKind::opaque || !file.size || part.size() > *file.size)
    restart(part, meter);
  if (file.size && part.size() == *file.size) return;
  const uint64_t limit = file.size.value_or(largest);
  bool first = true;
  client_.get(file, name, part.size(), [&](const Response& response, std::string_view bytes) {
    if (std::exchange(first, false)) {
      if (response.status == 200 && part.size() > 0) restart(part, meter);
      if (response.status == 206 && !begins_at(response, part.size()))
        throw Passing("sends another range than was asked for", quote_name(name));
    }
    if (bytes.size() > limit - part.size()) {
      part.remove();
      throw Error("the server sends more than " + std::to_string(limit) + " bytes",
                  quote_name(name));
    }
    part.append(bytes);
    retry_.note_progress();
    meter.add(static_cast<int64_t>(bytes.size()), name);
  });
  if (file.size && part.size() != *file.size)
    throw Passing("the connection ended before the file did", quote_name(name));
}

void Download::check_content(PartFile& part, const FileHead& file, const std::string& name,
                             bool resumed, Meter& meter) {
  const EtagKind kind = kind_of(file.etag);
  if (kind == EtagKind::opaque || etag_of(part.path(), kind, stop_) == file.etag) return;
  if (resumed) {
    restart(part, meter);
    throw Passing("what was kept of it from before does not fit its checksum", quote_name(name));
  }
  part.remove();
  throw Error(
      std::string("what arrived does not fit its ") +
          (kind == EtagKind::sha256 ? "sha256" : "git checksum"),
      quote_name(name),
      "try again; where that does not help, the server or a proxy in between changes files");
}

}  // namespace retort::hub
