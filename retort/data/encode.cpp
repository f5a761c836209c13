#include "retort/data/encode.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>  // needs cstdio before it

#include "retort/core/error.h"

namespace retort::data {
namespace {

struct Encoder {
  struct Errors {
    jpeg_error_mgr base;  // must be first: libjpeg's pointer to it is cast to Errors
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
  };
  jpeg_compress_struct info{};
  Errors errors{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* errors = reinterpret_cast<Encoder::Errors*>(info->err);
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// A function with setjmp keeps no local that has a destructor.
bool compress(Encoder& encoder, const ImageView& image, int quality) {
  jpeg_compress_struct& info = encoder.info;
  info.err = jpeg_std_error(&encoder.errors.base);
  encoder.errors.base.error_exit = leave;
  if (setjmp(encoder.errors.jump) != 0) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &encoder.bytes, &encoder.size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    // libjpeg's interface is not const, but it only reads.
    JSAMPROW row =
        const_cast<uint8_t*>(image.rgb) + size_t{3} * info.image_width * info.next_scanline;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

std::string encode_jpeg(ImageView image, int quality) {
  if (quality < 1 || quality > 100)
    throw UsageError("a JPEG quality of " + std::to_string(quality) + " is not in [1, 100]");
  if (image.width < 1 || image.height < 1 || image.width > JPEG_MAX_DIMENSION ||
      image.height > JPEG_MAX_DIMENSION) {
    throw Error(std::to_string(image.width) + " x " + std::to_string(image.height) +
                " pixels cannot be written as JPEG");
  }
  Encoder encoder;
  if (!compress(encoder, image, quality))
    throw Error(std::string("cannot be written as JPEG: ") + encoder.errors.message);
  return {reinterpret_cast<const char*>(encoder.bytes), encoder.size};
}

}  // namespace retort::data
