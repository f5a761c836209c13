#include "retort/data/batch.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "retort/core/error.h"

namespace retort::data {
namespace {

void check_range(const ImageStore& store, int64_t first, int64_t count) {
  if (first < 0 || count < 0 || first > store.size() - count) {
    throw Error(std::to_string(count) + " images from position " + std::to_string(first) +
                " on are not in a store of " + std::to_string(store.size()));
  }
}

// The number of values of one image.
int64_t values_of(const InputSpec& spec) { return 3 * spec.size * spec.size; }

// A batch [count, 3, size, size], channels-last. `fill(first, last, out)` writes images [first,
// last) to `out`.
template <typename Fill>
at::Tensor filled(int64_t count, const InputSpec& spec, const Fill& fill) {
  at::Tensor batch =
      at::empty({count, 3, spec.size, spec.size},
                at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  auto* out = batch.data_ptr<float>();
  at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
    fill(first, last, out + values_of(spec) * first);
  });
  return batch;
}

Mix mix_of(const ImageStore& store, const Sample& sample, const ViewRecipe& recipe,
           uint64_t view_seed) {
  check_range(store, sample.position, 1);
  return draw_mix(recipe.mix, view_seed, store.seed(sample.position), sample.view, store.size());
}

}  // namespace

at::Tensor render_batch(const ImageStore& store, std::span<const Sample> samples,
                        const ViewRecipe& recipe, uint64_t view_seed, const InputSpec& spec) {
  for (const Sample& sample : samples) check_range(store, sample.position, 1);
  return filled(
      static_cast<int64_t>(samples.size()), spec, [&](int64_t first, int64_t last, float* out) {
        Renderer own, other;
        const auto render = [&](int64_t position, int64_t view, Renderer& renderer) -> Planes& {
          const ImageView image = store.image(position);
          return store.render(
              position,
              draw_view(recipe, image.width, image.height, view_seed, store.seed(position), view),
              spec, renderer);
        };
        for (int64_t i = first; i < last; ++i, out += values_of(spec)) {
          const Sample& sample = samples[static_cast<size_t>(i)];
          Planes& image = render(sample.position, sample.view, own);
          if (recipe.mix.any()) {
            const Mix mix = mix_of(store, sample, recipe, view_seed);
            blend(image, render(mix.partner, sample.view, other), mix);
          }
          normalize(image, spec, out);
        }
      });
}

MixedLabels mixed_labels(const ImageStore& store, std::span<const Sample> samples,
                         const ViewRecipe& recipe, uint64_t view_seed) {
  const auto count = static_cast<int64_t>(samples.size());
  MixedLabels mixed{at::empty({count}, at::kLong), at::empty({count}, at::kFloat)};
  for (int64_t i = 0; i < count; ++i) {
    const Mix mix = mix_of(store, samples[static_cast<size_t>(i)], recipe, view_seed);
    mixed.partner.data_ptr<int64_t>()[i] = store.label(mix.partner);
    mixed.share.data_ptr<float>()[i] = static_cast<float>(mix.share);
  }
  return mixed;
}

at::Tensor eval_batch(const ImageStore& store, int64_t first, int64_t count,
                      const InputSpec& spec) {
  check_range(store, first, count);
  return filled(count, spec, [&](int64_t begin, int64_t end, float* out) {
    for (int64_t i = begin; i < end; ++i, out += values_of(spec)) {
      const ImageView image = store.image(first + i);
      if (image.width != spec.size || image.height != spec.size) {
        throw Error("the stored images were not prepared for evaluation at " +
                    std::to_string(spec.size) + " pixels");
      }
      normalize(image.rgb, spec.size * spec.size, spec, out);
    }
  });
}

at::Tensor labels_of(const ImageStore& store, std::span<const Sample> samples) {
  at::Tensor labels = at::empty({static_cast<int64_t>(samples.size())}, at::kLong);
  auto* out = labels.data_ptr<int64_t>();
  for (const Sample& sample : samples) {
    check_range(store, sample.position, 1);
    *out++ = store.label(sample.position);
  }
  return labels;
}

at::Tensor labels_of(const ImageStore& store) {
  at::Tensor labels = at::empty({store.size()}, at::kLong);
  auto* out = labels.data_ptr<int64_t>();
  for (int64_t i = 0; i < store.size(); ++i) out[i] = store.label(i);
  return labels;
}

}  // namespace retort::data
