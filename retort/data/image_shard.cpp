#include "retort/data/image_shard.h"

#include <ATen/ops/from_blob.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/core/safetensors.h"
#include "retort/core/unicode.h"

namespace retort::data {
namespace {

constexpr const char* kFormat = "retort-images-2";
constexpr int64_t kShardImages = 2048;
constexpr size_t kShardBytes = size_t{256} << 20;

std::string checksum(const uint8_t* pixels, size_t count) {
  return hash_hex(std::as_bytes(std::span(pixels, count)));
}

template <typename T>
at::Tensor tensor_of(const std::vector<T>& values, at::IntArrayRef shape, at::ScalarType type) {
  return at::from_blob(const_cast<T*>(values.data()), shape,
                       type);  // from_blob takes no const pointer; the data is only read
}

const std::string& text_field(const Metadata& metadata, const std::string& name) {
  const auto found = metadata.find(name);
  if (found == metadata.end()) throw Error("has no field '" + name + "'");
  return found->second;
}

int64_t number_field(const Metadata& metadata, const std::string& name) {
  const std::string& text = text_field(metadata, name);
  int64_t value = -1;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ptr !=
      text.data() + text.size())
    throw Error("the field '" + name + "' is no number");
  return value;
}

const at::Tensor& tensor_field(const StateDict& tensors, const std::string& name,
                               at::ScalarType type, int64_t dimensions) {
  const auto found = tensors.find(name);
  if (found == tensors.end() || found->second.scalar_type() != type ||
      found->second.dim() != dimensions)
    throw Error("has no proper tensor '" + name + "'");
  return found->second;
}

void require(bool good, const char* what) {
  if (!good) throw Error(what);
}

void read_skipped(const Metadata& metadata, Shard& shard) {
  const nlohmann::json list = nlohmann::json::parse(text_field(metadata, "skipped"));
  for (const nlohmann::json& entry : list) {
    const auto place = entry.at("place").get<int64_t>();
    require(place >= shard.first && place < shard.last, "a skipped file is out of place");
    shard.skipped.emplace_back(place, SkippedFile{entry.at("path").get<std::string>(),
                                                  entry.at("reason").get<std::string>()});
  }
}

void read_images(const StateDict& tensors, Shard& shard, Kept kept) {
  shard.pixels = tensor_field(tensors, "pixels", at::kByte, 1);
  const at::Tensor &offsets = tensor_field(tensors, "offsets", at::kLong, 1),
                   &sizes = tensor_field(tensors, "sizes", at::kLong, 2),
                   &seeds = tensor_field(tensors, "seeds", at::kLong, 1),
                   &places = tensor_field(tensors, "item", at::kLong, 1);
  const int64_t count = places.size(0);
  require(offsets.size(0) == count + 1 && sizes.size(0) == count && sizes.size(1) == 2 &&
              seeds.size(0) == count,
          "the tensors' shapes do not fit each other");
  const auto *offset = offsets.const_data_ptr<int64_t>(), *size = sizes.const_data_ptr<int64_t>(),
             *place = places.const_data_ptr<int64_t>();
  require(offset[0] == 0 && offset[count] == shard.pixels.numel(),
          "the offsets do not span the pixels");
  const auto* pixels = shard.pixels.const_data_ptr<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t height = size[2 * i], width = size[2 * i + 1];
    require(height >= 1 && width >= 1 && width <= kMaxPixels / height,
            "an image's size is out of range");
    const int64_t bytes = kept == Kept::pixels ? 3 * width * height : 0;
    require(
        offset[i] >= 0 && offset[i] <= shard.pixels.numel() && offset[i + 1] - offset[i] == bytes,
        "an image's bytes do not fit its size");
    require(place[i] >= (i == 0 ? shard.first : place[i - 1] + 1) && place[i] < shard.last,
            "the items are out of order");
    shard.places.push_back(place[i]);
    shard.seeds.push_back(static_cast<uint64_t>(seeds.const_data_ptr<int64_t>()[i]));
    shard.images.emplace_back(width, height, kept == Kept::pixels ? pixels + offset[i] : nullptr);
  }
  require(count + static_cast<int64_t>(shard.skipped.size()) == shard.last - shard.first,
          "images are missing");
}

}  // namespace

void ShardBuilder::add(const Image& image, uint64_t seed) {
  const auto number = static_cast<int64_t>(seed);
  if (kept_ == Kept::pixels)
    pixels_.insert(pixels_.end(), image.rgb.begin(), image.rgb.end());
  else
    seen_.number(number);
  offsets_.push_back(static_cast<int64_t>(pixels_.size()));
  sizes_.insert(sizes_.end(), {image.height, image.width});
  seeds_.push_back(number);
  places_.push_back(last_++);
}

void ShardBuilder::skip(SkippedFile file) { skipped_.emplace_back(last_++, std::move(file)); }

bool ShardBuilder::full() const {
  return last_ - first_ >= kShardImages || pixels_.size() >= kShardBytes;
}

void ShardBuilder::write(const std::filesystem::path& path, const std::string& key) const {
  nlohmann::json skipped = nlohmann::json::array();
  for (const auto& [place, file] : skipped_)
    skipped.push_back(
        {{"place", place}, {"path", as_utf8(file.path)}, {"reason", as_utf8(file.reason)}});
  const auto count = static_cast<int64_t>(places_.size());
  write_safetensors(
      path,
      {{"pixels", tensor_of(pixels_, {static_cast<int64_t>(pixels_.size())}, at::kByte)},
       {"offsets", tensor_of(offsets_, {count + 1}, at::kLong)},
       {"sizes", tensor_of(sizes_, {count, 2}, at::kLong)},
       {"seeds", tensor_of(seeds_, {count}, at::kLong)},
       {"item", tensor_of(places_, {count}, at::kLong)}},
      {{"format", kFormat},
       {"key", key},
       {"first", std::to_string(first_)},
       {"last", std::to_string(last_)},
       {"checksum", kept_ == Kept::pixels ? checksum(pixels_.data(), pixels_.size()) : seen_.hex()},
       {"skipped", skipped.dump()}});
}

Shard read_shard(const std::filesystem::path& path, const std::string& key, int64_t first,
                 int64_t count, Kept kept) try {
  const TensorFile file = read_safetensors(path);
  require(text_field(file.metadata, "format") == kFormat, "is of another format");
  require(text_field(file.metadata, "key") == key, "belongs to another store");
  Shard shard;
  shard.first = number_field(file.metadata, "first");
  shard.last = number_field(file.metadata, "last");
  require(shard.first == first && shard.last > first && shard.last <= count, "covers other items");
  read_skipped(file.metadata, shard);
  read_images(file.tensors, shard, kept);
  shard.checksum = text_field(file.metadata, "checksum");
  const auto bytes = static_cast<size_t>(shard.pixels.numel());
  require(kept == Kept::sizes ||
              shard.checksum == checksum(shard.pixels.const_data_ptr<uint8_t>(), bytes),
          "its checksum differs");
  return shard;
} catch (const nlohmann::json::exception&) {
  throw Error("the list of skipped files is malformed", path.string());
}

}  // namespace retort::data
