#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "retort/core/cache_store.h"
#include "retort/core/log.h"
#include "retort/core/safetensors.h"
#include "retort/data/decode.h"
#include "retort/data/input_spec.h"
#include "retort/data/manifest.h"
#include "retort/data/view.h"

namespace retort::data {

// What is done to a decoded image before it is stored. `key` becomes a part of the store's key.
struct Preparation {
  std::string key;
  std::function<Image(Image)> apply;
  int64_t enough = 0;  // pixels of the short side; a larger JPEG may be decoded smaller (decode.h)
  // Only sizes are stored; for each view its crop is decoded from the image's file.
  bool in_files = false;
};
// For training: reduces the short side to at most `side` pixels, so that large photographs do not
// fill the disk; smaller images stay as they are.
Preparation bounded(int64_t side);
// For training from the files themselves, where decoded images would fill the disk. Crops are drawn
// on the full-size images.
Preparation in_files();
// For evaluation at a model's own resolution, from the full image: exactly the preprocessing that
// student.onnx describes to its users.
Preparation for_evaluation(const InputSpec& spec);

// How many bytes the items' images would take on disk once they are prepared, estimated from a few
// of them. 0 where none of those decodes.
int64_t estimated_bytes(const Manifest& manifest, std::span<const int64_t> items,
                        const Preparation& preparation);

struct SkippedFile {
  std::string path;
  std::string reason;
};

// Images that are decoded once, in parallel, into memory-mapped uint8 pixels on disk. They are in
// shards, safetensors files that are each written atomically: a killed build continues with the
// next shard, and a data set may be larger than memory.
class ImageStore {
 public:
  struct Options {
    // The largest share of files that may fail to decode, [0, 1].
    double max_skipped = 0.05;
    // Where the items are a part of a data set, such as a split, the share is of all of it:
    int64_t images = 0;             // how many images that has; 0: the items are all
    int64_t skipped_elsewhere = 0;  // and how many of its other files failed
  };
  // Opens the shards that exist and builds the others. `items` are indices into manifest.items;
  // without items the store is empty. Files that do not decode are left out and listed in
  // skipped(), and tried again each time the store is opened. Throws Error when more than
  // max_skipped fail or all do, and Interrupted on stop.
  static ImageStore open(const std::filesystem::path& cache_dir, const Manifest& manifest,
                         std::span<const int64_t> items, const Preparation& preparation,
                         const Options& options, Log& log = null_log(),
                         const StopFlag& stop = never_stop());

  // Whether this store's folder exists in the cache, complete or not.
  static bool begun(const std::filesystem::path& cache_dir, const Manifest& manifest,
                    std::span<const int64_t> items, const Preparation& preparation);

  int64_t size() const { return static_cast<int64_t>(item_.size()); }
  // The index in manifest.items of the image at position i, and its label. A position counts the
  // images that decoded.
  int64_t item(int64_t i) const { return item_[static_cast<size_t>(i)]; }
  int64_t label(int64_t i) const { return label_[static_cast<size_t>(i)]; }
  // The seed of the image's views: a hash of its prepared pixels, so that views do not depend on
  // the other files of the data set.
  uint64_t seed(int64_t i) const { return seed_[static_cast<size_t>(i)]; }
  // The image's size and pixels; the pointer is null where the pixels stay in the files.
  ImageView image(int64_t i) const { return image_[static_cast<size_t>(i)]; }
  // Renders a view of the image into the renderer's planes. Where the pixels stay in the file,
  // throws Error, naming the file, when it no longer decodes or its crop no longer fits.
  Planes& render(int64_t i, const View& view, const InputSpec& spec, Renderer& renderer) const;
  const std::vector<SkippedFile>& skipped() const { return skipped_; }
  // A hash of the sizes and pixels of all images, in their order: with equal keys the images are
  // equal, wherever the files are and whenever they were written.
  const std::string& key() const { return key_; }
  // The absolute path of the data set's folder, for messages.
  const std::string& source() const { return source_; }

 private:
  std::string key_, source_;
  std::shared_ptr<const StoreUse> use_;
  // Set where the pixels stay in the files, else null. Its items are those of the store, in order.
  std::shared_ptr<const Manifest> files_;
  std::vector<at::Tensor> shards_;  // keeps the maps alive
  std::vector<int64_t> item_, label_;
  std::vector<uint64_t> seed_;
  std::vector<ImageView> image_;
  std::vector<SkippedFile> skipped_;
};

}  // namespace retort::data
