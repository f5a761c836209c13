// The position in a checkpoint. (The fuzzer of safetensors covers its tensors; their names and
// shapes are compared one by one.)
#include "retort/train/position.h"

#include <cstdlib>

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  fuzz::expect_errors_only([&] {
    const train::Position position =
        train::position_from(std::string(fuzz::text_of(data, size)), {3, 2, 12}, "checkpoint");
    if (position.epoch > 3 || position.step > 6 || position.images_seen > 48) std::abort();
  });
  return 0;
}
