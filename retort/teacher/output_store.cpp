#include "retort/teacher/output_store.h"

#include <cstring>

#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/core/random.h"

namespace retort::teacher {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kCheckedRows = 64;
// The allowed difference, as a share of a row's norm. The same network on another processor or in
// another batch differs by rounding: bf16 keeps 8 bits, and a deep network accumulates errors.
constexpr double kCheckTolerance = 0.1;

std::string key_of(const Teacher& teacher, const data::ImageStore& images,
                   const data::ViewRecipe& recipe, const OutputStore::Options& options) {
  return Hasher()
      .text("features-2")
      .text(teacher.key())
      .text(images.key())
      .text(recipe.key())
      .number(static_cast<int64_t>(options.view_seed))
      .hex();
}

About about(const Teacher& teacher, const data::ImageStore& images, const std::string& views) {
  return {{"teacher", teacher.description()},
          {"data", images.source()},
          {"images", std::to_string(images.size())},
          {"views", views}};
}

fs::path view_folder(const fs::path& store, int64_t view) {
  return store / ("view-" + std::to_string(view));
}

int64_t budgeted_views(const OutputStore::Options& options, int64_t images, int64_t dim, Log& log) {
  const auto view_bytes =
      static_cast<uint64_t>(images) * static_cast<uint64_t>(dim) * sizeof(at::Half);
  const auto fit = static_cast<int64_t>(
      std::min<uint64_t>(options.byte_budget / std::max<uint64_t>(view_bytes, 1), 1000));
  if (fit == 0)
    throw Error("one view of the teacher's outputs takes " + std::to_string(view_bytes >> 20) +
                    " MiB, more than the budget of " + std::to_string(options.byte_budget >> 20) +
                    " MiB",
                "", "raise --store-budget");
  if (fit < options.views)
    log.warn("the budget of " + std::to_string(options.byte_budget >> 20) + " MiB holds " +
             std::to_string(fit) + " of " + std::to_string(options.views) + " views");
  return std::min(options.views, fit);
}

// Spreads kCheckedRows rows over all views and parts.
std::vector<data::Sample> spread_samples(int64_t views, int64_t images) {
  const int64_t parts = (images + FeatureParts::kRows - 1) / FeatureParts::kRows,
                cells = views * parts;
  std::vector<data::Sample> samples;
  for (int64_t i = 0; i < kCheckedRows; ++i) {
    const int64_t cell = i * cells / kCheckedRows;
    const bool all = cells <= kCheckedRows;
    const int64_t view = all ? cell / parts : i % views,
                  part = all ? cell % parts : i * parts / kCheckedRows;
    const int64_t rows = std::min(FeatureParts::kRows, images - part * FeatureParts::kRows);
    samples.push_back(
        {part * FeatureParts::kRows + CounterRng({static_cast<uint64_t>(i)}).below(rows), view});
  }
  return samples;
}

std::vector<data::Sample> samples_of(int64_t view, int64_t first, int64_t count) {
  std::vector<data::Sample> samples;
  for (int64_t i = first; i < first + count; ++i) samples.push_back({i, view});
  return samples;
}

}  // namespace

at::Tensor logits_of(const Teacher& teacher, const FeatureParts& features) {
  if (features.parts().empty()) return teacher.logits(features.all());
  std::vector<at::Tensor> logits;
  for (const at::Tensor& part : features.parts())
    logits.push_back(teacher.logits(part.to(at::kFloat)));
  return at::cat(logits);
}

// Rows that were computed in this run are not checked.
void OutputStore::check_against_live(const fs::path& folder, int64_t images) const {
  std::vector<data::Sample> samples = spread_samples(stored(), images);
  std::erase_if(samples, [this](const data::Sample& sample) {
    return !view(sample.view).was_there(sample.position);
  });
  if (samples.empty()) return;
  const at::Tensor expected = forward_(samples);
  const at::Tensor differences =
      (features(samples) - expected).norm(2, 1) / expected.norm(2, 1).clamp_min(1e-12);
  const auto worst = differences.argmax().item<int64_t>();
  const auto difference = differences[worst].item<double>();
  if (difference < kCheckTolerance) return;
  const data::Sample& sample = samples[static_cast<size_t>(worst)];
  throw Error("the stored outputs differ from the live teacher's: row " +
                  std::to_string(sample.position) + " of view " + std::to_string(sample.view) +
                  " by " + std::to_string(100 * difference) + " %",
              folder.string(), "remove this folder: it will be made again");
}

OutputStore OutputStore::open(const fs::path& cache_dir, Teacher& teacher,
                              const data::ImageStore& images, const data::ViewRecipe& recipe,
                              const Options& options, Log& log, const StopFlag& stop) {
  OutputStore store;
  store.dim_ = teacher.feature_dim();
  store.all_views_ = options.all_views;
  store.forward_ = [&teacher, &images, &recipe,
                    seed = options.view_seed](std::span<const data::Sample> samples) {
    return teacher.features(
        data::render_batch(images, samples, recipe, seed, teacher.input_spec()));
  };
  const int64_t views = budgeted_views(options, images.size(), store.dim_, log);
  const std::string key = key_of(teacher, images, recipe, options);
  const fs::path folder = cache_dir / "teacher" / key;
  store.use_ = StoreUse::begin(
      cache_dir, "teacher", key,
      about(teacher, images,
            std::to_string(views) + ", drawn with seed " + std::to_string(options.view_seed)),
      log);

  Meter meter(log, "teacher", views * images.size());
  for (int64_t view = 0; view < views; ++view) {
    const auto compute = [&](int64_t first, int64_t count) {
      std::vector<at::Tensor> batches;
      for (int64_t at = first; at < first + count; at += options.batch_size) {
        check_stop(stop, "computing the teacher's features");
        const int64_t size = std::min(options.batch_size, first + count - at);
        batches.push_back(store.forward_(samples_of(view, at, size)));
        meter.note("view " + std::to_string(view + 1) + "/" + std::to_string(views),
                   at - first + size);
      }
      return at::cat(batches);
    };
    store.views_.push_back(FeatureParts::open(view_folder(folder, view), key, images.size(),
                                              store.dim_, compute, meter, stop,
                                              {*options.ranks, view}));
  }

  store.check_against_live(folder, images.size());
  return store;
}

OutputStore::Looks OutputStore::looks(const fs::path& cache_dir, const Teacher& teacher,
                                      const data::ImageStore& images,
                                      const data::ViewRecipe& recipe, const Options& options) {
  const fs::path folder = cache_dir / "teacher" / key_of(teacher, images, recipe, options);
  const int64_t views = budgeted_views(options, images.size(), teacher.feature_dim(), null_log());
  Looks looks{.live = std::max<int64_t>(0, options.all_views - views) * images.size()};
  std::error_code error;
  for (int64_t view = 0; view < views; ++view) {
    for (int64_t first = 0, part = 0; first < images.size(); first += FeatureParts::kRows, ++part)
      if (!fs::exists(FeatureParts::path(view_folder(folder, view), part), error))
        looks.missing += std::min(FeatureParts::kRows, images.size() - first);
  }
  return looks;
}

at::Tensor OutputStore::features(std::span<const data::Sample> samples) const {
  at::Tensor out = at::empty({static_cast<int64_t>(samples.size()), dim_}, at::kHalf);
  auto* to = out.data_ptr<at::Half>();
  std::vector<data::Sample> live;
  std::vector<int64_t> rows_of_live;
  for (size_t i = 0; i < samples.size(); ++i, to += dim_) {
    const data::Sample sample{samples[i].position, samples[i].view % views()};
    if (sample.view < stored()) {
      std::memcpy(to, view(sample.view).row(sample.position),
                  static_cast<size_t>(dim_) * sizeof(at::Half));
    } else {
      live.push_back(sample);
      rows_of_live.push_back(static_cast<int64_t>(i));
    }
  }
  at::Tensor features = out.to(at::kFloat);
  if (!live.empty()) features.index_copy_(0, at::tensor(rows_of_live), forward_(live));
  return features;
}

FeatureParts evaluation_features(const fs::path& cache_dir, Teacher& teacher,
                                 const data::ImageStore& images, const std::string& what, Log& log,
                                 const StopFlag& stop) {
  const std::string key =
      Hasher().text("evaluation-1").text(teacher.key()).text(images.key()).hex();
  std::shared_ptr<const StoreUse> use =
      StoreUse::begin(cache_dir, "teacher", key, about(teacher, images, "as for evaluation"), log);
  Meter meter(log, "teacher, " + what, images.size());
  const auto compute = [&](int64_t first, int64_t count) {
    std::vector<at::Tensor> batches;
    for (int64_t at = first; at < first + count; at += 64) {
      check_stop(stop, "evaluating the teacher");
      const int64_t size = std::min<int64_t>(64, first + count - at);
      batches.push_back(teacher.features(data::eval_batch(images, at, size, teacher.input_spec())));
      meter.note("", at - first + size);
    }
    return at::cat(batches);
  };
  FeatureParts parts = FeatureParts::open(cache_dir / "teacher" / key, key, images.size(),
                                          teacher.feature_dim(), compute, meter, stop);
  parts.hold(std::move(use));
  return parts;
}

}  // namespace retort::teacher
