#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/hub/cache.h"
#include "retort/hub/client.h"
#include "retort/hub/part_file.h"
#include "retort/hub/retry.h"

namespace retort::hub {

// Downloads files of one commit into the cache.
class Download {
 public:
  Download(Client& client, const RepositoryCache& cache, std::string commit,
           const PullOptions& options, Log& log, const StopFlag& stop);

  // Downloads the files that the snapshot lacks, one after the other, each of at most `largest`
  // bytes. A blob that the cache holds is not downloaded again. A partial download is continued if
  // the file's checksum is known. Only one process at a time downloads a blob. Before a file is put
  // into the cache, its size is checked, and its checksum if the etag is one. Throws Error when
  // these do not match, a file is too large, or the disk is too full; Interrupted once the flag is
  // set.
  void fetch(const std::vector<std::string>& names, uint64_t largest);

 private:
  bool is_here(const std::string& name) const;
  FileHead head(const std::string& name, uint64_t largest);
  void check_space(uint64_t bytes) const;
  void fetch_one(const std::string& name, uint64_t largest, Meter& meter);
  void fill(PartFile& part, const FileHead& file, const std::string& name, uint64_t largest,
            Meter& meter);
  void check_content(PartFile& part, const FileHead& file, const std::string& name, bool resumed,
                     Meter& meter);

  Client& client_;
  const RepositoryCache& cache_;
  std::string commit_;
  Log& log_;
  const StopFlag& stop_;
  Retry retry_;
};

}  // namespace retort::hub
