// The descriptions in a model's folder: those of timm and transformers, and the index of shards.
#include "retort/hub/snapshot.h"

#include "retort/hub/description.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  const fuzz::InputFolder folder(fuzz::text_of(data, size),
                                 {"config.json", "preprocessor_config.json",
                                  "processor_config.json", "model.safetensors.index.json"});
  fuzz::expect_errors_only([&] { hub::preprocess_of(hub::describe(folder.path())); });
  fuzz::expect_errors_only([&] { hub::shards_of(folder.path() / "model.safetensors.index.json"); });
  fuzz::expect_errors_only([&] { hub::weight_files({folder.path()}); });
  return 0;
}
