#pragma once

#include <optional>
#include <string>

#include "retort/data/manifest.h"

namespace retort::data {

// The split that a folder's name, or a value in a column, stands for.
struct SplitName {
  Split split;
  std::string pattern;  // the name with * for the split's word: "seg *" for seg_train and for
                        // seg_test, which belong together

  // Whether the name says nothing else, as in Training, test_set, valid-images.
  bool plain() const { return pattern == "*"; }
};

// Nothing for a name without a word for a split, or with several.
std::optional<SplitName> split_name(const std::string& name);

// Whether the name is tr, va, te or ts, which are splits only where no other folders with pictures
// are beside them.
bool is_short_split(const std::string& name);

// The split that a plain name stands for: train, Training, val, valid, dev, Test and the like.
std::optional<Split> split_from(const std::string& name);

}  // namespace retort::data
