#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/decode.h"

namespace retort::data {

enum class Split : uint8_t { train, val, test };
std::string to_string(Split split);

struct Item {
  std::string path;  // relative to the manifest's root, with forward slashes; FILE.bin#NUMBER for a
                     // record of a file (record.h)
  int64_t label = 0;
  Split split = Split::train;
};

// What was guessed of a data set or left out of it: a line for the log.
struct Note {
  std::string text;
  bool warning = false;
};

// What is in a data set: which file, which class, which split. Items are sorted by path within a
// split, classes by name, so that the same folder gives the same manifest on every machine.
struct Manifest {
  std::filesystem::path root;
  std::vector<std::string> classes;
  std::vector<Item> items;
  bool carved = false;                // train and test were split here, not given
  std::vector<std::string> unread{};  // pictures among those of its folders that decode() does not
                                      // read, relative to the root
  std::vector<Note> notes{};

  // Indices into items.
  std::vector<int64_t> of(Split split) const;
  // The file that the item is, or is a record of.
  std::filesystem::path file(int64_t item) const;
  // Throws Error, naming the file, when it does not decode.
  Image read(int64_t item, int64_t enough = 0) const;
  // A window of it (decode_part).
  Part read_part(int64_t item, const Window& window, int64_t enough) const;
  // A hash of classes, paths, labels and splits, and of each file's size and modification time.
  std::string digest() const;
};

struct ManifestOptions {
  double val_fraction = 0.1;  // of train, stratified, at least one image a class that has two; used
                              // where no val split is given; [0.01, 0.5]
  double test_fraction =
      0.2;                  // of all, stratified; used where one folder holds everything; [0, 0.5]
  uint64_t split_seed = 0;  // not the training seed: another seed is another run on the same split
  // The classes of a student that the images are to judge. Then one class, one image or test/ alone
  // will do, nothing is carved, and images without a split are test images.
  std::vector<std::string> known{};
  std::vector<std::filesystem::path> own{};  // where the caller writes: no classes, though empty
};

// Reads
//   a folder with train/ and optionally val/ and test/, each with one folder a class
//   (folder_manifest.h); a folder with one folder a class: a stratified split; a CSV file
//   `path,label,split` (header required; split may be missing or empty: as above), paths relative
//   to the file (csv_manifest.h); a public data set as it is unpacked, recognised by its own files
//   (layouts.h).
// Throws Error on: nothing there, an unreadable folder, fewer than two classes, an empty class,
// class names that differ only in case or surrounding blanks, that are not UTF-8 or hold control
// characters, a class in val or test that train lacks, folders of which it cannot be said whether
// they are splits or classes, a split name that is none of ours, a malformed CSV line (with its
// number), and whatever a layout finds wrong with its own lists.
Manifest load_manifest(const std::filesystem::path& path, const ManifestOptions& options = {});

// Says what was guessed and what was left out, pictures that are not read among it.
void tell_of(const Manifest& manifest, Log& log);

// Says how many pictures the manifest leaves unread, where there are any.
void warn_of_unread(const Manifest& manifest, Log& log);

}  // namespace retort::data
