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
  std::string token;     // sent to the endpoint and to no other server; empty: none
  bool offline = false;  // use only the cache
  bool pickled = false;  // take .bin, .pth and .pt files where there are no safetensors
  // Exactly these files; empty: the weights, and the files that describe them.
  std::vector<std::string> files;
  int tries = 5;  // of a request that fails with Passing (retry.h), at least 1
  // If set, is called instead of sleeping between tries and while another process downloads the
  // file.
  std::function<void(std::chrono::milliseconds)> wait;
};

// Options from the environment, as Python's huggingface_hub reads it: HF_HUB_CACHE,
// HUGGINGFACE_HUB_CACHE, HF_HOME or XDG_CACHE_HOME (the cache), HF_TOKEN, HUGGING_FACE_HUB_TOKEN or
// (unless HF_HUB_DISABLE_IMPLICIT_TOKEN) the file that `hf auth login` writes or HF_TOKEN_PATH
// names, HF_ENDPOINT, HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE. An empty variable counts as not set.
// Throws Error, naming the variable or the file, on an invalid token or endpoint.
PullOptions options_from_environment();

}  // namespace retort::hub
