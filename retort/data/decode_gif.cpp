#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"

namespace retort::data {
namespace {

// giflib reads from a function, and frees what it keeps itself.
class GifReader {
 public:
  GifReader(std::span<const std::byte> bytes, const std::string& name) : rest_(bytes), name_(name) {
    int error = 0;
    file_ = DGifOpen(this, take, &error);
    if (file_ == nullptr) refuse(error);
  }
  ~GifReader() { DGifCloseFile(file_, nullptr); }
  GifReader(const GifReader&) = delete;
  GifReader& operator=(const GifReader&) = delete;

  // The first frame, on a canvas of the whole picture.
  Image first_frame() {
    find_frame();
    const GifImageDesc& frame = file_->Image;
    const int64_t width = std::max(file_->SWidth, frame.Left + frame.Width),
                  height = std::max(file_->SHeight, frame.Top + frame.Height);
    const size_t count = checked_pixels(width, height, name_);
    checked_pixels(frame.Width, frame.Height, name_);
    std::vector<uint8_t> indices(count, transparent_ ? *transparent_ : 0);
    for (int row = 0; row < frame.Height; ++row) {
      const int y = frame.Interlace ? interlaced_row(row, frame.Height) : row;
      if (DGifGetLine(file_, indices.data() + (frame.Top + y) * width + frame.Left, frame.Width) ==
          GIF_ERROR)
        refuse(file_->Error);
    }
    return coloured(width, height, indices);
  }

 private:
  static int take(GifFileType* file, GifByteType* out, int count) {
    auto* reader = static_cast<GifReader*>(file->UserData);
    const size_t taken = std::min(reader->rest_.size(), static_cast<size_t>(count));
    std::memcpy(out, reader->rest_.data(), taken);
    reader->rest_ = reader->rest_.subspan(taken);
    return static_cast<int>(taken);
  }

  [[noreturn]] void refuse(int error) const {
    const char* why = GifErrorString(error);
    throw Error(std::string("does not decode as GIF: ") +
                    (why == nullptr ? "its data is malformed or cut" : why),
                name_);
  }

  void find_frame() {
    for (;;) {
      GifRecordType type = UNDEFINED_RECORD_TYPE;
      if (DGifGetRecordType(file_, &type) == GIF_ERROR) refuse(file_->Error);
      if (type == IMAGE_DESC_RECORD_TYPE) break;
      if (type == TERMINATE_RECORD_TYPE) throw Error("is a GIF without an image", name_);
      if (type == EXTENSION_RECORD_TYPE) read_extension();
    }
    if (DGifGetImageDesc(file_) == GIF_ERROR) refuse(file_->Error);
  }

  void read_extension() {
    int code = 0;
    GifByteType* block = nullptr;  // its length, then that many bytes
    if (DGifGetExtension(file_, &code, &block) == GIF_ERROR) refuse(file_->Error);
    if (code == GRAPHICS_EXT_FUNC_CODE && block != nullptr && block[0] >= 4 && (block[1] & 1) != 0)
      transparent_ = block[4];
    while (block != nullptr)
      if (DGifGetExtensionNext(file_, &block) == GIF_ERROR) refuse(file_->Error);
  }

  // The rows come in four passes: every eighth from 0, every eighth from 4, every fourth from 2,
  // every second from 1.
  static int interlaced_row(int number, int height) {
    constexpr std::array<std::array<int, 2>, 4> kPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
    for (const auto& [start, step] : kPasses) {
      const int rows = (height - start + step - 1) / step;
      if (number < rows) return start + number * step;
      number -= std::max(rows, 0);
    }
    return height - 1;
  }

  // Without a palette an index is a grey value; an index beyond the palette is black.
  Image coloured(int64_t width, int64_t height, const std::vector<uint8_t>& indices) const {
    const ColorMapObject* map =
        file_->Image.ColorMap != nullptr ? file_->Image.ColorMap : file_->SColorMap;
    std::array<std::array<uint8_t, 3>, 256> colours{};
    for (int i = 0; i < 256; ++i) {
      auto& colour = colours[static_cast<size_t>(i)];
      if (map == nullptr) colour.fill(static_cast<uint8_t>(i));
      if (map != nullptr && i < map->ColorCount)
        colour = {map->Colors[i].Red, map->Colors[i].Green, map->Colors[i].Blue};
    }
    if (transparent_) colours[*transparent_].fill(255);  // over white
    Image image{width, height, std::vector<uint8_t>(3 * indices.size())};
    for (size_t i = 0; i < indices.size(); ++i)
      std::copy_n(colours[indices[i]].begin(), 3, image.rgb.begin() + static_cast<int64_t>(3 * i));
    return image;
  }

  std::span<const std::byte> rest_;
  const std::string& name_;
  GifFileType* file_ = nullptr;
  std::optional<uint8_t> transparent_;
};

}  // namespace

Image decode_gif(std::span<const std::byte> bytes, const std::string& name) {
  return GifReader(bytes, name).first_frame();
}

}  // namespace retort::data
