#include "retort/report/samples.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "retort/core/error.h"
#include "retort/core/random.h"
#include "retort/data/encode.h"
#include "retort/data/record.h"
#include "retort/data/view.h"

namespace retort::report {
namespace {

constexpr int64_t kSide = 96;
constexpr int kQuality = 82;
// After so many images that cannot be read, no more are tried, so that a page is quick where all
// are gone.
constexpr size_t kMisses = 50;

// NaN counts as no confidence, because sorting needs an order.
double confidence(const data::Prediction& p) {
  return std::isnan(p.probability) ? -1 : p.probability;
}

auto by_class(const data::Prediction& p) { return std::tie(p.label, p.path); }

// The right or the wrong predictions, in the order in which their images are tried.
std::vector<data::Prediction> candidates(const std::vector<data::Prediction>& predictions,
                                         bool right) {
  std::vector<data::Prediction> chosen;
  std::copy_if(predictions.begin(), predictions.end(), std::back_inserter(chosen),
               [&](const data::Prediction& p) { return (p.label == p.predicted) == right; });
  std::sort(chosen.begin(), chosen.end(), [](const data::Prediction& a, const data::Prediction& b) {
    return by_class(a) < by_class(b);
  });
  if (!right) {
    std::stable_sort(chosen.begin(), chosen.end(),
                     [](const data::Prediction& a, const data::Prediction& b) {
                       return confidence(a) > confidence(b);
                     });
    return chosen;
  }
  std::vector<data::Prediction> drawn;
  for (const int64_t i : permutation(static_cast<int64_t>(chosen.size()), CounterRng{0}))
    drawn.push_back(chosen[static_cast<size_t>(i)]);
  return drawn;
}

}  // namespace

std::string thumbnail(const std::filesystem::path& path) {
  data::Image image = data::read_image(path);
  const int64_t longest = std::max(image.width, image.height);
  if (longest > kSide) {
    const auto scaled = [&](int64_t side) {
      return std::max<int64_t>(1, (side * kSide + longest / 2) / longest);
    };
    image = data::resize(image, scaled(image.width), scaled(image.height),
                         data::Interpolation::bilinear);
  }
  return "data:image/jpeg;base64," + base64(data::encode_jpeg(image, kQuality));
}

std::vector<Sample> samples(const std::vector<data::Prediction>& predictions,
                            const std::filesystem::path& root, bool right, size_t most) {
  std::vector<Sample> found;
  size_t misses = 0;
  for (const data::Prediction& prediction : candidates(predictions, right)) {
    if (found.size() == most || misses == kMisses) break;
    try {
      found.push_back({prediction, thumbnail(root / prediction.path)});
    } catch (const Error&) {
      ++misses;  // missing, or no longer an image
    }
  }
  if (right)
    std::sort(found.begin(), found.end(), [](const Sample& a, const Sample& b) {
      return by_class(a.prediction) < by_class(b.prediction);
    });
  return found;
}

std::string base64(const std::string& bytes) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t j) {
      return j < bytes.size() ? uint32_t{static_cast<uint8_t>(bytes[j])} : 0U;
    };
    const uint32_t word = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (size_t digit = 0; digit < 4; ++digit)
      out += i + digit > bytes.size() ? '=' : kAlphabet[word >> (18 - 6 * digit) & 63];
  }
  return out;
}

}  // namespace retort::report
