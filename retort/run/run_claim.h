#pragma once

#include <filesystem>
#include <string>

#include "retort/core/folder_lock.h"
#include "retort/run/distill.h"
#include "retort/run/run_folder.h"

namespace retort::run {

// A run folder while a run works in it: this process's alone, and what is there stays until there
// is something to put in its place.
//
// A run that is to replace another one works in the folder `replacement` within it, and takes its
// place once it is whole. A run that was killed while it did so is put in place by the next claim.
class RunClaim {
 public:
  // `toml`: the run's settings, as config.toml holds them. Throws Error when another process works
  // there, or the folder holds a run that these options do not mean.
  RunClaim(const std::filesystem::path& out, const std::string& toml,
           const DistillOptions& options);

  // Where this run works.
  const RunFolder& folder() const { return work_; }
  // It goes on from a checkpoint.
  bool resumes() const { return resumes_; }
  // Another process finished this run in the meantime, or a killed one had only to be put in place.
  bool is_done() const { return is_done_; }
  // It works in the folder of a replacement.
  bool replaces() const { return work_.root != root_.root; }

  // The run is whole, summary.json and all: puts it in its place.
  void finish();
  // The run failed: of one that was to replace another and has not trained yet, nothing is kept.
  void fail();

 private:
  void choose(const std::string& toml, const DistillOptions& options);
  void work_in_place(const std::string& toml, const DistillOptions& options);

  RunFolder root_, work_;
  FolderLock lock_;
  bool resumes_ = false, is_done_ = false;
};

// The folder within a run's, in which one that is to take its place is made.
RunFolder replacement_of(const RunFolder& root);

// Whether --resume would go on with a run that is to replace the one in the folder.
bool has_unfinished_replacement(const std::filesystem::path& out, const std::string& toml);

}  // namespace retort::run
