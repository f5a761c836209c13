#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "retort/data/image_store.h"
#include "retort/data/view.h"

namespace retort::data {

// One view of an image, which is named by its position in the store, not by its item.
struct Sample {
  int64_t position = 0;
  int64_t view = 0;
};

// float [N, 3, size, size], channels-last, normalised: the samples' views, rendered in parallel.
at::Tensor render_batch(const ImageStore& store, std::span<const Sample> samples,
                        const ViewRecipe& recipe, uint64_t view_seed, const InputSpec& spec);

// For the same views, where the recipe mixes: the partners' labels, int64 [N], and the share of
// each image's own label, float [N].
struct MixedLabels {
  at::Tensor partner, share;
};
MixedLabels mixed_labels(const ImageStore& store, std::span<const Sample> samples,
                         const ViewRecipe& recipe, uint64_t view_seed);

// The images at positions [first, first + count) of a store for evaluation (for_evaluation(spec)),
// in render_batch's form.
at::Tensor eval_batch(const ImageStore& store, int64_t first, int64_t count, const InputSpec& spec);

// int64 [N]
at::Tensor labels_of(const ImageStore& store, std::span<const Sample> samples);
at::Tensor labels_of(const ImageStore& store);

}  // namespace retort::data
