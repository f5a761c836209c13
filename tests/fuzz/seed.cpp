// fuzz_seed FOLDER: writes seeds that no fixture has: shards of the image store.
#include <filesystem>
#include <iostream>

#include "retort/data/image_shard.h"

int main(int argc, char** argv) {
  using namespace retort::data;
  if (argc != 2) {
    std::cerr << "usage: fuzz_seed FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const Image image{3, 2, std::vector<uint8_t>(18, 7)};
  for (const Kept kept : {Kept::pixels, Kept::sizes}) {
    ShardBuilder builder(0, kept);
    builder.add(image, 1);
    builder.skip({"b.jpg", "is empty"});
    builder.add(image, 2);
    builder.write(folder / (kept == Kept::pixels ? "pixels" : "sizes"), "key");
  }
}
