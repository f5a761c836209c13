// Training with a filled output store compared with the bare step: the same student on one fixed
// batch in memory, with no images to render and no store to read, measured in one run and in turns
// (these machines are noisy). It gives the ratio of images per second at 64, 128 and 224 px, and
// then the time to write and read the store itself.
#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <filesystem>

#include "bench/bench.h"
#include "retort/core/random.h"
#include "retort/data/manifest.h"
#include "retort/losses/objective.h"
#include "retort/models/registry.h"
#include "retort/teacher/output_store.h"
#include "retort/train/optimizer.h"

namespace bench::of_store {
namespace {

using namespace retort;

constexpr int kRounds = 7;
constexpr int64_t kBatch = 64;
constexpr int64_t kTeacherSize =
    64;  // the teacher's resolution makes no difference once the store is filled

// One training step, as the trainer takes it, on inputs in memory.
struct Stepper {
  models::ModelPtr student;
  losses::Objective objective;
  train::Optimizer optimizer;
  models::Precision precision;

  void step(const at::Tensor& images, losses::StepView view) {
    {
      const models::AutocastGuard autocast(precision);
      const models::Output output = student->forward(images);
      view.student_features = output.features.to(at::kFloat);
      view.student_logits = output.logits.to(at::kFloat);
    }
    const losses::Objective::Value value = objective.forward(view);
    optimizer.zero_grad();
    value.total.backward();
    optimizer.clip_gradients(5);
    optimizer.step(1e-4);
  }
};

// Writes rows of ResNet-50's features in parts.
void measure_writing(Results& results, const std::filesystem::path& folder) {
  constexpr int64_t kRows = 8192, kDim = 2048;
  std::filesystem::remove_all(folder);
  const at::Tensor features = at::randn({1024, kDim});
  Meter meter(null_log(), "writing", kRows);
  const Stopwatch watch;
  const FeatureParts parts = FeatureParts::open(
      folder, "bench", kRows, kDim,
      [&](int64_t, int64_t count) { return features.narrow(0, 0, count); }, meter, never_stop());
  constexpr double kMegabytes = 2.0 * kRows * kDim / 1e6;
  results.add("output_store.written_per_second", kMegabytes / watch.seconds(), "MB/s");
  std::filesystem::remove_all(folder);
}

// The images and outputs of a training.
struct Filled {
  const data::ImageStore& images;
  const teacher::OutputStore& outputs;
  const teacher::Teacher& teacher;
  data::ViewRecipe recipe;
  int64_t classes;
};

std::vector<data::Sample> draw_batch(const Filled& filled, CounterRng& rng) {
  std::vector<data::Sample> samples;
  for (int64_t i = 0; i < kBatch; ++i) samples.push_back({rng.below(filled.images.size()), 0});
  return samples;
}

// Reads batches of features, in a random order, and converts them to floats.
void measure_reading(Results& results, const Filled& filled) {
  constexpr int kBatches = 100;
  CounterRng rng({2});
  const double seconds = seconds_a_call([&] {
    for (int i = 0; i < kBatches; ++i) filled.outputs.features(draw_batch(filled, rng));
  });
  results.add("output_store.rows_read_per_second", kBatches * kBatch / seconds,
              std::to_string(filled.teacher.feature_dim()) + " features each");
}

double ratio(const Filled& filled, int64_t size) {
  torch::manual_seed(0);
  const models::Precision precision = models::fastest_precision();
  const models::ModelPtr student = models::make_model({"mobilenet_v2", filled.classes});
  data::InputSpec spec = student->input_spec();
  spec.size = size;
  models::use_channels_last(*student);
  losses::Objective objective({{"cross_entropy", 1, {}}, {"align_uniform", 0.8, {}}, {"kd", 1, {}}},
                              {student->feature_dim(),
                               filled.teacher.feature_dim(),
                               filled.classes,
                               filled.images.size(),
                               {},
                               {},
                               {},
                               {}});
  Stepper stepper{student, objective, train::Optimizer(train::trainable(*student, &objective), {}),
                  precision};
  student->train();

  CounterRng rng({1});
  const auto load = [&] {
    const std::vector<data::Sample> samples = draw_batch(filled, rng);
    losses::StepView view;
    view.labels = data::labels_of(filled.images, samples);
    view.teacher_features = filled.outputs.features(samples);
    view.teacher_logits = filled.teacher.logits(view.teacher_features);
    return std::pair(data::render_batch(filled.images, samples, filled.recipe, 0, spec), view);
  };
  const auto [fixed_images, fixed_view] = load();
  const int steps = size > 128 ? 3 : 10;
  const auto [bare, full] = in_turns(
      [&] {
        for (int i = 0; i < steps; ++i) stepper.step(fixed_images, fixed_view);
      },
      [&] {
        for (int i = 0; i < steps; ++i) {
          const auto [images, view] = load();
          stepper.step(images, view);
        }
      },
      kRounds);
  return bare / full;
}

void run(const std::vector<std::string>& arguments, Results& results) {
  const data::Manifest manifest = data::load_manifest(arguments[0]);
  const auto classes = static_cast<int64_t>(manifest.classes.size());
  const data::ImageStore images = data::ImageStore::open(
      arguments[1], manifest, manifest.of(data::Split::train), data::bounded(256), {});
  teacher::Teacher teacher({.weights = arguments[2], .size = kTeacherSize},
                           models::fastest_precision());
  teacher.set_head(at::zeros({classes, teacher.feature_dim()}), at::zeros({classes}));
  const data::ViewRecipe recipe;
  const teacher::OutputStore outputs =
      teacher::OutputStore::open(arguments[1], teacher, images, recipe, {.views = 1});
  const Filled filled{images, outputs, teacher, recipe, classes};
  for (const int64_t size : {64, 128, 224})
    results.add("store_over_bare_step." + std::to_string(size), ratio(filled, size), "of 1");
  measure_reading(results, filled);
  measure_writing(results, std::filesystem::path(arguments[1]) / "bench-parts");
}

}  // namespace

Part part() { return {"store", {"DATA", "CACHE", "TEACHER"}, run}; }

}  // namespace bench::of_store
