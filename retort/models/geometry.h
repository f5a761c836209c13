#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "retort/models/recognise.h"

namespace retort::models {

// Sizes of a network read off the shapes of a weight file, or out of a spec's options: so a family
// covers widths and depths that have no name.

using Wholes = std::vector<int64_t>;

// A weight file's shapes, asked for under our names. What is missing, of another rank or empty is
// an Error that names the tensor as the file does.
class Shapes {
 public:
  Shapes(const StateDict& file, const Naming& naming) : file_(file), naming_(naming) {}

  // The shape of a tensor ("layer1.0.conv1.weight"), which must have so many dimensions.
  Wholes of(const std::string& tensor, int64_t dimensions) const;
  // Throws unless the file has this tensor in this shape. Layers that other tensors make large are
  // checked so before the network is built, and a small file cannot ask for a large network.
  void require(const std::string& tensor, const Wholes& shape) const;
  // Whether the file has a tensor below this module.
  bool has(const std::string& module) const;
  // One more than the highest number N, at most 255, of modules prefix + N: a gap shows as missing
  // tensors.
  int64_t count(const std::string& prefix) const;

 private:
  const StateDict& file_;
  const Naming& naming_;
};

// A family's table of variants, each with its `arch`: the one of that name, or null.
template <typename Variants>
const typename Variants::value_type* entry_named(const Variants& variants,
                                                 const std::string& arch) {
  const auto found =
      std::ranges::find_if(variants, [&](const auto& variant) { return arch == variant.arch; });
  return found == variants.end() ? nullptr : &*found;
}

// Family::archs of such a table: `any`, whose sizes are all options, before the names.
template <typename Variants>
std::vector<std::string> arch_names(const char* any, const Variants& variants) {
  std::vector<std::string> names{any};
  for (const auto& variant : variants) names.emplace_back(variant.arch);
  return names;
}

// Whether a name in the file has this part.
bool has_part(const StateDict& file, const std::string& part);

// "layer1.0.conv1" as {"layer1", "0", "conv1"}.
std::vector<std::string> split_name(const std::string& name);

// Options of a spec, or `otherwise`. Throw UsageError when out of [low, high], of another type, or
// (a list) of another length.
int64_t whole_option(const ModelSpec& spec, const char* key, int64_t otherwise, int64_t low,
                     int64_t high);
Wholes wholes_option(const ModelSpec& spec, const char* key, const Wholes& otherwise, int64_t low,
                     int64_t high);
bool flag_option(const ModelSpec& spec, const char* key, bool otherwise);
// A number in [0, 1).
double rate_option(const ModelSpec& spec, const char* key, double otherwise);

}  // namespace retort::models
