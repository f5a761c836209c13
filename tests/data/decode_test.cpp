#include "retort/data/decode.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cstring>
#include <set>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/random.h"
#include "retort/core/safetensors.h"
#include "retort/data/encode.h"
#include "retort/data/image_kind.h"
#include "retort/data/window.h"
#include "tests/data/folder.h"
#include "tests/data/photos.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

using testing::fixture;

Image decode_text(std::string_view text) { return decode(std::as_bytes(std::span(text)), "name"); }

// The fixtures of the formats that this build reads.
std::vector<std::filesystem::path> fixtures() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(fixture("images"))) {
    if (is_image_name(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(Decode, PixelsAreThoseOfPil) {
  const StateDict expected = read_safetensors(fixture("decoded.safetensors")).tensors;
  EXPECT_EQ(expected.size(), 111U);
  for (const auto& [name, pixels] : expected) {
    if (!is_image_name(name)) continue;  // a build without its library
    const Image image = decode_file(fixture("images") / name);
    ASSERT_EQ(image.height, pixels.size(0)) << name;
    ASSERT_EQ(image.width, pixels.size(1)) << name;
    ASSERT_EQ(image.rgb.size(), static_cast<size_t>(pixels.numel())) << name;
    const auto* wanted = pixels.const_data_ptr<uint8_t>();
    int64_t worst = 0;
    for (size_t i = 0; i < image.rgb.size(); ++i)
      worst = std::max<int64_t>(worst, std::abs(image.rgb[i] - wanted[i]));
    // AV1's colours are made by libavif, which rounds differently from version to version.
    EXPECT_LE(worst, name.ends_with(".avif") ? 2 : 0) << name;
  }
}

TEST(Decode, ReducedPixelsAreThoseOfPilsDraft) {
  const StateDict expected = read_safetensors(fixture("reduced.safetensors")).tensors;
  EXPECT_EQ(expected.size(), 84U);
  for (const auto& [name, pixels] : expected) {
    const size_t slash = name.find('/');
    const Image image = decode_file(fixture("images") / name.substr(0, slash),
                                    29 / std::stoll(name.substr(slash + 1)));
    ASSERT_EQ(image.height, pixels.size(0)) << name;
    ASSERT_EQ(image.width, pixels.size(1)) << name;
    EXPECT_EQ(std::memcmp(image.rgb.data(), pixels.const_data_ptr<uint8_t>(), image.rgb.size()), 0)
        << name;
  }
}

TEST(Decode, NothingIsReducedBelowWhatIsEnough) {
  EXPECT_EQ(decode_file(fixture("images/rgb_420.jpg"), 15).height, 29);  // 29 / 2 is 14
  EXPECT_EQ(decode_file(fixture("images/rgb_420.jpg"), 14).height, 15);
  EXPECT_EQ(decode_file(fixture("images/rgb.png"), 3).height, 29);  // only JPEG can
}

Window draw_window(CounterRng& rng, int64_t width, int64_t height) {
  const int64_t top = rng.below(height), left = rng.below(width);
  return {top, left, 1 + rng.below(height - top), 1 + rng.below(width - left)};
}

void expect_part_of(const Image& whole, const Window& window, const Part& part,
                    const std::string& name) {
  ASSERT_EQ(part.window.height, window.height) << name;
  ASSERT_EQ(part.window.width, window.width) << name;
  ASSERT_EQ(static_cast<int64_t>(part.image.rgb.size()), 3 * part.image.width * part.image.height)
      << name;
  const Image expected = cut(whole, window), actual = cut(part.image, part.window);
  EXPECT_EQ(actual.rgb, expected.rgb) << name << ": " << window.width << " x " << window.height
                                      << " at " << window.left << ", " << window.top;
}

// For every kind of file, also one with many blocks, and for a reduced image.
TEST(Decode, APartHasThePixelsOfTheWhole) {
  CounterRng rng{1, 2};
  for (const auto& path : fixtures()) {
    const std::string data = read_file(path);
    const Image whole = decode_text(data);
    for (int trial = 0; trial < 100; ++trial) {
      const Window window = draw_window(rng, whole.width, whole.height);
      expect_part_of(whole, window, decode_part(std::as_bytes(std::span(data)), "name", window),
                     path.string());
    }
  }
  const std::string photo = encode_jpeg(testing::photo(0, 233, 171), 90);
  const Image whole = decode_text(photo),
              half = decode(std::as_bytes(std::span(photo)), "name", 85);
  for (int trial = 0; trial < 200; ++trial) {
    const Window window = draw_window(rng, whole.width, whole.height);
    expect_part_of(whole, window, decode_part(std::as_bytes(std::span(photo)), "name", window),
                   "photo");
    const Window small = draw_window(rng, half.width - 1, half.height - 1);
    const Window doubled{2 * small.top, 2 * small.left, 2 * small.height, 2 * small.width};
    const int64_t enough = std::min(small.height, small.width);
    expect_part_of(half, small,
                   decode_part(std::as_bytes(std::span(photo)), "name", doubled, enough),
                   "reduced");
  }
}

TEST(Decode, APartIsInsideOfItsImage) {
  for (const char* name : {"images/rgb_420.jpg", "images/rgb.png"}) {  // 37 x 29
    const std::string data = read_file(fixture(name));
    for (const Window& window :
         {Window{0, 0, 30, 37}, Window{0, 0, 29, 38}, Window{-1, 0, 5, 5}, Window{0, -1, 5, 5},
          Window{29, 0, 1, 1}, Window{0, 37, 1, 1}, Window{0, 0, 0, 5}, Window{0, 0, 5, 0},
          Window{1, 1, INT64_MAX, INT64_MAX}})
      EXPECT_ERROR(decode_part(std::as_bytes(std::span(data)), "name", window),
                   "name: the crop lies outside an image of 37 x 29 pixels")
          << name << " " << window.top << " " << window.left;
  }
}

// The tag as some cameras write it, big-endian, after other entries; and malformed segments, which
// are ignored.
TEST(Decode, ExifInEveryForm) {
  const std::string jpeg = read_file(fixture("images/rgb_444.jpg"));
  const auto with = [&](const std::string& payload) {
    const size_t length = payload.size() + 2;
    const std::string segment = std::string("\xFF\xE1") + static_cast<char>(length >> 8) +
                                static_cast<char>(length & 0xFF) + payload;
    return decode_text(jpeg.substr(0, 2) + segment + jpeg.substr(2));
  };
  using namespace std::string_literals;
  const std::string big =
      "Exif\0\0MM\0\x2A\0\0\0\x08\0\x02\x01\x0F\0\x02\0\0\0\x01XY\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"s;
  EXPECT_EQ(with(big).width, 29);
  for (size_t cut = 0; cut < big.size() - 8; ++cut)
    EXPECT_EQ(with(big.substr(0, cut)).width, 37) << cut;
  std::string odd = big;
  odd[big.size() - 7] = '\x09';  // no such orientation
  EXPECT_EQ(with(odd).width, 37);
  std::string far = big;
  far.replace(10, 4, "\xFF\xFF\xFF\xFE");  // a directory outside the segment
  EXPECT_EQ(with(far).width, 37);
  EXPECT_EQ(with("Exif\0\0II\x2A\0\xFF\xFF\xFF\xFF"s).width, 37);
}

// Whether the data after the first image of a file, or between its parts, may be missing.
bool may_lack_its_end(const std::filesystem::path& path) {
  static const std::set<std::string> kinds{".avif", ".bmp", ".gif", ".mpo",
                                           ".pbm",  ".pgm", ".ppm", ".tif"};
  return kinds.contains(lower_extension(path));
}

void expect_error_or_same(const std::string& cut, const Image& whole, const std::string& what) {
  try {
    EXPECT_EQ(decode_text(cut).rgb, whole.rgb) << what;
  } catch (const Error& error) {
    EXPECT_STRNE(error.what(), "") << what;
  }
}

TEST(Decode, CutFilesAreErrorsAndNeverCrash) {
  for (const auto& path : fixtures()) {
    const std::string data = read_file(path);
    const Image whole = decode_text(data);
    // In text formats nothing marks where the last number ends.
    const size_t end =
        path.filename().string().starts_with("plain_") ? data.size() - 4 : data.size();
    for (size_t length = 0; length < end;
         length += length + 1 + data.size() / 150 < end ? 1 + data.size() / 150 : 1) {
      const std::string cut = data.substr(0, length),
                        what = path.string() + " cut to " + std::to_string(length);
      if (may_lack_its_end(path)) {
        expect_error_or_same(cut, whole, what);
      } else {
        EXPECT_ERROR(decode_text(cut), "name: ") << what;
      }
    }
    EXPECT_ERROR(decode_text(data.substr(0, data.size() / 4)), "name: ") << path;
  }
}

TEST(Decode, DamagedFilesNeverCrash) {
  int64_t refused = 0;
  for (const auto& path : fixtures()) {
    const std::string data = read_file(path);
    for (uint64_t trial = 0; trial < 200; ++trial) {
      CounterRng rng{trial, data.size()};
      std::string damaged = data;
      for (int64_t flips = 1 + rng.below(4); flips > 0; --flips)
        damaged[static_cast<size_t>(rng.below(static_cast<int64_t>(data.size())))] ^=
            static_cast<char>(1 + rng.below(255));
      try {
        (void)decode_part(std::as_bytes(std::span(damaged)), "name", {5, 7, 11, 13});
        const Image image = decode_text(damaged);
        EXPECT_EQ(static_cast<int64_t>(image.rgb.size()), 3 * image.width * image.height);
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(Decode, HugeSizesAreRefusedFromTheHeader) {
  std::string png = read_file(fixture("images/rgb.png"));
  png.replace(16, 8, std::string("\x00\x00\xFF\xFF\x00\x00\xFF\xFF", 8));
  png.replace(29, 4, "\x39\x67\x4E\x07");  // the header's checksum
  std::string jpeg = read_file(fixture("images/rgb_444.jpg"));
  const size_t frame = jpeg.find("\xFF\xC0");
  jpeg.replace(frame + 5, 4, "\xFF\xDC\xFF\xDC");
  std::string gif = read_file(fixture("images/palette.gif")),
              bmp = read_file(fixture("images/rgb.bmp"));
  gif.replace(6, 4, "\xFF\xFF\xFF\xFF");
  bmp.replace(18, 8, std::string("\x00\xFF\x00\x00\x00\xFF\x00\x00", 8));
  std::string tiff = read_file(fixture("images/rgb16.tif"));  // its first two entries are its sizes
  tiff.replace(18, 2, "\xFF\xFF");
  tiff.replace(30, 2, "\xFF\xFF");
  const std::string ppm = "P6 65535 65535 255\n";
  for (const std::string& data : {png, jpeg, gif, bmp, tiff, ppm}) {
    if (!is_read(kind_of(std::as_bytes(std::span(data))))) continue;
    const std::string message = testing::error_of([&] { decode_text(data); });
    EXPECT_NE(message.find("178956970"), std::string::npos) << message;
  }
}

// A header that promises much before any data is there.
TEST(Decode, AShortFileTakesLittleMemory) {
  for (const char* data : {"P6 13000 13000 255\n", "P1 13000 13000\n", "P5 13000 13000 65535\n12"})
    EXPECT_NE(testing::error_of([&] { decode_text(data); }).find("ends too early"),
              std::string::npos)
        << data;
}

// libpng would make room for a gigabyte before it sees that the file ends.
TEST(Decode, ALongChunkTakesLittleMemory) {
  std::string png = read_file(fixture("images/xmp.png"));
  const size_t chunk = png.find("iTXt") - 4;
  png.replace(chunk, 4, std::string("\x3D\x00\x00\xE4", 4));
  const std::string message = testing::error_of([&] { decode_text(png); });
  EXPECT_NE(message.find("longer than the file"), std::string::npos) << message;
}

// Its header names 10,000 × 10,000 pixels, of which 400 MB would be made.
TEST(Decode, AHeaderThatNamesMoreThanTheFileCanHoldTakesLittleMemory) {
  constexpr std::string_view kLarge(
      "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x27\x10\x00"
      "\x00\x27\x10\x08\x06\x00\x00\x00\xba\x4e\x62\x27\x00\x00\x00\x0c\x49\x44\x41\x54\x78"
      "\x9c\x63\x60\x20\x15\x00\x00\x00\x32\x00\x01\x41\x3c\x9c\x16\x00\x00\x00\x00\x49\x45"
      "\x4e\x44\xae\x42\x60\x82",
      69);
  EXPECT_TRUE(testing::says(testing::error_of([&] { decode_text(std::string(kLarge)); }),
                            "the file ends too early"));
}

// Each names what is wrong with it, and none prints.
TEST(Decode, MalformedFilesOfTheSmallFormats) {
  using namespace std::string_literals;
  const std::string bmp = read_file(fixture("images/palette.bmp")),
                    runs = read_file(fixture("images/runs.bmp"));
  const auto changed = [](std::string data, size_t at, const std::string& bytes) {
    return data.replace(at, bytes.size(), bytes);
  };
  const std::pair<std::string, const char*> cases[] = {
      {changed(bmp, 28, "\x07"s), "7 bits a pixel"},
      {changed(bmp, 30, "\x05"s), "compression 5"},
      {changed(bmp, 46, "\xFF\xFF\xFF"s), "colours"},
      {changed(bmp, 10, "\xFF\xFF\xFF\x7F"s), "ends too early"},
      {changed(bmp, 18, "\0\0\0\0"s), "has no pixels"},
      {changed(runs, 28, "\x18"s), "runs of 24 bits"},
      {changed(read_file(fixture("images/rgb565.bmp")), 54, "\x01"s), "unusual masks"},
      {changed(read_file(fixture("images/rgba.bmp")), 54, "\x01"s), "unusual masks"},
      {"P5 4 4 0\n0123456789abcdef", "largest value"},
      {"P5 4 4 70000\n0123456789abcdef", "largest value"},
      {"P5 4 -4 255\n0123456789abcdef", "a number"},
      {"P5 4 99999999999 255\n0123456789abcdef", "a number"},
      {"P1 2 2 0 1 2 0", "neither 0 nor 1"},
      {"P2 2 2 9 1 2 3 10 ", "larger than the largest"},
      {"GIF89a\1\0\1\0\0\0\0;"s, "without an image"},
      {"II*\0\xFF\xFF\xFF\x7F"s, "as TIFF"},
      {changed(read_file(fixture("images/grey16.tif")), 10 + 12 * 6 + 8, "\xFF\xFF"s),
       "65535 samples"},
  };
  for (const auto& [data, wanted] : cases) {
    if (!is_read(kind_of(std::as_bytes(std::span(data))))) continue;
    ::testing::internal::CaptureStderr();
    const std::string message = testing::error_of([&bytes = data] { decode_text(bytes); });
    EXPECT_NE(message.find(wanted), std::string::npos) << wanted << ": " << message;
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << wanted;
  }
}

TEST(Decode, KindsThatAreNotReadAreNamed) {
  using namespace std::string_literals;
  const auto message = [](const std::string& data) {
    return testing::error_of([&] { decode_text(data); });
  };
  EXPECT_NE(message("\0\0\0\x18"
                    "ftypheic\0\0\0\0mif1heic"s)
                .find("HEIC"),
            std::string::npos);
  EXPECT_NE(message("\0\0\0\x18"
                    "ftypmif1\0\0\0\0mif1heic"s)
                .find("HEIC"),
            std::string::npos);
  EXPECT_NE(message("\0\0\0\x0CJXL \r\n\x87\n"s).find("JPEG XL"), std::string::npos);
  EXPECT_NE(message("8BPS\0\1"s).find("Photoshop"), std::string::npos);
  EXPECT_NE(message("BMW is a maker of cars").find("of a kind that is known"), std::string::npos);
  const std::string avif =
      "\0\0\0\x18"
      "ftypmif1\0\0\0\0mif1avif"s;
  EXPECT_EQ(kind_of(std::as_bytes(std::span(avif))), ImageKind::avif);
}

TEST(Decode, ErrorsNameTheFile) {
  const testing::TestFolder folder;
  folder.write("text.jpg", "not an image");
  folder.write("empty.png", "");
  EXPECT_NE(testing::error_of([&] { decode_file(folder / "text.jpg"); }).find("text.jpg"),
            std::string::npos);
  EXPECT_NE(testing::error_of([&] { decode_file(folder / "empty.png"); }).find("is empty"),
            std::string::npos);
  EXPECT_ERROR(decode_file(folder / "none.png"), "none.png: cannot be read");
  EXPECT_ERROR(decode_file(folder.path()), "is a folder, not a file");
}

TEST(Decode, ImageNames) {
  for (const char* name : {"a.jpg", "a.JPEG", "b/c.Png", "x.y.webp", "a.jfif", "a.jpe", "a.MPO",
                           "a.pjpeg", "a.apng", "a.bmp", "a.ppm"})
    EXPECT_TRUE(is_image_name(name)) << name;
  for (const char* name : {"a.heic", "a.dng", "jpg", "a.jpg.txt", ".png", "a."})
    EXPECT_FALSE(is_image_name(name)) << name;
}

// Names decide first, then the first bytes of files whose names do not tell.
TEST(Decode, PicturesAreFoundByNameAndByContent) {
  const testing::TestFolder folder;
  const std::string jpeg = read_file(fixture("images/rgb_444.jpg"));
  const auto seen = [&](const std::string& name, const std::string& content) {
    folder.write(name, content);
    return picture_at(folder / name);
  };
  EXPECT_EQ(seen("a.jpg", "no image at all"), Picture::image);  // reading it will report the error
  EXPECT_EQ(seen("0001", jpeg), Picture::image);
  EXPECT_EQ(seen("a.jpg_large", jpeg), Picture::image);
  EXPECT_EQ(seen("a.jpg?w=640", read_file(fixture("images/rgb.png"))), Picture::image);
  EXPECT_EQ(seen("0002", read_file(fixture("images/rgb.ppm"))), Picture::image);
  EXPECT_EQ(seen("0003", std::string("\0\0\0\x18"
                                     "ftypheic\0\0\0\0mif1heic",
                                     24)),
            Picture::unread);
  EXPECT_EQ(seen("a.dng", std::string("II*\0", 4)), Picture::unread);  // a TIFF by its first bytes
  EXPECT_EQ(seen("a.jpg.part", jpeg), Picture::unread);
  EXPECT_EQ(seen("a.jpg~", jpeg), Picture::unread);
  EXPECT_EQ(seen("notes", "P5 is a kind of image"), Picture::image);  // it begins like a PGM file
  EXPECT_EQ(seen("b.txt", "a dog"), Picture::no);
  EXPECT_EQ(seen("empty", ""), Picture::no);
  EXPECT_EQ(picture_at(folder / "nothing"), Picture::no);
  EXPECT_EQ(picture_at(folder.path()), Picture::no);
}

TEST(Decode, AnOrientationThatIsNoneIsUpright) {
  std::string tiff = read_file(fixture("images/exif.tif"));
  const std::string_view entry("\x12\x01\x03\x00\x01\x00\x00\x00", 8);
  const size_t at = tiff.find(entry) + entry.size();
  ASSERT_EQ(tiff[at], 7);
  tiff[at] = 1;
  const std::vector<uint8_t> upright = decode_text(tiff).rgb;
  for (const int none : {0, 9, 200}) {
    tiff[at] = static_cast<char>(none);
    EXPECT_EQ(decode_text(tiff).rgb, upright) << none;
  }
}

}  // namespace
}  // namespace retort::data
