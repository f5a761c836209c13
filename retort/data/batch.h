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

// The labels of the same views, where the recipe mixes images: the partner's label, int64 [N], and
// the weight of the image's own label, float [N] in [0, 1].
struct MixedLabels {
  at::Tensor partner, share;
};
MixedLabels mixed_labels(const ImageStore& store, std::span<const Sample> samples,
                         const ViewRecipe& recipe, uint64_t view_seed);

// The images at positions [first, first + count) of a store that was opened with
// for_evaluation(spec), as render_batch returns them. Throws Error where the stored images have
// another size.
at::Tensor eval_batch(const ImageStore& store, int64_t first, int64_t count, const InputSpec& spec);

// The labels of the samples, or of all images of the store: int64 [N].
at::Tensor labels_of(const ImageStore& store, std::span<const Sample> samples);
at::Tensor labels_of(const ImageStore& store);

}  // namespace retort::data
