#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "retort/models/recognise.h"

namespace retort::models {

// Sizes of a network, read from the shapes of a weight file or from a spec's options, so that a
// family also covers widths and depths that have no name.

using Wholes = std::vector<int64_t>;

// The shapes of a weight file, asked for under our names. Functions throw Error, with the file's
// name of the tensor, on a tensor that is missing, has another number of dimensions, or is empty.
class Shapes {
 public:
  Shapes(const StateDict& file, const Naming& naming) : file_(file), naming_(naming) {}

  // The shape of a tensor ("layer1.0.conv1.weight") with this number of dimensions.
  Wholes of(const std::string& tensor, int64_t dimensions) const;
  // Throws Error unless the file has this tensor in this shape. Layers whose size other tensors
  // decide are checked in this way before the network is built, so that a small file cannot ask for
  // a large network.
  void require(const std::string& tensor, const Wholes& shape) const;
  // Whether the file has a tensor below this module.
  bool has(const std::string& module) const;
  // One more than the highest number N, at most 255, of modules called prefix + N; 0 without any. A
  // gap is reported later, as missing tensors.
  int64_t count(const std::string& prefix) const;

 private:
  const StateDict& file_;
  const Naming& naming_;
};

// The entry of a family's table of variants with this `arch`; null without one.
template <typename Variants>
const typename Variants::value_type* entry_named(const Variants& variants,
                                                 const std::string& arch) {
  const auto found =
      std::ranges::find_if(variants, [&](const auto& variant) { return arch == variant.arch; });
  return found == variants.end() ? nullptr : &*found;
}

// The names for Family::archs: `any`, whose sizes are all options, and then those of the table.
template <typename Variants>
std::vector<std::string> arch_names(const char* any, const Variants& variants) {
  std::vector<std::string> names{any};
  for (const auto& variant : variants) names.emplace_back(variant.arch);
  return names;
}

// Whether a tensor's name in the file contains this part.
bool has_part(const StateDict& file, const std::string& part);

// Splits at dots: "layer1.0.conv1" to {"layer1", "0", "conv1"}.
std::vector<std::string> split_name(const std::string& name);

// The value of an option of a spec, or `otherwise` where it is not set. Throw UsageError when the
// value is outside [low, high], of another type, or a list of another length.
int64_t whole_option(const ModelSpec& spec, const char* key, int64_t otherwise, int64_t low,
                     int64_t high);
Wholes wholes_option(const ModelSpec& spec, const char* key, const Wholes& otherwise, int64_t low,
                     int64_t high);
bool flag_option(const ModelSpec& spec, const char* key, bool otherwise);
// A number in [0, 1).
double rate_option(const ModelSpec& spec, const char* key, double otherwise);

}  // namespace retort::models
