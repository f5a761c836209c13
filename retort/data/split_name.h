#pragma once

#include <optional>
#include <string>

#include "retort/data/manifest.h"

namespace retort::data {

// What a folder's or a column's name says of a split.
struct SplitName {
  Split split;
  std::string pattern;  // the name with a star for the split's word: "seg *" of seg_train, so that
                        // those that belong together agree

  // Whether it says nothing else: Training, test_set, valid-images.
  bool plain() const { return pattern == "*"; }
};

// Nothing for a name without a word for a split, or with several.
std::optional<SplitName> split_name(const std::string& name);

// Whether the name is tr, va, te or ts, which say a split only where no other folders lie beside.
bool is_short_split(const std::string& name);

// The split that a plain name says: train, Training, val, valid, dev, Test and the like.
std::optional<Split> split_from(const std::string& name);

}  // namespace retort::data
