// Images, from file to batch, on one core except for the loader: decoding, decoding with a random
// resized crop, the resize compared with libtorch's, views from the image store at several
// resolutions, and the loader as training uses it. FILE is one photograph, which bench/run.py also
// gives to libjpeg-turbo's tjbench.
#include <ATen/Parallel.h>

#include "bench/bench.h"
#include "retort/core/file.h"
#include "retort/data/batch.h"
#include "retort/data/manifest.h"

namespace bench::of_images {
namespace {

using namespace retort;

data::InputSpec input(int64_t size) {
  data::InputSpec spec;
  spec.size = size;
  return spec;
}

void measure_decoding(Results& results, const std::string& path, int64_t size) {
  const std::string file = read_file(path);
  const auto decode = [&] { return data::decode(std::as_bytes(std::span(file)), path); };
  data::ViewRecipe recipe;
  recipe.brightness = recipe.contrast = recipe.saturation = 0;  // only a crop and a flip
  const data::InputSpec spec = input(size);
  const data::Image whole = decode();
  const double megapixels = static_cast<double>(whole.width * whole.height) / 1e6;
  constexpr int kCalls = 40;
  int64_t number = 0;
  data::Renderer renderer;
  const auto [plain, cropped] = in_turns(
      [&] {
        for (int i = 0; i < kCalls; ++i) decode();
      },
      [&] {
        for (int i = 0; i < kCalls; ++i) {
          const data::View view =
              data::draw_view(recipe, whole.width, whole.height, 0, 0, number++);
          renderer.view(data::decode_part(std::as_bytes(std::span(file)), path, data::crop_of(view),
                                          2 * size),
                        view, spec);
        }
      });
  results.add("decode.megapixels_per_second", kCalls * megapixels / plain, "MP/s on one core");
  results.add("decode_and_crop.megapixels_per_second", kCalls * megapixels / cropped,
              "MP/s on one core");
}

void measure_views(Results& results, const data::ImageStore& store, int64_t size) {
  const data::ViewRecipe recipe;
  const data::InputSpec spec = input(size);
  const int64_t count = std::min<int64_t>(store.size(), 256);
  int64_t number = 0;
  data::Renderer renderer;
  const double seconds = seconds_a_call([&] {
    ++number;
    for (int64_t i = 0; i < count; ++i) {
      const data::ImageView image = store.image(i);
      renderer.view(image, data::draw_view(recipe, image.width, image.height, 0, i, number), spec);
    }
  });
  results.add("views_per_second." + std::to_string(size), static_cast<double>(count) / seconds,
              "images/s on one core");
}

// A crop of two thirds of the area, the average of random crops.
void measure_resize(Results& results, const data::ImageStore& store, int64_t size) {
  const data::ImageView image = store.image(0);
  const int64_t width = image.width * 4 / 5, height = image.height * 4 / 5;
  const data::Window crop{image.height / 10, image.width / 10, height, width};
  data::Resizer resizer;
  data::Planes planes;
  constexpr int kCalls = 200;
  const auto [ours, libtorchs] = in_turns(
      [&] {
        for (int i = 0; i < kCalls; ++i)
          resizer.resize(image, crop, size, size, data::Interpolation::bilinear, false, planes);
      },
      [&] {
        for (int i = 0; i < kCalls; ++i)
          data::resize_by_libtorch(image, crop, size, size, data::Interpolation::bilinear, false,
                                   planes);
      });
  results.add("resize_over_libtorch." + std::to_string(size), libtorchs / ours,
              "times as fast, from " + std::to_string(width) + " x " + std::to_string(height));
}

// Normalised batches of 64, in the memory layout of a training step.
double loader(const data::ImageStore& store, int64_t size) {
  const data::ViewRecipe recipe;
  const data::InputSpec spec = input(size);
  int64_t number = 0;
  std::vector<data::Sample> samples(64);
  return 64 / seconds_a_call([&] {
           for (data::Sample& sample : samples)
             sample = {number % store.size(), number / store.size()}, ++number;
           data::render_batch(store, samples, recipe, 0, spec);
         });
}

void run(const std::vector<std::string>& arguments, Results& results) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  measure_decoding(results, arguments[2], 224);
  const data::Manifest manifest = data::load_manifest(arguments[0]);
  const Stopwatch watch;
  const data::ImageStore store = data::ImageStore::open(
      arguments[1], manifest, manifest.of(data::Split::train), data::bounded(256), {});
  results.add("image_store.built_per_second", static_cast<double>(store.size()) / watch.seconds(),
              "images/s on one core");
  for (const int64_t size : {64, 128, 224}) {
    measure_resize(results, store, size);
    measure_views(results, store, size);
  }
  results.add("store_images_per_second_per_core", loader(store, 128),
              "images/s on one core, 128 px");
  at::set_num_threads(threads);
  for (const int64_t size : {64, 128, 224})
    results.add("loader_images_per_second." + std::to_string(size), loader(store, size),
                "images/s on all cores");
}

}  // namespace

Part part() { return {"images", {"DATA", "CACHE", "FILE.jpg"}, run}; }

}  // namespace bench::of_images
