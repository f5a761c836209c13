// Weight files that begin with RETORT_FUZZ_START: zip .pth, legacy .pth or safetensors. Every
// element of every tensor is read.
#include "retort/weights/weight_file.h"

#include "tests/fuzz/fuzz.h"

namespace {

constexpr std::string_view kStart = RETORT_FUZZ_START;
constexpr size_t kStartsAt = RETORT_FUZZ_STARTS_AT;

}  // namespace

// libtorch's reader of zip archives does not free what it holds where it refuses one: some hundred
// bytes. NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:mz_zip_";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  const std::string_view bytes = fuzz::text_of(data, size);
  if (bytes.size() <= kStartsAt || !bytes.substr(kStartsAt).starts_with(kStart)) return 0;
  fuzz::expect_errors_only([&] {
    const fuzz::InputFile file(bytes);
    for (const auto& [name, tensor] : weights::read_weight_file(file.path()).tensors) {
      if (tensor.numel() > 0 && tensor.numel() < 1 << 20) tensor.clone();
    }
  });
  return 0;
}
