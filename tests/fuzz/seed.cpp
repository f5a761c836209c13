// fuzz_seed FOLDER: writes seeds that are not in the fixtures: shards of the image store to
// FOLDER/shard, and a part of the teacher's stored outputs to FOLDER/feature_parts.
#include <filesystem>
#include <iostream>

#include <ATen/ATen.h>

#include "retort/core/feature_parts.h"
#include "retort/data/image_shard.h"

namespace {
namespace fs = std::filesystem;

void write_shards(const fs::path& folder) {
  using namespace retort::data;
  const Image image{3, 2, std::vector<uint8_t>(18, 7)};
  for (const Kept kept : {Kept::pixels, Kept::sizes}) {
    ShardBuilder builder(0, kept);
    builder.add(image, 1);
    builder.skip({"b.jpg", "is empty"});
    builder.add(image, 2);
    builder.write(folder / (kept == Kept::pixels ? "pixels" : "sizes"), "key");
  }
}

void write_feature_part(const fs::path& folder) {
  using namespace retort;
  Meter meter(null_log(), "seed", 2);
  const auto compute = [](int64_t, int64_t count) { return at::ones({count, 3}); };
  FeatureParts::open(folder, "key", 2, 3, compute, meter, never_stop());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_seed FOLDER\n";
    return 2;
  }
  const fs::path folder = argv[1];
  for (const char* name : {"shard", "feature_parts"}) fs::create_directories(folder / name);
  write_shards(folder / "shard");
  write_feature_part(folder / "feature_parts");
}
