#include "retort/data/image_store.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <new>
#include <optional>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/data/image_shard.h"
#include "retort/data/view.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kGroup = 256;  // images decoded between looks at the shard's size; fixed, because shards end where groups do
constexpr size_t kNamed = 20;    // skipped files that get a line of their own in the log

struct Decoded {
  Image image;
  std::string reason;  // why there is none
};

// What a build needs to know, and one place in its list.
struct Source {
  const Manifest& manifest;
  std::span<const int64_t> items;
  const Preparation& preparation;

  int64_t count() const { return static_cast<int64_t>(items.size()); }
  Kept kept() const { return preparation.in_files ? Kept::sizes : Kept::pixels; }
  int64_t item(int64_t place) const { return items[static_cast<size_t>(place)]; }
  const std::string& path(int64_t place) const { return manifest.items[static_cast<size_t>(item(place))].path; }

  Decoded decode(int64_t place) const try {
    Image image = manifest.read(item(place), preparation.enough);
    return {preparation.apply(std::move(image)), ""};
  } catch (const std::bad_alloc&) {
    throw;  // the machine's fault, not the file's
  } catch (const std::exception& error) {
    return {{}, error.what()};
  }
};

// Of the folder: what is decoded for it.
std::string folder_key(const Source& source) {
  Hasher hasher;
  hasher.text("retort-images-1").text(source.manifest.digest()).text(source.preparation.key).number(source.count());
  for (const int64_t item : source.items) hasher.number(item);
  return hasher.hex();
}

fs::path folder_of(const fs::path& cache_dir, const std::string& key) { return cache_dir / "images" / key; }

// Each thread takes the next file when it is done with one: files differ much in cost.
std::vector<Decoded> decode_group(const Source& source, int64_t first, int64_t last, const StopFlag& stop) {
  std::vector<Decoded> group(static_cast<size_t>(last - first));
  std::atomic<int64_t> next{first};
  at::parallel_for(0, std::min<int64_t>(at::get_num_threads(), last - first), 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; ++worker) {
      for (int64_t place = next++; place < last && !stop.load(std::memory_order_relaxed); place = next++) {
        group[static_cast<size_t>(place - first)] = source.decode(place);
      }
    }
  });
  check_stop(stop, "decoding images");
  return group;
}

void build_shard(const Source& source, int64_t first, const fs::path& path, const std::string& key, Meter& meter, const StopFlag& stop) {
  ShardBuilder builder(first, source.kept());
  while (!builder.full() && builder.last() < source.count()) {
    const int64_t begin = builder.last();
    for (Decoded& decoded : decode_group(source, begin, std::min(begin + kGroup, source.count()), stop)) {
      if (decoded.reason.empty()) {
        builder.add(decoded.image);
      } else {
        builder.skip({source.path(builder.last()), std::move(decoded.reason)});
      }
    }
    meter.add(builder.last() - begin);
  }
  builder.write(path, key);
}

std::optional<Shard> open_shard(const fs::path& path, const std::string& key, int64_t first, const Source& source, Log& log) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  try {
    return read_shard(path, key, first, source.count(), source.kept());
  } catch (const Error& error) {
    log.warn("a file of the image store is damaged and will be made again: " + path.string() + ": " + error.what());
    return std::nullopt;
  }
}

// A file that could not be read then (permissions, a share that was away) may decode now; one that is broken takes no time to refuse again.
bool outdated(const Shard& shard, const Source& source) {
  return std::ranges::any_of(shard.skipped, [&](const auto& skipped) { return source.decode(skipped.first).reason.empty(); });
}

void check_skipped(const std::vector<SkippedFile>& skipped, size_t total, double max_skipped, const std::string& root, Log& log) {
  for (size_t i = 0; i < std::min(skipped.size(), kNamed); ++i) log.warn("left out: " + skipped[i].reason);
  if (skipped.size() > kNamed) log.warn("and " + std::to_string(skipped.size() - kNamed) + " more files left out");
  if (skipped.size() == total)
    throw Error("none of the " + std::to_string(total) + " images decodes; the first: " + skipped[0].reason, root);
  if (static_cast<double>(skipped.size()) <= max_skipped * static_cast<double>(total)) return;
  throw Error(std::to_string(skipped.size()) + " of " + std::to_string(total) + " images do not decode; the first: " + skipped[0].reason,
              root, "mend or remove these files, or allow a larger share of them: --max-skipped");
}

}  // namespace

Preparation bounded(int64_t side) {
  // From twice the size on, what a reduced decoding loses is gone after the resize as well: PIL's thumbnail asks for as much.
  return {"short side at most " + std::to_string(side) + ", decoded at " + std::to_string(2 * side) + " or more",
          [side](Image image) {
            const int64_t shorter = std::min(image.width, image.height);
            if (shorter <= side) return image;
            const auto scaled = [&](int64_t length) {
              return static_cast<int64_t>(static_cast<double>(side * length) / static_cast<double>(shorter));
            };
            return resize(image, scaled(image.width), scaled(image.height), Interpolation::bilinear);
          },
          2 * side};
}

Preparation in_files() {
  return {.key = "as it is, in its file", .apply = [](Image image) { return image; }, .in_files = true};
}

int64_t estimated_bytes(const Manifest& manifest, std::span<const int64_t> items, const Preparation& preparation) {
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
  return images == 0 ? 0
                     : static_cast<int64_t>(static_cast<double>(bytes) / static_cast<double>(images) * static_cast<double>(items.size()));
}

Preparation for_evaluation(const InputSpec& spec) {
  return {"resize " + std::to_string(resize_side(spec)) + " crop " + std::to_string(spec.size) + " " + to_string(spec.interpolation),
          [spec](const Image& image) { return render_eval(image, spec); }};
}

bool ImageStore::begun(const fs::path& cache_dir, const Manifest& manifest, std::span<const int64_t> items,
                       const Preparation& preparation) {
  std::error_code ignored;
  return fs::exists(folder_of(cache_dir, folder_key({manifest, items, preparation})), ignored);
}

ImageStore ImageStore::open(const fs::path& cache_dir, const Manifest& manifest, std::span<const int64_t> items,
                            const Preparation& preparation, const Options& options, Log& log, const StopFlag& stop) {
  if (items.empty()) return {};
  const Source source{manifest, items, preparation};
  ImageStore store;
  const std::string key = folder_key(source);
  const fs::path folder = folder_of(cache_dir, key);
  store.source_ = fs::absolute(manifest.root).lexically_normal().string();
  store.use_ = StoreUse::begin(cache_dir, "images", key,
                               {{"data", store.source_}, {"images", std::to_string(source.count())}, {"kept", preparation.key}}, log);
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
      content.number(shard->images[i].width).number(shard->images[i].height);
    }
    content.text(shard->checksum);
    for (auto& [place, file] : shard->skipped) store.skipped_.push_back(std::move(file));
    store.shards_.push_back(shard->pixels);
    first = shard->last;
  }
  check_skipped(store.skipped_, items.size(), options.max_skipped, manifest.root.string(), log);
  if (preparation.in_files) {
    content.text("in files");  // large crops come at reduced size
    store.files_ = std::make_shared<const Manifest>(manifest);
  }
  store.key_ = content.hex();
  return store;
}

Planes& ImageStore::render(int64_t i, const View& view, const InputSpec& spec, Renderer& renderer) const {
  if (files_ == nullptr) return renderer.view(image(i), view, spec);
  // At a reduced size from where a whole image would be (bounded).
  return renderer.view(files_->read_part(item(i), crop_of(view), 2 * spec.size), view, spec);
}

}  // namespace retort::data
