#include "retort/weights/pickle.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  fuzz::expect_errors_only([&] { weights::read_pickle(fuzz::bytes_of(data, size), "input"); });
  return 0;
}
