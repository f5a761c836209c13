#include "retort/hub/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "retort/core/error.h"
#include "retort/hub/retry.h"

namespace retort::hub {
namespace {

class Sum {
 public:
  explicit Sum(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), algorithm, nullptr) != 1)
      throw Error("cannot compute checksums");
  }
  void add(const void* data, size_t size) {
    if (EVP_DigestUpdate(context_.get(), data, size) != 1) throw Error("cannot compute checksums");
  }
  std::string hex() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(context_.get(), bytes, &size) != 1)
      throw Error("cannot compute checksums");
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += "0123456789abcdef"[bytes[i] >> 4];
      text += "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

EtagKind kind_of(std::string_view etag) {
  const bool hex = std::ranges::all_of(
      etag, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (hex && etag.size() == 64) return EtagKind::sha256;
  if (hex && etag.size() == 40) return EtagKind::git_sha1;
  return EtagKind::opaque;
}

std::string etag_of(const std::filesystem::path& path, EtagKind kind, const StopFlag& stop) {
  Sum sum(kind == EtagKind::sha256 ? EVP_sha256() : EVP_sha1());
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot be read", path.string());
  if (kind == EtagKind::git_sha1) {
    const std::string head = "blob " + std::to_string(std::filesystem::file_size(path));
    sum.add(head.c_str(), head.size() + 1);
  }
  std::vector<char> buffer(size_t{1} << 20);
  while (file) {
    check_stopped(stop);
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    sum.add(buffer.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) throw Error("cannot be read", path.string());
  return sum.hex();
}

}  // namespace retort::hub
