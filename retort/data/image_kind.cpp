#include "retort/data/image_kind.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "retort/data/decode.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

using namespace std::string_view_literals;

constexpr std::array kPlainBrands{"heic"sv, "heix"sv, "hevc"sv, "hevx"sv,
                                  "heim"sv, "heis"sv, "mif1"sv, "msf1"sv};

// AVIF and HEIC are both ISO media files; the brands in their first box tell them apart.
ImageKind kind_of_media(std::string_view head) {
  const std::string_view brand = head.substr(8, 4);
  if (brand == "avif" || brand == "avis") return ImageKind::avif;
  if (std::ranges::find(kPlainBrands, brand) == kPlainBrands.end()) return ImageKind::none;
  const size_t box = (static_cast<uint8_t>(head[2]) << 8) + static_cast<uint8_t>(head[3]);
  for (size_t at = 16; at + 4 <= std::min(box, head.size()); at += 4)
    if (head.substr(at, 4) == "avif") return ImageKind::avif;
  return ImageKind::heic;
}

// Many texts begin with "BM", so that this also checks the size of the second header, one of seven.
bool is_bmp(std::string_view head) {
  static const std::set<uint8_t> sizes{12, 40, 52, 56, 64, 108, 124};
  return head.size() >= 18 && head.starts_with("BM") &&
         sizes.contains(static_cast<uint8_t>(head[14])) && head.substr(15, 3) == "\0\0\0"sv;
}

// "P1" to "P6", then a blank or a comment.
bool is_pnm(std::string_view head) {
  return head.size() >= 8 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6' &&
         " \t\n\v\f\r#"sv.find(head[2]) != std::string_view::npos;
}

const std::map<std::string, ImageKind>& kinds_by_extension() {
  using enum ImageKind;
  static const std::map<std::string, ImageKind> kinds{
      {".jpg", jpeg},     {".jpeg", jpeg},    {".jpe", jpeg},     {".jfif", jpeg},
      {".jif", jpeg},     {".pjpeg", jpeg},   {".pjp", jpeg},     {".mpo", jpeg},
      {".png", png},      {".apng", png},     {".webp", webp},    {".gif", gif},
      {".tif", tiff},     {".tiff", tiff},    {".bmp", bmp},      {".dib", bmp},
      {".avif", avif},    {".avifs", avif},   {".pnm", pnm},      {".ppm", pnm},
      {".pgm", pnm},      {".pbm", pnm},      {".heic", heic},    {".heif", heic},
      {".hif", heic},     {".heics", heic},   {".jp2", jpeg2000}, {".j2k", jpeg2000},
      {".jpx", jpeg2000}, {".jpf", jpeg2000}, {".j2c", jpeg2000}, {".jxl", jpeg_xl},
      {".psd", psd},      {".3fr", other},    {".arw", other},    {".cr2", other},
      {".cr3", other},    {".crw", other},    {".dng", other},    {".erf", other},
      {".nef", other},    {".nrw", other},    {".orf", other},    {".pef", other},
      {".raf", other},    {".rw2", other},    {".srw", other},    {".x3f", other},
      {".dds", other},    {".exr", other},    {".hdr", other},    {".ico", other},
      {".jxr", other},    {".pcx", other},    {".pfm", other},    {".qoi", other},
      {".svg", other},    {".tga", other},    {".xcf", other}};
  return kinds;
}

// Whether the name is that of a backup copy, or of a file that is still being written.
bool is_leftover(const fs::path& path) {
  static const std::set<std::string> endings{".bak",  ".crdownload", ".download", ".old",
                                             ".orig", ".part",       ".partial",  ".tmp"};
  return path.native().ends_with('~') || endings.contains(lower_extension(path));
}

ImageKind kind_of_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return ImageKind::none;  // a pipe would block
  std::array<char, 64> head{};
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), head.size());
  return kind_of(std::as_bytes(std::span(head.data(), static_cast<size_t>(file.gcount()))));
}

}  // namespace

ImageKind kind_of(std::span<const std::byte> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 64));
  if (head.starts_with("\xFF\xD8\xFF")) return ImageKind::jpeg;
  if (head.starts_with("\x89PNG\r\n\x1A\n")) return ImageKind::png;
  if (head.starts_with("RIFF") && head.size() >= 12 && head.substr(8, 4) == "WEBP")
    return ImageKind::webp;
  if (head.starts_with("GIF87a") || head.starts_with("GIF89a")) return ImageKind::gif;
  for (const std::string_view start : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv})
    if (head.starts_with(start)) return ImageKind::tiff;
  if (head.size() >= 16 && head.substr(4, 4) == "ftyp") return kind_of_media(head);
  if (head.starts_with("\0\0\0\x0CjP  "sv) || head.starts_with("\xFF\x4F\xFF\x51"))
    return ImageKind::jpeg2000;
  if (head.starts_with("\0\0\0\x0CJXL "sv) || head.starts_with("\xFF\x0A"))
    return ImageKind::jpeg_xl;
  if (head.starts_with("8BPS")) return ImageKind::psd;
  if (is_bmp(head)) return ImageKind::bmp;
  return is_pnm(head) ? ImageKind::pnm : ImageKind::none;
}

ImageKind kind_by_name(const fs::path& path) {
  const auto found = kinds_by_extension().find(lower_extension(path));
  return found == kinds_by_extension().end() ? ImageKind::none : found->second;
}

bool is_read(ImageKind kind) {
  constexpr std::array kAlways{ImageKind::jpeg, ImageKind::png, ImageKind::webp, ImageKind::bmp,
                               ImageKind::pnm};
  if (std::ranges::find(kAlways, kind) != kAlways.end()) return true;
  return (kind == ImageKind::gif && RETORT_GIF) || (kind == ImageKind::tiff && RETORT_TIFF) ||
         (kind == ImageKind::avif && RETORT_AVIF);
}

std::string to_string(ImageKind kind) {
  static constexpr std::array kKindNames{"unknown",   "JPEG",    "PNG",       "WebP",   "GIF",
                                         "TIFF",      "BMP",     "AVIF",      "PPM",    "HEIC",
                                         "JPEG 2000", "JPEG XL", "Photoshop", "unknown"};
  return kKindNames.at(static_cast<size_t>(kind));
}

std::string kinds_read() {
  std::vector<std::string> names;
  for (const ImageKind kind : {ImageKind::jpeg, ImageKind::png, ImageKind::webp, ImageKind::gif,
                               ImageKind::tiff, ImageKind::bmp, ImageKind::avif, ImageKind::pnm})
    if (is_read(kind)) names.push_back(to_string(kind));
  std::string words;
  for (size_t i = 0; i < names.size(); ++i)
    words += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return words;
}

Picture picture_at(const fs::path& path) {
  if (const ImageKind kind = kind_by_name(path); kind != ImageKind::none)
    return is_read(kind) ? Picture::image : Picture::unread;
  const ImageKind kind = kind_of_file(path);
  if (kind == ImageKind::none) return Picture::no;
  return is_read(kind) && !is_leftover(path) ? Picture::image : Picture::unread;
}

}  // namespace retort::data
