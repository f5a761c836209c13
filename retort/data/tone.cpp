#include <algorithm>
#include <array>

#include "retort/data/colour.h"
#include "retort/data/to_byte.h"

// The colour functions that map each channel through a table of 256 values.
namespace retort::data {
namespace {

using Table = std::array<uint8_t, 256>;

template <typename Value>
Table table_of(const Value& value) {
  Table table{};
  for (size_t v = 0; v < table.size(); ++v) table[v] = value(static_cast<int>(v));
  return table;
}

void replace(uint8_t* plane, int64_t count, const Table& table) {
  for (int64_t i = 0; i < count; ++i) plane[i] = table[plane[i]];
}

void replace(Planes& image, const Table& table) {
  for (int64_t c = 0; c < 3; ++c) replace(image.channel(c), image.count(), table);
}

}  // namespace

void posterize(Planes& image, int64_t bits) {
  const int mask = 0xFF << (8 - std::clamp<int64_t>(bits, 0, 8)) & 0xFF;
  replace(image, table_of([&](int v) { return static_cast<uint8_t>(v & mask); }));
}

void solarize(Planes& image, float threshold) {
  replace(image, table_of([&](int v) {
            return static_cast<uint8_t>(static_cast<float>(v) >= threshold ? 255 - v : v);
          }));
}

void autocontrast(Planes& image) {
  for (int64_t c = 0; c < 3; ++c) {
    uint8_t* plane = image.channel(c);
    const auto [low, high] = std::minmax_element(plane, plane + image.count());
    if (*low == *high) continue;
    const auto least = static_cast<float>(*low);
    const float scale = (static_cast<float>(*high) - least) * (1.0F / 255);
    replace(plane, image.count(),
            table_of([&](int v) { return to_byte((static_cast<float>(v) - least) / scale); }));
  }
}

void equalize(Planes& image) {
  for (int64_t c = 0; c < 3; ++c) {
    uint8_t* plane = image.channel(c);
    std::array<int64_t, 256> histogram{};
    for (int64_t i = 0; i < image.count(); ++i) ++histogram[plane[i]];
    const int64_t last =
        *std::find_if(histogram.rbegin(), histogram.rend(), [](int64_t n) { return n > 0; });
    const int64_t step = (image.count() - last) / 255;
    if (step == 0) continue;
    int64_t below = 0;
    replace(plane, image.count(), table_of([&](int v) {
              const int64_t value = v == 0 ? 0 : (below + step / 2) / step;
              below += histogram[static_cast<size_t>(v)];
              return static_cast<uint8_t>(std::min<int64_t>(value, 255));
            }));
  }
}

}  // namespace retort::data
