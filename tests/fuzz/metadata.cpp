// The classes and the preprocessing in the metadata of a weight file or an ONNX graph.
#include "retort/data/input_spec.h"
#include "retort/weights/class_names.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  const std::string text(fuzz::text_of(data, size));
  fuzz::expect_errors_only([&] { static_cast<void>(weights::class_names_in_text(text)); });
  fuzz::expect_errors_only([&] {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_discarded()) static_cast<void>(data::input_spec_from(json));
  });
  return 0;
}
