#include <array>
#include <fstream>
#include <span>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/entries.h"
#include "retort/data/layouts.h"
#include "retort/data/listing.h"

// The binary versions of CIFAR-10 (cifar-10-batches-bin) and CIFAR-100 (cifar-100-binary),
// Krizhevsky 2009: records of one or two label bytes and 32 × 32 pixels, the red plane first.
// CIFAR-100's labels are the coarse one and the fine one; the fine one is the class.
namespace retort::data::cifar {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kSide = 32;
constexpr int64_t kPlane = kSide * kSide;
constexpr const char* kUnpack = "unpack the data set's archive (the binary version) again";

struct Kind {
  const char* classes;  // a text file, one name a line
  std::array<const char*, 5> train;
  const char* test;
  int64_t labels;  // bytes before the pixels, the last of which is the class

  int64_t record_bytes() const { return labels + 3 * kPlane; }
};

constexpr Kind kTen{"batches.meta.txt",
                    {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                     "data_batch_5.bin"},
                    "test_batch.bin",
                    1};
constexpr Kind kHundred{"fine_label_names.txt", {"train.bin"}, "test.bin", 2};

const Kind* kind_of(const fs::path& folder) {
  for (const Kind* kind : {&kTen, &kHundred}) {
    if (has_file(folder, kind->classes) && has_file(folder, kind->train[0])) return kind;
  }
  return nullptr;
}

bool recognise(const fs::path& folder) { return kind_of(folder) != nullptr; }

const Kind& known_kind_of(const fs::path& folder) {
  if (const Kind* kind = kind_of(folder)) return *kind;
  throw Error("no longer holds CIFAR's files", folder.string(), kUnpack);
}

int64_t records_in(int64_t bytes, const Kind& kind, const fs::path& file) {
  if (bytes > 0 && bytes % kind.record_bytes() == 0) return bytes / kind.record_bytes();
  throw Error("has " + std::to_string(bytes) + " bytes, not a whole number of records of " +
                  std::to_string(kind.record_bytes()),
              file.string(), kUnpack);
}

void add_records(const fs::path& folder, const std::string& name, const Kind& kind,
                 const std::vector<Line>& classes, Split split, Entries& entries) {
  const fs::path file = folder / name;
  if (!has_file(folder, name)) throw Error("the file is missing", file.string(), kUnpack);
  const MappedFile map(file);
  const std::span<const std::byte> bytes = map.bytes();
  const int64_t count = records_in(static_cast<int64_t>(bytes.size()), kind, file);
  const Place where = place_of(file.string());
  for (int64_t i = 0; i < count; ++i) {
    const auto label =
        static_cast<size_t>(bytes[static_cast<size_t>(i * kind.record_bytes() + kind.labels - 1)]);
    if (label >= classes.size()) {
      throw Error("record " + std::to_string(i) + " has the label " + std::to_string(label) + ", " +
                      kind.classes + " names " + std::to_string(classes.size()) + " classes",
                  file.string(), kUnpack);
    }
    entries.push_back({name + "#" + std::to_string(i), classes[label].text, split, where});
  }
}

Manifest read(const fs::path& folder, const ManifestOptions& options) {
  const Kind& kind = known_kind_of(folder);
  const std::vector<Line> classes = lines_of(folder / kind.classes);
  Entries entries;
  for (const char* name : kind.train) {
    if (name != nullptr) add_records(folder, name, kind, classes, Split::train, entries);
  }
  add_records(folder, kind.test, kind, classes, Split::test, entries);
  return assemble(folder, std::move(entries), options, folder.string());
}

Image read_record(const fs::path& file, int64_t number) {
  const Kind& kind = known_kind_of(file.parent_path());
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) throw Error("cannot be read", file.string());
  const int64_t count = records_in(stream.tellg(), kind, file);
  if (number >= count)
    throw Error(
        "has " + std::to_string(count) + " records, there is no number " + std::to_string(number),
        file.string());
  std::array<char, 3 * kPlane> planes{};
  stream.seekg(number * kind.record_bytes() + kind.labels);
  if (!stream.read(planes.data(), planes.size())) throw Error("cannot be read", file.string());
  Image image{kSide, kSide, std::vector<uint8_t>(planes.size())};
  for (size_t i = 0; i < kPlane; ++i) {
    for (size_t c = 0; c < 3; ++c)
      image.rgb[3 * i + c] = static_cast<uint8_t>(planes[c * kPlane + i]);
  }
  return image;
}

}  // namespace

RETORT_REGISTER_LAYOUT({.name = "CIFAR-10 and CIFAR-100",
                        .recognise = recognise,
                        .read = read,
                        .record = read_record});

}  // namespace retort::data::cifar
