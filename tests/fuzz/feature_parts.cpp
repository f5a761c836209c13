// A part of the teacher's stored outputs: it is read as it was written, or computed again.
#include "retort/core/feature_parts.h"

#include <ATen/ATen.h>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  std::string input("part-000000.safetensors\x1e");
  input.append(fuzz::text_of(data, size));
  const fuzz::InputFolder folder(input, {"part-000000.safetensors"});
  fuzz::expect_errors_only([&] {
    const auto compute = [](int64_t, int64_t) -> at::Tensor {
      throw Error("has to be made again");
    };
    Meter meter(null_log(), "fuzzing", 2);
    const FeatureParts parts =
        FeatureParts::open(folder.path(), "key", 2, 3, compute, meter, never_stop());
    if (parts.all().numel() != 6) std::abort();
  });
  return 0;
}
