#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "retort/core/hash.h"
#include "retort/data/decode.h"
#include "retort/data/image_store.h"

namespace retort::data {

// What a store keeps of an image: its pixels, or only its size, while the pixels stay in the
// image's own file.
enum class Kept : uint8_t { pixels, sizes };

// A file with a range of a store's items: [first, last) are places in the store's list of items.
// Each place is either an image or a skipped file.
struct Shard {
  int64_t first = 0, last = 0;
  std::vector<int64_t> places;  // the places with an image, ascending
  // One for each of `places`, pointing into `pixels`; null pointers where only sizes are kept.
  std::vector<ImageView> images;
  std::vector<uint64_t> seeds;                           // one for each place (ImageStore::seed)
  std::vector<std::pair<int64_t, SkippedFile>> skipped;  // place, file
  at::Tensor pixels;                                     // uint8, flat; keeps the map alive
  std::string checksum;                                  // of the pixels, or of their hashes
};

// Collects decoded images until there are enough for a file.
class ShardBuilder {
 public:
  ShardBuilder(int64_t first, Kept kept) : kept_(kept), first_(first), last_(first) {}
  // `seed` is a hash of the image's pixels. Where only sizes are kept, image.rgb may be empty.
  void add(const Image& image, uint64_t seed);
  void skip(SkippedFile file);
  int64_t first() const { return first_; }
  int64_t last() const { return last_; }
  // Depends only on what was added, so that a shard that is built again ends at the same item.
  bool full() const;
  // Writes the file atomically. `key` is the store's.
  void write(const std::filesystem::path& path, const std::string& key) const;

 private:
  Kept kept_;
  int64_t first_, last_;
  Hasher seen_;  // hashes of the images whose pixels are not kept
  std::vector<uint8_t> pixels_;
  std::vector<int64_t> places_, offsets_{0}, sizes_, seeds_;
  std::vector<std::pair<int64_t, SkippedFile>> skipped_;
};

// Throws Error when the file is missing, malformed, damaged (its pixels' checksum differs), another
// store's, or does not start at `first` and end by `count`.
Shard read_shard(const std::filesystem::path& path, const std::string& key, int64_t first,
                 int64_t count, Kept kept);

}  // namespace retort::data
