#include "retort/data/batch.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "retort/core/error.h"

namespace retort::data {
namespace {

void check_range(const ImageStore& store, int64_t first, int64_t count) {
  if (first < 0 || count < 0 || first > store.size() - count) {
    throw Error(std::to_string(count) + " images from position " + std::to_string(first) + " on are not in a store of " +
                std::to_string(store.size()));
  }
}

// `pixels(i)` gives size × size RGB for place i of the batch; what it returns lives until its place is filled.
template <typename Pixels>
at::Tensor fill(int64_t count, const InputSpec& spec, const Pixels& pixels) {
  at::Tensor batch =
      at::empty({count, 3, spec.size, spec.size}, at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  auto* out = batch.data_ptr<float>();
  const int64_t plane = spec.size * spec.size;
  at::parallel_for(0, count, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const auto image = pixels(i);
      normalize(ImageView(image).rgb, plane, spec, out + 3 * plane * i);
    }
  });
  return batch;
}

Mix mix_of(const ImageStore& store, const Sample& sample, const ViewRecipe& recipe, uint64_t view_seed) {
  check_range(store, sample.position, 1);
  return draw_mix(recipe.mix, view_seed, store.item(sample.position), sample.view, store.size());
}

}  // namespace

at::Tensor render_batch(const ImageStore& store, std::span<const Sample> samples, const ViewRecipe& recipe, uint64_t view_seed,
                        const InputSpec& spec) {
  for (const Sample& sample : samples) check_range(store, sample.position, 1);
  // By item, which does not shift when another file is left out.
  const auto render = [&](int64_t position, int64_t view) {
    const ImageView image = store.image(position);
    return store.render(position, draw_view(recipe, image.width, image.height, view_seed, store.item(position), view), spec);
  };
  return fill(static_cast<int64_t>(samples.size()), spec, [&](int64_t i) {
    const Sample& sample = samples[static_cast<size_t>(i)];
    Image image = render(sample.position, sample.view);
    if (recipe.mix.any()) {
      const Mix mix = mix_of(store, sample, recipe, view_seed);
      blend(image, render(mix.partner, sample.view), mix);
    }
    return image;
  });
}

MixedLabels mixed_labels(const ImageStore& store, std::span<const Sample> samples, const ViewRecipe& recipe, uint64_t view_seed) {
  const auto count = static_cast<int64_t>(samples.size());
  MixedLabels mixed{at::empty({count}, at::kLong), at::empty({count}, at::kFloat)};
  for (int64_t i = 0; i < count; ++i) {
    const Mix mix = mix_of(store, samples[static_cast<size_t>(i)], recipe, view_seed);
    mixed.partner.data_ptr<int64_t>()[i] = store.label(mix.partner);
    mixed.share.data_ptr<float>()[i] = static_cast<float>(mix.share);
  }
  return mixed;
}

at::Tensor eval_batch(const ImageStore& store, int64_t first, int64_t count, const InputSpec& spec) {
  check_range(store, first, count);
  return fill(count, spec, [&](int64_t i) {
    const ImageView image = store.image(first + i);
    if (image.width != spec.size || image.height != spec.size) {
      throw Error("the stored images were not prepared for evaluation at " + std::to_string(spec.size) + " pixels");
    }
    return image;
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
