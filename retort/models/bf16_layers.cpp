#include "retort/models/bf16_layers.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>

#include "retort/core/vectorised.h"
#include "retort/models/bf16.h"

namespace retort::models {
namespace {

constexpr int64_t kShare = 1 << 16;  // values that get sums of their own, and that a thread takes at a time
constexpr int64_t kWide = 256;       // values of a row at least, where places can be joined

// The maps as rows of numbers, place after place: where channels are few a row has those of several places, so that loops over it are long.
struct Rows {
  int64_t channels, places = 1, rows;

  explicit Rows(const at::Tensor& maps) : channels(maps.size(1)), rows(maps.numel() / channels) {
    while (width() < kWide && rows % 2 == 0) places *= 2, rows /= 2;
  }
  int64_t width() const { return channels * places; }
  int64_t at_once() const { return std::max<int64_t>(1, kShare / width()); }
  int64_t shares() const { return (rows + at_once() - 1) / at_once(); }

  // What is of channels, as often as a row has them.
  at::Tensor spread(const at::Tensor& of_channels) const { return of_channels.to(at::kFloat).repeat({places}).contiguous(); }

  // pass(share, its first row, its number of rows)
  template <class Pass>
  void each(const Pass& pass) const {
    at::parallel_for(0, shares(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t share = begin; share < end; ++share) pass(share, share * at_once(), std::min(at_once(), rows - share * at_once()));
    });
  }

  // Of [shares, 2, width]: [2, C], in double.
  at::Tensor total(const at::Tensor& sums) const { return sums.to(at::kDouble).sum(0).view({2, places, channels}).sum(1); }
};

RETORT_VECTORISED void add_moments(const uint16_t* x, int64_t rows, int64_t width, const float* __restrict near, float* __restrict sums,
                                   float* __restrict squares) {
  for (int64_t row = 0; row < rows; ++row, x += width)
    for (int64_t i = 0; i < width; ++i) {
      const float value = widened(x[i]) - near[i];
      sums[i] += value;
      squares[i] += value * value;
    }
}

// Batch norm of a row: scale · x + shift, cut off at the bounds.
struct Line {
  const float *scale, *shift;
  Bounds bounds;
};

[[gnu::always_inline]] inline bool passes(const Line& line, int64_t i, float x) {
  const float value = widened(narrowed(line.scale[i] * x + line.shift[i]));
  return value > line.bounds.low && value < line.bounds.high;
}

RETORT_VECTORISED void norm_rows(const uint16_t* x, int64_t rows, int64_t width, const Line& by, uint16_t* __restrict to) {
  const Line line = by;
  for (int64_t row = 0; row < rows; ++row, x += width, to += width)
    for (int64_t i = 0; i < width; ++i) {
      const float value = line.scale[i] * widened(x[i]) + line.shift[i];
      to[i] = narrowed(value < line.bounds.low ? line.bounds.low : value > line.bounds.high ? line.bounds.high : value);
    }
}

RETORT_VECTORISED void add_products(const uint16_t* gradient, const uint16_t* x, int64_t rows, int64_t width, const Line& by,
                                    const float* __restrict mean, float* __restrict sums, float* __restrict products) {
  const Line line = by;
  for (int64_t row = 0; row < rows; ++row, x += width, gradient += width)
    for (int64_t i = 0; i < width; ++i) {
      const float value = widened(x[i]), of = passes(line, i, value) ? widened(gradient[i]) : 0;
      sums[i] += of;
      products[i] += of * (value - mean[i]);
    }
}

RETORT_VECTORISED void combine_rows(const uint16_t* gradient, const uint16_t* x, int64_t rows, int64_t width, const Line& by,
                                    const float* of_x, const float* constant, uint16_t* __restrict to) {
  const Line line = by;
  for (int64_t row = 0; row < rows; ++row, x += width, gradient += width, to += width)
    for (int64_t i = 0; i < width; ++i) {
      const float value = widened(x[i]), of = passes(line, i, value) ? widened(gradient[i]) : 0;
      to[i] = narrowed(line.scale[i] * of + of_x[i] * value + constant[i]);
    }
}

// What a line needs of a batch norm, as often as a row has channels.
struct Spread {
  at::Tensor scale, scales, shifts;
  Bounds bounds;

  Spread(const Rows& rows, const BatchNorm& norm)
      : scale(norm.weight * norm.inverse_std),
        scales(rows.spread(scale)),
        shifts(rows.spread(norm.bias - norm.mean * scale)),
        bounds(norm.bounds) {}
  Line line() const { return {scales.const_data_ptr<float>(), shifts.const_data_ptr<float>(), bounds}; }
};

}  // namespace

bool are_bf16_maps(const at::Tensor& x) {
  return x.is_cpu() && x.dim() == 4 && x.scalar_type() == at::kBFloat16 && x.numel() > 0 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

std::tuple<at::Tensor, at::Tensor> batch_moments(const at::Tensor& maps) {
  const Rows rows(maps);
  // Squares of differences from any one place: those from zero lose what a large mean leaves.
  const at::Tensor first = maps.permute({0, 2, 3, 1}).reshape({-1, rows.channels})[0].to(at::kFloat), near = rows.spread(first);
  const at::Tensor sums = at::zeros({rows.shares(), 2, rows.width()}, near.options());
  rows.each([&](int64_t share, int64_t row, int64_t count) {
    float* to = sums.mutable_data_ptr<float>() + 2 * share * rows.width();
    add_moments(halves(maps) + row * rows.width(), count, rows.width(), near.const_data_ptr<float>(), to, to + rows.width());
  });
  const at::Tensor means = rows.total(sums) / (rows.rows * rows.places);
  const at::Tensor variance = (means[1] - means[0].square()).clamp_min(0);
  return {(means[0] + first).to(at::kFloat), variance.to(at::kFloat)};
}

at::Tensor normed(const at::Tensor& maps, const BatchNorm& norm) {
  const Rows rows(maps);
  const Spread spread(rows, norm);
  const at::Tensor out = at::empty_like(maps);
  rows.each([&](int64_t, int64_t row, int64_t count) {
    norm_rows(halves(maps) + row * rows.width(), count, rows.width(), spread.line(), mutable_halves(out) + row * rows.width());
  });
  return out;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> gradients_of(const at::Tensor& gradient, const at::Tensor& maps, const BatchNorm& norm) {
  const Rows rows(maps);
  const Spread spread(rows, norm);
  const at::Tensor mean = rows.spread(norm.mean), sums = at::zeros({rows.shares(), 2, rows.width()}, mean.options());
  rows.each([&](int64_t share, int64_t row, int64_t count) {
    float* to = sums.mutable_data_ptr<float>() + 2 * share * rows.width();
    add_products(halves(gradient) + row * rows.width(), halves(maps) + row * rows.width(), count, rows.width(), spread.line(),
                 mean.const_data_ptr<float>(), to, to + rows.width());
  });
  const at::Tensor total = rows.total(sums).to(at::kFloat), of_bias = total[0], of_weight = total[1] * norm.inverse_std;
  // scale · (g - mean of g - x̂ · mean of g x̂), x̂ = (x - mean) · inverse_std, as a sum of g, x and a constant.
  const auto places = static_cast<double>(rows.rows * rows.places);
  const at::Tensor of_x = -spread.scale * norm.inverse_std * of_weight / places;
  const at::Tensor constant = -spread.scale * of_bias / places - of_x * norm.mean;
  const at::Tensor by_x = rows.spread(of_x), plus = rows.spread(constant), out = at::empty_like(maps);
  rows.each([&](int64_t, int64_t row, int64_t count) {
    combine_rows(halves(gradient) + row * rows.width(), halves(maps) + row * rows.width(), count, rows.width(), spread.line(),
                 by_x.const_data_ptr<float>(), plus.const_data_ptr<float>(), mutable_halves(out) + row * rows.width());
  });
  return {out, of_weight, of_bias};
}

}  // namespace retort::models
