#pragma once

#include <filesystem>
#include <string>

#include "retort/core/folder_lock.h"
#include "retort/run/distill.h"
#include "retort/run/run_folder.h"

namespace retort::run {

// Claims a run folder for this process while a run works in it. What is in the folder stays until
// there is something to replace it.
//
// A run that is to replace another one works in the subfolder `replacement`, and takes the old
// run's place once it is finished. If it is killed while it does that, the next claim completes it.
class RunClaim {
 public:
  // `toml` is the run's settings, as in config.toml. Throws Error when another process works in the
  // folder, and when the folder has a run that these options do not allow to continue or replace.
  RunClaim(const std::filesystem::path& out, const std::string& toml,
           const DistillOptions& options);

  // The folder in which this run works.
  const RunFolder& folder() const { return work_; }
  // Whether the run continues from a checkpoint.
  bool resumes() const { return resumes_; }
  // Whether the run is finished already: by another process meanwhile, or by a killed one that only
  // had to be put in place.
  bool is_done() const { return is_done_; }
  // Whether it works in the folder of a replacement.
  bool replaces() const { return work_.root != root_.root; }

  // Call it when the run is finished, with summary.json: puts a replacement in its place.
  void finish();
  // Call it when the run failed: deletes a replacement that has not trained yet.
  void fail();

 private:
  void choose(const std::string& toml, const DistillOptions& options);
  void work_in_place(const std::string& toml, const DistillOptions& options);

  RunFolder root_, work_;
  FolderLock lock_;
  bool resumes_ = false, is_done_ = false;
};

// The subfolder in which the replacement of a run is made.
RunFolder replacement_of(const RunFolder& root);

// Whether --resume would continue a replacement of the run in the folder.
bool has_unfinished_replacement(const std::filesystem::path& out, const std::string& toml);

}  // namespace retort::run
