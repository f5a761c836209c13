// A manifest list.csv beside three images, and a folder's lists of files.
#include "retort/data/manifest.h"

#include "retort/data/listing.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace retort;
  const fuzz::InputFolder folder(fuzz::text_of(data, size),
                                 {"list.csv", "1.jpg", "2.jpg", "3.jpg", "lines.txt"});
  fuzz::expect_errors_only([&] { data::load_manifest(folder.path() / "list.csv", {}).digest(); });
  fuzz::expect_errors_only([&] { data::numbered_lines_of(folder.path() / "lines.txt"); });
  return 0;
}
