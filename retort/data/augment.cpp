#include "retort/data/augment.h"

#include "retort/core/error.h"
#include "retort/data/augment_ops.h"

namespace retort::data {
namespace {

constexpr int64_t kRandOps = static_cast<int64_t>(AugmentOp::equalize) + 1;

void check_range(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return;
  throw UsageError(std::to_string(value) + " is not in [" + std::to_string(low) + ", " +
                       std::to_string(high) + "]",
                   name);
}

}  // namespace

std::string AugmentRecipe::key() const {
  std::string text;
  if (randaugment > 0)
    text +=
        " randaugment " + std::to_string(randaugment) + " " + std::to_string(randaugment_magnitude);
  if (!diffaugment.empty()) text += " diffaugment " + diffaugment + " " + word_of(diffaugment_mode);
  return text;
}

void check(const AugmentRecipe& recipe) {
  diff_ops(recipe.diffaugment);
  check_range("randaugment", recipe.randaugment, 0, 16);
  check_range("randaugment-magnitude", recipe.randaugment_magnitude, 0, 30);
}

std::vector<AugmentStep> draw_augment(const AugmentRecipe& recipe, CounterRng& rng) {
  check(recipe);
  std::vector<AugmentStep> steps;
  for (int64_t i = 0; i < recipe.randaugment; ++i) {
    const auto op = static_cast<AugmentOp>(rng.below(kRandOps));
    steps.push_back(rand_augment_step(op, recipe.randaugment_magnitude, rng.uniform() < 0.5));
  }
  const std::vector<AugmentOp> ops = diff_ops(recipe.diffaugment);
  if (ops.empty()) return steps;
  if (recipe.diffaugment_mode == DiffAugmentMode::single) {
    draw_diff(ops[static_cast<size_t>(rng.below(static_cast<int64_t>(ops.size())))], rng, steps);
  } else {
    for (const AugmentOp op : ops) draw_diff(op, rng, steps);
  }
  return steps;
}

void augment(Planes& image, std::span<const AugmentStep> steps) {
  for (const AugmentStep& step : steps) {
    if (step.op <= AugmentOp::equalize) {
      apply_rand(image, step);
    } else {
      apply_diff(image, step);
    }
  }
}

}  // namespace retort::data
