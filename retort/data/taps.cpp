#include "retort/data/taps.h"

#include <algorithm>
#include <cmath>

namespace retort::data {
namespace {

double triangle(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}

// Keys (1981) with PIL's a, in libtorch's order of operations.
double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  if (x < 2) return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA;
  return 0;
}

int bits_after_point(double largest) {
  constexpr int kMostBits = 22;  // 255 times the sum of all weights stays within 32 bits
  int bits = 0;
  while (bits < kMostBits && std::lround(largest * (1 << (bits + 1))) < (1 << 15)) ++bits;
  return bits;
}

int64_t place(double at) { return static_cast<int64_t>(std::floor(at + 0.5)); }

}  // namespace

void Taps::weigh(int64_t from, int64_t to, Interpolation interpolation, bool mirrored) {
  const double scale = static_cast<double>(from) / static_cast<double>(to),
               stretch = std::max(scale, 1.0), squeeze = 1 / stretch;
  const double reach = (interpolation == Interpolation::bilinear ? 1 : 2) * stretch;
  most = 2 * static_cast<int64_t>(std::ceil(reach)) + 2;
  const auto places = static_cast<size_t>(to), width = static_cast<size_t>(most);
  first.resize(places);
  count.resize(places);
  weight.assign(places * width, 0);
  exact_.assign(places * width, 0);
  double largest = 0;
  for (size_t i = 0; i < places; ++i) {
    const double center = scale * (static_cast<double>(mirrored ? places - 1 - i : i) + 0.5);
    const int64_t begin = std::max(place(center - reach), int64_t{0});
    const auto taps = static_cast<size_t>(std::min(place(center + reach), from) - begin);
    double* exact = exact_.data() + width * i;
    double sum = 0;
    for (size_t k = 0; k < taps; ++k) {
      const double x =
          (static_cast<double>(begin) + static_cast<double>(k) - center + 0.5) * squeeze;
      exact[k] = interpolation == Interpolation::bilinear ? triangle(x) : cubic(x);
      sum += exact[k];
    }
    for (size_t k = 0; k < taps; ++k) {
      exact[k] /= sum;
      largest = std::max(largest, exact[k]);
    }
    first[i] = static_cast<int32_t>(begin);
    count[i] = static_cast<int32_t>(taps);
  }
  shift = bits_after_point(largest);
  const double unit = 1 << shift;
  for (size_t k = 0; k < weight.size(); ++k) {
    const double scaled = unit * exact_[k];
    weight[k] = static_cast<int16_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  }
}

}  // namespace retort::data
