#include "retort/data/image_store.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/core/quote.h"
#include "retort/data/image_shard.h"
#include "retort/data/view.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kGroup = 256;  // images decoded between checks of the shard's size; fixed,
                                 // because shards end where groups end
constexpr size_t kNamed = 20;    // skipped files that get a line of their own in the log

struct Decoded {
  Image image;
  uint64_t seed = 0;     // a hash of its pixels
  std::string reason{};  // why there is no image; empty otherwise
};

uint64_t seed_of(const Image& image) {
  return Hasher()
      .number(image.width)
      .number(image.height)
      .bytes(std::as_bytes(std::span(image.rgb)))
      .hash()
      .low;
}

// What a store is built from. A place is an index into `items`.
struct Source {
  const Manifest& manifest;
  std::span<const int64_t> items;
  const Preparation& preparation;

  int64_t count() const { return static_cast<int64_t>(items.size()); }
  Kept kept() const { return preparation.in_files ? Kept::sizes : Kept::pixels; }
  int64_t item(int64_t place) const { return items[static_cast<size_t>(place)]; }
  const std::string& path(int64_t place) const {
    return manifest.items[static_cast<size_t>(item(place))].path;
  }

  Decoded decode(int64_t place) const try {
    return {preparation.apply(manifest.read(item(place), preparation.enough))};
  } catch (const std::bad_alloc&) {
    throw;  // not the file's fault
  } catch (const std::exception& error) {
    const std::string message = shown(error.what(), (manifest.root / path(place)).string());
    return {.image = {}, .reason = message.substr(0, message.find("\n  to mend it"))};
  }

  // The message with control characters escaped, also those in the file's name, which it may
  // contain.
  static std::string shown(const std::string& message, const std::string& file) {
    const size_t at = message.find(file);
    if (at == std::string::npos) return printable_message(message);
    return message.substr(0, at) + printable(file) +
           printable_message(message.substr(at + file.size()));
  }

  // Decodes an image and drops at once what the shard does not keep, so that a group of large
  // photographs does not fill the memory.
  Decoded decode_kept(int64_t place) const {
    Decoded decoded = decode(place);
    if (!decoded.reason.empty()) return decoded;
    decoded.seed = seed_of(decoded.image);
    if (kept() == Kept::sizes) decoded.image.rgb = {};
    return decoded;
  }
};

// The name of the store's folder: a hash of what its content is decoded from.
std::string folder_key(const Source& source) {
  Hasher hasher;
  // The number is raised when decode() starts to give other pixels for the same file.
  hasher.text("retort-images-3")
      .text(source.manifest.digest())
      .text(source.preparation.key)
      .number(source.count());
  for (const int64_t item : source.items) hasher.number(item);
  return hasher.hex();
}

fs::path folder_of(const fs::path& cache_dir, const std::string& key) {
  return cache_dir / "images" / key;
}

// Adds decoded images to a shard in the order of their places; an image waits until all before it
// are decoded.
class OrderedAdds {
 public:
  OrderedAdds(const Source& source, ShardBuilder& builder, size_t count)
      : source_(source), builder_(builder), waiting_(count) {}

  void add(size_t number, Decoded decoded) {
    const std::lock_guard lock(mutex_);
    waiting_[number] = std::move(decoded);
    for (; added_ < waiting_.size() && waiting_[added_]; ++added_) {
      Decoded& next = *waiting_[added_];
      if (next.reason.empty()) {
        builder_.add(next.image, next.seed);
      } else {
        builder_.skip({source_.path(builder_.last()), std::move(next.reason)});
      }
      waiting_[added_].reset();
    }
  }

 private:
  const Source& source_;
  ShardBuilder& builder_;
  std::mutex mutex_;
  std::vector<std::optional<Decoded>> waiting_;
  size_t added_ = 0;
};

// Each thread takes the next file when it has finished one, because files differ much in cost.
void add_group(const Source& source, ShardBuilder& builder, int64_t last, const StopFlag& stop) {
  const int64_t first = builder.last();
  OrderedAdds adds(source, builder, static_cast<size_t>(last - first));
  std::atomic<int64_t> next{first};
  at::parallel_for(0, std::min<int64_t>(at::get_num_threads(), last - first), 1,
                   [&](int64_t begin, int64_t end) {
                     for (int64_t worker = begin; worker < end; ++worker) {
                       for (int64_t place = next++;
                            place < last && !stop.load(std::memory_order_relaxed); place = next++) {
                         adds.add(static_cast<size_t>(place - first), source.decode_kept(place));
                       }
                     }
                   });
  check_stop(stop, "decoding images");
}

void build_shard(const Source& source, int64_t first, const fs::path& path, const std::string& key,
                 Meter& meter, const StopFlag& stop) {
  ShardBuilder builder(first, source.kept());
  while (!builder.full() && builder.last() < source.count()) {
    const int64_t begin = builder.last();
    add_group(source, builder, std::min(begin + kGroup, source.count()), stop);
    meter.add(builder.last() - begin);
  }
  builder.write(path, key);
}

std::optional<Shard> open_shard(const fs::path& path, const std::string& key, int64_t first,
                                const Source& source, Log& log) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  try {
    return read_shard(path, key, first, source.count(), source.kept());
  } catch (const Error& error) {
    log.warn("a file of the image store is damaged and will be made again: " + path.string() +
             ": " + error.what());
    return std::nullopt;
  }
}

// Whether a skipped file decodes now: it may have been unreadable for a while (permissions, a
// network share). Trying a broken file again takes little time.
bool outdated(const Shard& shard, const Source& source) {
  return std::ranges::any_of(shard.skipped, [&](const auto& skipped) {
    return source.decode(skipped.first).reason.empty();
  });
}

void check_skipped(const std::vector<SkippedFile>& skipped, size_t total,
                   const ImageStore::Options& options, const std::string& root, Log& log) {
  for (size_t i = 0; i < std::min(skipped.size(), kNamed); ++i)
    log.warn("left out: " + skipped[i].reason);
  if (skipped.size() > kNamed)
    log.warn("and " + std::to_string(skipped.size() - kNamed) + " more files left out");
  if (skipped.size() == total)
    throw Error(
        "none of the " + std::to_string(total) + " images decodes; the first: " + skipped[0].reason,
        root);
  if (skipped.empty()) return;
  const int64_t failed = std::ssize(skipped) + options.skipped_elsewhere;
  const int64_t images = options.images > 0 ? options.images : static_cast<int64_t>(total);
  if (static_cast<double>(failed) <= options.max_skipped * static_cast<double>(images)) return;
  throw Error(std::to_string(failed) + " of " + std::to_string(images) +
                  " images do not decode; the first: " + skipped[0].reason,
              root, "mend or remove these files, or allow a larger share of them: --max-skipped");
}

}  // namespace

Preparation bounded(int64_t side) {
  // Decoding at a reduced size of at least twice `side` loses only detail that the resize removes
  // anyway; PIL's thumbnail uses the same factor.
  return {"short side at most " + std::to_string(side) + ", decoded at " +
              std::to_string(2 * side) + " or more",
          [side](Image image) {
            const int64_t shorter = std::min(image.width, image.height);
            if (shorter <= side) return image;
            const auto scaled = [&](int64_t length) {
              return static_cast<int64_t>(static_cast<double>(side * length) /
                                          static_cast<double>(shorter));
            };
            return resize(image, scaled(image.width), scaled(image.height),
                          Interpolation::bilinear);
          },
          2 * side};
}

Preparation in_files() {
  return {
      .key = "as it is, in its file", .apply = [](Image image) { return image; }, .in_files = true};
}

int64_t estimated_bytes(const Manifest& manifest, std::span<const int64_t> items,
                        const Preparation& preparation) {
  constexpr size_t kLooks = 32;
  const Source source{manifest, items, preparation};
  const size_t step = std::max<size_t>(items.size() / kLooks, 1);
  size_t bytes = 0, images = 0;
  for (size_t place = 0; place < items.size(); place += step) {
    const Decoded decoded = source.decode(static_cast<int64_t>(place));
    if (!decoded.reason.empty()) continue;
    bytes += decoded.image.rgb.size();
    ++images;
  }
  return images == 0
             ? 0
             : static_cast<int64_t>(static_cast<double>(bytes) / static_cast<double>(images) *
                                    static_cast<double>(items.size()));
}

Preparation for_evaluation(const InputSpec& spec) {
  return {"resize " + std::to_string(resize_side(spec)) + " crop " + std::to_string(spec.size) +
              " " + to_string(spec.interpolation),
          [spec](const Image& image) { return render_eval(image, spec); }};
}

bool ImageStore::begun(const fs::path& cache_dir, const Manifest& manifest,
                       std::span<const int64_t> items, const Preparation& preparation) {
  std::error_code ignored;
  return fs::exists(folder_of(cache_dir, folder_key({manifest, items, preparation})), ignored);
}

ImageStore ImageStore::open(const fs::path& cache_dir, const Manifest& manifest,
                            std::span<const int64_t> items, const Preparation& preparation,
                            const Options& options, Log& log, const StopFlag& stop) {
  if (items.empty()) return {};
  const Source source{manifest, items, preparation};
  ImageStore store;
  const std::string key = folder_key(source);
  const fs::path folder = folder_of(cache_dir, key);
  store.source_ = fs::absolute(manifest.root).lexically_normal().string();
  store.use_ = StoreUse::begin(cache_dir, "images", key,
                               {{"data", store.source_},
                                {"images", std::to_string(source.count())},
                                {"kept", preparation.key}},
                               log);
  store.item_.reserve(items.size());
  store.label_.reserve(items.size());
  store.image_.reserve(items.size());
  store.seed_.reserve(items.size());
  Hasher content;
  std::optional<Meter> meter;
  int64_t number = 0;
  for (int64_t first = 0; first < source.count(); ++number) {
    check_stop(stop, "opening the image store");
    char name[40];
    std::snprintf(name, sizeof name, "shard-%05lld.safetensors", static_cast<long long>(number));
    std::optional<Shard> shard = open_shard(folder / name, key, first, source, log);
    if (!shard || outdated(*shard, source)) {
      if (!meter) meter.emplace(log, "decoding images", source.count(), first);
      build_shard(source, first, folder / name, key, *meter, stop);
      shard = read_shard(folder / name, key, first, source.count(), source.kept());
    } else if (meter) {
      meter->found(shard->last - shard->first);
    }
    for (size_t i = 0; i < shard->places.size(); ++i) {
      const int64_t item = source.item(shard->places[i]);
      store.item_.push_back(item);
      store.label_.push_back(manifest.items[static_cast<size_t>(item)].label);
      store.image_.push_back(shard->images[i]);
      store.seed_.push_back(shard->seeds[i]);
      content.number(shard->images[i].width).number(shard->images[i].height);
    }
    content.text(shard->checksum);
    for (auto& [place, file] : shard->skipped) store.skipped_.push_back(std::move(file));
    store.shards_.push_back(shard->pixels);
    first = shard->last;
  }
  check_skipped(store.skipped_, items.size(), options, printable(manifest.root.string()), log);
  if (preparation.in_files) {
    content.text("in files");  // large crops are decoded at reduced size
    Manifest files{manifest.root, {}, {}};
    files.items.reserve(store.item_.size());
    for (const int64_t item : store.item_)
      files.items.push_back(manifest.items[static_cast<size_t>(item)]);
    store.files_ = std::make_shared<const Manifest>(std::move(files));
  }
  store.key_ = content.hex();
  return store;
}

Planes& ImageStore::render(int64_t i, const View& view, const InputSpec& spec,
                           Renderer& renderer) const {
  if (files_ == nullptr) return renderer.view(image(i), view, spec);
  // Large crops are decoded at a reduced size, as whole images are in bounded().
  return renderer.view(files_->read_part(i, crop_of(view), 2 * spec.size), view, spec);
}

}  // namespace retort::data
