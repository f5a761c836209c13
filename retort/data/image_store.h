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

// What is done to a decoded image before it is stored. The key names it in the store's own key.
struct Preparation {
  std::string key;
  std::function<Image(Image)> apply;
  int64_t enough = 0;  // of the short side: a larger JPEG may be decoded at reduced size (decode.h)
  // Only sizes are stored, and each view is decoded from the image's file, as much as its crop
  // needs.
  bool in_files = false;
};
// Training: the short side at most `side`, so that large photographs do not fill the disk; smaller
// images stay as they are.
Preparation bounded(int64_t side);
// Training from the files themselves, where decoded images would fill the disk. Views are drawn on
// the images' own pixels.
Preparation in_files();
// Evaluation at a model's own resolution, from the full image: exactly what a client of
// student.onnx computes.
Preparation for_evaluation(const InputSpec& spec);

// How many bytes the items' images would take on disk once they are prepared, estimated from a few
// of them. 0 where none of these few decodes.
int64_t estimated_bytes(const Manifest& manifest, std::span<const int64_t> items,
                        const Preparation& preparation);

struct SkippedFile {
  std::string path;
  std::string reason;
};

// Images decoded once, in parallel, into memory-mapped uint8 pixels on disk: shards of safetensors
// files, each written atomically, so that a killed build goes on where it was and a data set larger
// than memory streams.
class ImageStore {
 public:
  struct Options {
    // Share of files that may fail to decode before it is an error; 1 allows all.
    double max_skipped = 0.05;
    // Where the items are a part of a data set, such as a split, the share is of all of it:
    int64_t images = 0;             // how many images that has; 0: the items are all
    int64_t skipped_elsewhere = 0;  // and how many of its other files failed
  };
  // Opens what is there and builds what is missing. `items` index manifest.items; of none, the
  // store is empty. Files that do not decode are left out and listed, and tried again each time the
  // store is opened. Throws Error when more than max_skipped fail or none is left, and Interrupted
  // on stop.
  static ImageStore open(const std::filesystem::path& cache_dir, const Manifest& manifest,
                         std::span<const int64_t> items, const Preparation& preparation,
                         const Options& options, Log& log = null_log(),
                         const StopFlag& stop = never_stop());

  // Whether a part of this store exists.
  static bool begun(const std::filesystem::path& cache_dir, const Manifest& manifest,
                    std::span<const int64_t> items, const Preparation& preparation);

  int64_t size() const { return static_cast<int64_t>(item_.size()); }
  // The manifest's item behind position i, and its label.
  int64_t item(int64_t i) const { return item_[static_cast<size_t>(i)]; }
  int64_t label(int64_t i) const { return label_[static_cast<size_t>(i)]; }
  // What its views are drawn from: a hash of its prepared pixels, so that they are the same
  // whatever other files lie beside it.
  uint64_t seed(int64_t i) const { return seed_[static_cast<size_t>(i)]; }
  // Its size, and its pixels unless they stayed in the files.
  ImageView image(int64_t i) const { return image_[static_cast<size_t>(i)]; }
  // A view of it, in the renderer's planes. Throws Error, naming the file, where its pixels stayed
  // in it and it is no longer what it was.
  Planes& render(int64_t i, const View& view, const InputSpec& spec, Renderer& renderer) const;
  const std::vector<SkippedFile>& skipped() const { return skipped_; }
  // Names what is stored, the pixels of all images in their order: equal keys, equal images,
  // wherever the files are and whenever they were written.
  const std::string& key() const { return key_; }
  // The data set's folder, for people.
  const std::string& source() const { return source_; }

 private:
  std::string key_, source_;
  std::shared_ptr<const StoreUse> use_;
  // Where the pixels are; null when they are stored. The items are the store's own, in its order.
  std::shared_ptr<const Manifest> files_;
  std::vector<at::Tensor> shards_;  // keeps the maps alive
  std::vector<int64_t> item_, label_;
  std::vector<uint64_t> seed_;
  std::vector<ImageView> image_;
  std::vector<SkippedFile> skipped_;
};

}  // namespace retort::data
