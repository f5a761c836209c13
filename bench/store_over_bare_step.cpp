// Training with a filled output store beside the bare step: the same student on one fixed batch in memory, with no images to render and no
// store to read, in one run and in turns (these machines are noisy). Prints the ratio of images per second; the bar is 85 %.
//   bench_store_over_bare_step [DATA TEACHER [STUDENT [SIZE [TEACHER_SIZE]]]], by default on what `make demo` left
#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <cstdio>

#include "retort/core/file.h"
#include "retort/core/random.h"
#include "retort/data/manifest.h"
#include "retort/losses/objective.h"
#include "retort/models/registry.h"
#include "retort/teacher/output_store.h"
#include "retort/train/optimizer.h"

namespace {

using namespace retort;

constexpr int kRounds = 7;
constexpr int kStepsARound = 12;
constexpr int64_t kBatch = 64;

// One training step, as the trainer takes it, on inputs that are ready.
struct Stepper {
  models::ModelPtr student;
  losses::Objective objective;
  train::AdamW optimizer;
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

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "demo/emoji";
  const std::string weights = argc > 2 ? argv[2] : "demo/teacher/efficientnet_lite2.pth";
  const std::string arch = argc > 3 ? argv[3] : "resnet18";
  const int64_t size = argc > 4 ? std::atoll(argv[4]) : 64;
  const int64_t teacher_size = argc > 5 ? std::atoll(argv[5]) : 128;
  const models::Precision precision = models::precision_from("auto");
  const data::Manifest manifest = data::load_manifest(folder);
  const auto classes = static_cast<int64_t>(manifest.classes.size());
  const data::ImageStore images =
      data::ImageStore::open(default_cache_dir(), manifest, manifest.of(data::Split::train), data::bounded(320), {});
  teacher::Teacher teacher({.weights = weights, .size = teacher_size}, precision);
  teacher.set_head(at::zeros({classes, teacher.feature_dim()}), at::zeros({classes}));
  const data::ViewRecipe recipe;
  const teacher::OutputStore outputs = teacher::OutputStore::open(default_cache_dir(), teacher, images, recipe, {.views = 1});

  torch::manual_seed(0);
  models::ModelPtr student = models::make_model({arch, classes});
  data::InputSpec spec = student->input_spec();
  spec.size = size;
  models::use_channels_last(*student);
  losses::Objective objective({{"cross_entropy", 1, {}}, {"align_uniform", 0.8, {}}, {"kd", 1, {}}},
                              {student->feature_dim(), teacher.feature_dim(), classes, images.size(), {}, {}, {}, {}});
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  for (const auto& item : student->named_parameters()) parameters.emplace_back(item.key(), item.value());
  for (const auto& item : objective.named_parameters()) parameters.emplace_back("objective." + item.key(), item.value());
  Stepper stepper{student, objective, train::AdamW(parameters, {}), precision};
  student->train();

  CounterRng rng({1});
  const auto batch = [&] {
    std::vector<data::Sample> samples;
    for (int64_t i = 0; i < kBatch; ++i) samples.push_back({rng.below(images.size()), 0});
    return samples;
  };
  const auto load = [&](const std::vector<data::Sample>& samples) {
    losses::StepView view;
    view.labels = data::labels_of(images, samples);
    view.teacher_features = outputs.features(samples);
    view.teacher_logits = teacher.logits(view.teacher_features);
    return std::pair(data::render_batch(images, samples, recipe, 0, spec), view);
  };
  const auto [fixed_images, fixed_view] = load(batch());
  std::vector<double> ratios;
  for (int round = 0; round <= kRounds; ++round) {
    const Stopwatch bare;
    for (int i = 0; i < kStepsARound; ++i) stepper.step(fixed_images, fixed_view);
    const double bare_seconds = bare.seconds();
    const Stopwatch full;
    for (int i = 0; i < kStepsARound; ++i) {
      const auto [x, view] = load(batch());
      stepper.step(x, view);
    }
    const double full_seconds = full.seconds();
    if (round == 0) continue;  // warm-up
    ratios.push_back(bare_seconds / full_seconds);
    std::printf("round %d: bare %.0f images/s, with store %.0f images/s, ratio %.3f\n", round, kBatch * kStepsARound / bare_seconds,
                kBatch * kStepsARound / full_seconds, ratios.back());
  }
  std::ranges::sort(ratios);
  std::printf("store_over_bare_step, %s, %lld px, %s, %d threads: median %.3f (of %d rounds, %.3f to %.3f)\n", arch.c_str(),
              static_cast<long long>(size), models::to_string(precision).c_str(), at::get_num_threads(), ratios[ratios.size() / 2], kRounds,
              ratios.front(), ratios.back());
  return 0;
}
