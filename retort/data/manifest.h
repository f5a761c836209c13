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

// A line for the log about what was guessed or left out when reading a data set.
struct Note {
  std::string text;
  bool warning = false;
};

// The content of a data set: each image's file, class and split. Items are sorted by split, then by
// path, and classes by name, so that the same folder gives the same manifest on every machine.
struct Manifest {
  std::filesystem::path root;
  std::vector<std::string> classes;
  std::vector<Item> items;
  bool carved = false;  // retort chose the splits; the data set names none
  // Paths, relative to the root, of pictures that decode() does not read.
  std::vector<std::string> unread{};
  std::vector<Note> notes{};

  // Indices into items.
  std::vector<int64_t> of(Split split) const;
  // The item's file, or for a record the file that contains it.
  std::filesystem::path file(int64_t item) const;
  // Decodes the item's image (read_image). Throws Error, naming the file, when it does not decode.
  Image read(int64_t item, int64_t enough = 0) const;
  // A window of it (decode_part).
  Part read_part(int64_t item, const Window& window, int64_t enough) const;
  // A hash of classes, paths, labels and splits, and of each file's size, inode number,
  // modification time and change time.
  std::string digest() const;
};

struct ManifestOptions {
  // The share of the training images that becomes the validation split where the data set has none,
  // [0.01, 0.5]: stratified, at least one image of each class that has two.
  double val_fraction = 0.1;
  // The share of all images that becomes the test split where the data set names no splits, [0,
  // 0.5]: stratified.
  double test_fraction = 0.2;
  uint64_t split_seed = 0;  // not the training seed, so that runs with other seeds share a split
  // The classes of a student that is to be evaluated on the images. If set, one class, one image or
  // test/ alone is enough, no images are set aside, and images without a split are test images.
  std::vector<std::string> known{};
  std::vector<std::filesystem::path> own{};  // folders that the caller writes: no classes
};

// Reads one of these:
// - a folder with train/ and optionally val/ and test/, each with one folder a class
//   (folder_manifest.h);
// - a folder with one folder a class, which gets a stratified split;
// - a CSV file `path,label,split` with paths relative to the file (csv_manifest.h). The header is
//   required; without splits the images get a stratified one;
// - a public data set as it is unpacked, recognised by its own files (layouts.h).
// Throws Error when
// - nothing is there, or a folder cannot be read;
// - there are fewer than two classes, a class is empty, or val or test has one that train lacks;
// - class names differ only in case or surrounding blanks, are not UTF-8, or hold control
//   characters;
// - folders could be splits or classes, or a split has a name that is none of ours;
// - a CSV line is malformed (the message has its number), or a layout finds its lists wrong.
Manifest load_manifest(const std::filesystem::path& path, const ManifestOptions& options = {});

// Logs what was guessed and what was left out, including pictures that are not read.
void tell_of(const Manifest& manifest, Log& log);

// Warns of the pictures that are not read, where there are any.
void warn_of_unread(const Manifest& manifest, Log& log);

}  // namespace retort::data
