#include "retort/generate/model_hash.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"

namespace retort::generate {
namespace fs = std::filesystem;
namespace {

constexpr size_t kPart = size_t{4} << 20;
constexpr size_t kHexDigits = 32;
// The files of a diffusers folder that stable-diffusion.cpp opens. kUnet must exist.
constexpr const char* kUnet = "unet/diffusion_pytorch_model.safetensors";
constexpr const char* kParts[] = {kUnet, "vae/diffusion_pytorch_model.safetensors",
                                  "text_encoder/model.safetensors",
                                  "text_encoder_2/model.safetensors"};

std::string gigabytes(uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

// The file is read and not mapped, so that one that shrinks meanwhile is an error and not a SIGBUS.
std::string hash_of(const fs::path& file, const StopFlag& stop) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<char> part(kPart);
  Hasher hasher;
  while (stream) {
    if (stop.load())
      throw Interrupted("stopped while reading the model", file.string(),
                        "the same command goes on from there");
    stream.read(part.data(), static_cast<std::streamsize>(part.size()));
    hasher.bytes(std::as_bytes(std::span(part.data(), static_cast<size_t>(stream.gcount()))));
  }
  if (!stream.eof()) throw Error("cannot be read", file.string());
  return hasher.hex();
}

std::string file_hash(const fs::path& file, const fs::path& cache, Log& log, const StopFlag& stop) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
    throw Error("there is no such file", file.string());
  const std::string key = Hasher()
                              .text("model-hash-1")
                              .text(fs::weakly_canonical(file).string())
                              .number(info.st_size)
                              .number(info.st_mtim.tv_sec)
                              .number(info.st_mtim.tv_nsec)
                              .hex();
  const fs::path kept = cache / "model-hashes" / key;
  std::error_code ignored;
  if (fs::file_size(kept, ignored) == kHexDigits) return read_file(kept, kHexDigits);
  log.info("reading " + file.string() + " once, for its hash (" +
           gigabytes(static_cast<uint64_t>(info.st_size)) + ")");
  std::string hash = hash_of(file, stop);
  remove_abandoned(kept.parent_path(), /*below=*/false);
  write_file_atomic(kept, hash);
  return hash;
}

}  // namespace

std::string model_hash(const fs::path& model, const fs::path& cache, Log& log,
                       const StopFlag& stop) {
  std::error_code ignored;
  if (!fs::is_directory(model, ignored)) return file_hash(model, cache, log, stop);
  if (!fs::is_regular_file(model / kUnet, ignored))
    throw Error(std::string("is a folder without ") + kUnet, model.string(),
                "name a diffusers folder of an SD 1.x, 2.x or XL model with weights of that name, "
                "or a single weight file");
  Hasher hasher;
  for (const char* part : kParts) {
    if (fs::is_regular_file(model / part, ignored))
      hasher.text(part).text(file_hash(model / part, cache, log, stop));
  }
  return hasher.hex();
}

}  // namespace retort::generate
