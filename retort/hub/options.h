#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace retort::hub {

struct PullOptions {
  // The hub's cache, which holds a folder models--org--name for each repository.
  std::filesystem::path cache;
  std::string endpoint = "https://huggingface.co";  // no '/' at its end
  std::string token;     // goes to the endpoint and to no other server; empty: none
  bool offline = false;  // only what the cache holds
  bool pickled = false;  // where there are no safetensors, .bin and .pth files are taken too
  // Exactly these files, whatever they are; empty: the weights, and what describes them.
  std::vector<std::string> files;
  int tries = 5;  // of a request that fails for a reason that may pass
  // Takes the place of sleeping between tries, and while another process downloads the same file.
  std::function<void(std::chrono::milliseconds)> wait;
};

// What the environment says, as Python's huggingface_hub reads it: HF_HUB_CACHE,
// HUGGINGFACE_HUB_CACHE, HF_HOME or XDG_CACHE_HOME (the cache), HF_TOKEN, HUGGING_FACE_HUB_TOKEN or
// the file that `hf auth login` writes, HF_ENDPOINT, HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE. A
// variable that is empty counts as not set. Throws Error naming the variable when its value cannot
// be meant.
PullOptions options_from_environment();

}  // namespace retort::hub
