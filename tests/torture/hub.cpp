// The tests' hub as a program: prints its address, and serves a model until its standard input
// ends. Its answers take a while, so that a client can be killed at any moment of a download.
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "tests/hub/fake_hub.h"

int main() {
  using namespace retort::hub::testing;
  constexpr int kShards = 12;
  constexpr size_t kShardBytes = 400'000;
  FakeHub hub;
  std::string map;
  for (int i = 0; i < kShards; ++i) {
    const std::string name = "model-" + std::to_string(i) + ".safetensors";
    hub.add(name, pattern(kShardBytes, static_cast<uint64_t>(i)), /*large=*/true);
    map += (i == 0 ? "\"t" : ", \"t") + std::to_string(i) + "\": \"" + name + "\"";
  }
  hub.add("model.safetensors.index.json", "{\"weight_map\": {" + map + "}}");
  hub.add("config.json", R"({"architecture": "resnet18"})");
  hub.on_bytes = [](const Request&) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  std::printf("%s\n", hub.hub->url().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
