#include "retort/weights/zip_pth.h"

#include <ATen/ops/empty.h>
#include <caffe2/serialize/in_memory_adapter.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <span>
#include <tuple>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::weights {
namespace {

using caffe2::serialize::MemoryReadAdapter;
using caffe2::serialize::PyTorchStreamReader;

constexpr const char* kDamaged = "the zip archive is truncated or damaged";
constexpr const char* kSaveAgain = "write the file again with torch.save";

template <typename T>
T number_at(std::span<const std::byte> bytes, uint64_t at, const std::string& where) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) throw Error(kDamaged, where);
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// The central directory (PKWARE APPNOTE 4.3.12 to 4.3.16), found in the way miniz finds it.
std::span<const std::byte> central_directory(std::span<const std::byte> file,
                                             const std::string& where) {
  constexpr uint64_t kEnd = 22, kLocator = 20, kEnd64 = 56;
  if (file.size() < kEnd) throw Error(kDamaged, where);
  const uint64_t end = file.size() - kEnd;
  if (number_at<uint32_t>(file, end, where) != 0x06054b50) throw Error(kDamaged, where);
  uint64_t size = number_at<uint32_t>(file, end + 12, where),
           offset = number_at<uint32_t>(file, end + 16, where);
  if (end >= kLocator + kEnd64 && number_at<uint32_t>(file, end - kLocator, where) == 0x07064b50) {
    const uint64_t end64 = number_at<uint64_t>(file, end - kLocator + 8, where);
    if (number_at<uint32_t>(file, end64, where) == 0x06064b50) {
      size = number_at<uint64_t>(file, end64 + 40, where);
      offset = number_at<uint64_t>(file, end64 + 48, where);
    }
  }
  if (offset > file.size() || size > file.size() - offset) throw Error(kDamaged, where);
  return file.subspan(offset, size);
}

// PyTorchStreamReader inflates some records in its constructor, so that records larger than the
// file are refused before.
void check_record_sizes(std::span<const std::byte> file, const std::string& where) {
  constexpr uint32_t kSizeElsewhere = 0xffffffff;  // the size is 4 GiB or more, in a zip64 field
  const auto directory = central_directory(file, where);
  uint64_t at = 0;
  while (at < directory.size()) {
    if (number_at<uint32_t>(directory, at, where) != 0x02014b50) throw Error(kDamaged, where);
    const bool stored = number_at<uint16_t>(directory, at + 10, where) == 0;
    const uint32_t size = number_at<uint32_t>(directory, at + 24, where);
    if (size > file.size() || (!stored && size == kSizeElsewhere))
      throw Error("a record claims more bytes than the file has", where, kSaveAgain);
    uint64_t length = 46;
    for (const uint64_t field : {28, 30, 32})
      length += number_at<uint16_t>(directory, at + field, where);
    at += length;
  }
}

class Archive {
 public:
  Archive(const std::shared_ptr<const MappedFile>& file, std::string where)
      : file_(file), where_(std::move(where)), left_(file->bytes().size()) {
    check_record_sizes(file->bytes(), where_);
    guarded([&] {
      reader_ = std::make_unique<PyTorchStreamReader>(std::make_shared<MemoryReadAdapter>(
          file->bytes().data(), static_cast<off_t>(file->bytes().size())));
    });
  }

  bool has(const std::string& name) {
    return guarded([&] { return reader_->hasRecord(name); });
  }

  bool is_torchscript() {
    const auto names = guarded([&] { return reader_->getAllRecords(); });
    return std::ranges::any_of(names, [](const std::string& name) {
      return name == "constants.pkl" || name.starts_with("code/");
    });
  }

  // The size of a record. Records are stored uncompressed, so that together they cannot be larger
  // than the file; an archive that claims more is made to exhaust memory.
  uint64_t claim(const std::string& name) {
    const uint64_t size = guarded([&] { return reader_->getRecordSize(name); });
    if (size > left_)
      throw Error("the record " + quote_name(name) + " claims more bytes than the file has", where_,
                  kSaveAgain);
    left_ -= size;
    return size;
  }

  void read(const std::string& name, void* to, uint64_t size) {
    guarded([&] { return reader_->getRecord(name, to, size); });
  }

  std::string text(const std::string& name) {
    std::string bytes(claim(name), '\0');
    read(name, bytes.data(), bytes.size());
    return bytes;
  }

  const std::string& where() const { return where_; }

 private:
  template <typename Work>
  auto guarded(Work&& work) -> decltype(work()) {
    try {
      return work();
    } catch (const std::exception&) {
      throw Error(kDamaged, where_);
    }
  }

  std::shared_ptr<const MappedFile> file_;
  std::string where_;
  uint64_t left_;
  std::unique_ptr<PyTorchStreamReader> reader_;
};

at::Tensor read_storage(Archive& archive, const std::string& key, const StorageType& type) {
  const std::string name = "data/" + key;
  if (!archive.has(name))
    throw Error("the record " + quote_name(name) + " is missing", archive.where());
  const uint64_t size = archive.claim(name);
  uint64_t needed = 0;
  if (type.numel < 0 ||
      __builtin_mul_overflow(static_cast<uint64_t>(type.numel), c10::elementSize(type.type),
                             &needed) ||
      needed != size) {
    throw Error("the record " + quote_name(name) + " has " + std::to_string(size) +
                    " bytes, which is not what its " + std::to_string(type.numel) +
                    " elements need",
                archive.where());
  }
  at::Tensor storage = at::empty({type.numel}, at::TensorOptions().dtype(type.type));
  archive.read(name, storage.mutable_data_ptr(), size);
  return storage;
}

PickledFile object_in(const std::shared_ptr<Archive>& archive, const std::string& where) {
  const std::string pickle = archive->text("data.pkl");
  return {read_pickle(std::as_bytes(std::span(pickle)), where + ", data.pkl"),
          [archive](const std::string& key, const StorageType& type) {
            return read_storage(*archive, key, type);
          }};
}

}  // namespace

PickledFile open_zip_pth(const std::shared_ptr<const MappedFile>& file, const std::string& where) {
  const auto archive = std::make_shared<Archive>(file, where);
  if (archive->is_torchscript())
    throw Error("is a TorchScript program, not a weight file", where,
                "save its weights: torch.save(module.state_dict(), path)");
  if (!archive->has("data.pkl"))
    throw Error("is a zip archive without data.pkl, so not one that torch.save wrote", where);
  if (archive->has("byteorder") && archive->text("byteorder") != "little")
    throw Error("its numbers are big-endian", where, "save it again on a little-endian machine");
  return object_in(archive, where);
}

PickledFile open_torchscript(const std::shared_ptr<const MappedFile>& file,
                             const std::string& where) {
  const auto archive = std::make_shared<Archive>(file, where);
  if (!archive->has("data.pkl")) throw Error("is a TorchScript program without data.pkl", where);
  return object_in(archive, where);
}

bool holds_torchscript(const std::filesystem::path& path) {
  try {
    return Archive(std::make_shared<const MappedFile>(path), path.string()).is_torchscript();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace retort::weights
