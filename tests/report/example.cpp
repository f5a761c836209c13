#include "tests/report/example.h"

#include <cmath>

#include "retort/core/file.h"
#include "retort/core/random.h"
#include "retort/data/encode.h"

namespace retort::report {

void write_picture(const std::filesystem::path& path, int64_t width, int64_t height,
                   int64_t shade) {
  data::Image image{width, height, std::vector<uint8_t>(static_cast<size_t>(3 * width * height))};
  for (size_t i = 0; i < image.rgb.size(); ++i) {
    const int64_t x = static_cast<int64_t>(i / 3) % width;
    image.rgb[i] = static_cast<uint8_t>(
        x * 3 < width ? 235 : (shade * (61 + 20 * static_cast<int64_t>(i % 3)) + x) % 256);
  }
  std::filesystem::create_directories(path.parent_path());
  write_file_atomic(path, data::encode_jpeg(image, 90));
}

Page example_page(const std::filesystem::path& root, int64_t classes, int64_t images) {
  CounterRng rng{7};
  Page page;
  page.title = "example";
  page.data_root = root;
  for (int64_t c = 0; c < classes; ++c)
    page.classes.push_back((c % 3 == 0   ? "class number "
                            : c % 3 == 1 ? "long-winded class name "
                                         : "c") +
                           std::to_string(c));
  int64_t right = 0;
  for (int64_t c = 0; c < classes; ++c) {
    const double easy = rng.uniform(0.5, 1.0);
    for (int64_t i = 0; i < images; ++i) {
      data::Prediction p{std::to_string(c) + "/" + std::to_string(i) + ".jpg", c, c,
                         rng.uniform(0.4, 1.0)};
      if (rng.uniform() > easy)
        p.predicted = rng.uniform() < 0.6 ? (c + 1) % classes : rng.below(classes);
      right += p.label == p.predicted;
      if (i < 2) write_picture(root / p.path, 40 + 30 * (c % 5), 60 + 20 * (i + c % 3), c);
      page.predictions.push_back(p);
    }
  }
  const double accuracy =
      100.0 * static_cast<double>(right) / static_cast<double>(classes * images);
  page.rows = {
      {"teacher", "efficientnet_lite2", accuracy + 3.25, 4'991'000, 281'000'000, 9.13, 48.2},
      {"distilled", "mobilenet_v2", accuracy, 2'353'000, 25'800'000, 2.44, 634},
      {"from scratch", "mobilenet_v2", accuracy - 6.5, 2'353'000, 25'800'000, 2.41, 590}};
  for (int e = 1; e <= 40; ++e) {
    const double t = e / 40.0;
    page.epochs.push_back(
        {.epoch = e,
         .train_loss = 1.2 + 3.4 * std::exp(-4 * t) + 0.05 * std::sin(9 * e),
         .train_accuracy = 10 + 82 * (1 - std::exp(-4 * t)),
         .terms = {{"cross_entropy", 3.5 * std::exp(-3 * t)},
                   {"align_uniform", -2 - t},
                   {"kd", 4 * std::exp(-2 * t)}},
         .learning_rate = e < 4 ? 1e-3 * e / 4 : 5e-4 * (1 + std::cos(3.14159 * t)),
         .images_per_second = 200.5,
         .val_accuracy = 12 + 70 * (1 - std::exp(-4 * t)) + std::sin(5 * e)});
  }
  page.summary = {
      {"student", {{"test_accuracy", accuracy}, {"parameters", 2'353'000}}},
      {"seconds", {{"total", 702.123456789}}},
      {"skipped_files", {{{"path", "train/a/broken.jpg"}, {"reason", "the file ends too early"}}}}};
  page.config_toml =
      "data = \"photos\"\nstudent = \"mobilenet_v2\"\nepochs = 40\n\n[augment]\nflip = 0.5\n";
  return page;
}

}  // namespace retort::report
