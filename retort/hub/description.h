#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

namespace retort::hub {

// How an image becomes size × size at evaluation.
enum class Crop {
  // The short side is resized to `resize` pixels, then the centre is cut out.
  centre,
  // Both sides are resized to `resize` pixels, whatever the aspect, then the centre is cut out.
  squash,
};

// A snapshot's description of its model and of the images that the model takes: RGB in [0, 1],
// minus mean, divided by std.
struct Description {
  std::string library;  // "timm", "transformers" or "open_clip"
  // timm's name, "vit_small_patch14_dinov2", or transformers' model_type, "dinov2".
  std::string architecture;
  // config.json as it is: an object. `Field` reads numbers out of it and checks their bounds.
  nlohmann::json config;
  int64_t size = 0;    // pixels, [16, 1024]
  int64_t resize = 0;  // pixels, [size, 100 · size]
  Crop crop = Crop::centre;
  std::string interpolation;  // Pillow's name in lower case: nearest, lanczos, bilinear, bicubic,
                              // box or hamming
  std::array<float, 3> mean{}, std{};
};

// Reads one of these:
// - timm's config.json, with its values at the top (until 2022) or under pretrained_cfg;
// - transformers' config.json together with preprocessor_config.json (or the image_processor of
//   processor_config.json, as transformers 5 writes it), with sizes as numbers (until 2022) or by
//   name;
// - open_clip_config.json, where there is no config.json.
// A missing value has its library's default, except transformers' size and resample, and mean and
// std where do_normalize is true, which are required. Throws Error naming the file and the key when
// a file is missing or malformed, a value has a wrong type or is out of range, or asks for what
// Description cannot say (images that are not square, another order of channels, a padded border).
// config.json's own sizes (hidden_size, patch_size, …) must be whole numbers in [0, 2^24].
Description describe(const std::filesystem::path& folder);

// {"resize", "crop", "interpolation", "mean", "std", "range"}: what data::input_spec_from() reads.
// That form cannot express Crop::squash, which is written as Crop::centre with the same sizes.
nlohmann::json preprocess_of(const Description& description);

}  // namespace retort::hub
