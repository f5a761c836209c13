#include "retort/kernels/bf16_layers.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "retort/core/vectorised.h"

namespace retort::kernels {
namespace {

using Half = c10::BFloat16;

constexpr int64_t kShare = 1 << 16;  // values that share one sum; a thread takes a share at a time
constexpr int64_t kWide = 256;       // positions are joined until a row has this many values

// The maps as rows of values. Where there are few channels a row has the values of several
// positions, so that loops over a row are long.
struct Rows {
  int64_t channels, places = 1, rows;

  explicit Rows(const at::Tensor& maps) : channels(maps.size(1)), rows(maps.numel() / channels) {
    while (width() < kWide && rows % 2 == 0) places *= 2, rows /= 2;
  }
  int64_t width() const { return channels * places; }
  int64_t at_once() const { return std::max<int64_t>(1, kShare / width()); }
  int64_t shares() const { return (rows + at_once() - 1) / at_once(); }

  // Repeats the values of the channels, value(channel), to fill a row.
  template <class Value>
  std::vector<float> spread(const Value& value) const {
    std::vector<float> found(static_cast<size_t>(width()));
    for (int64_t c = 0; c < channels; ++c)
      found[static_cast<size_t>(c)] = static_cast<float>(value(c));
    for (int64_t i = channels; i < width(); ++i)
      found[static_cast<size_t>(i)] = found[static_cast<size_t>(i - channels)];
    return found;
  }

  // Calls pass(share, its first row, its number of rows) for each share, in parallel.
  template <class Pass>
  void each(const Pass& pass) const {
    at::parallel_for(0, shares(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t share = begin; share < end; ++share)
        pass(share, share * at_once(), std::min(at_once(), rows - share * at_once()));
    });
  }

  // Zeros [shares, 2, width]: two sums for each value of a row in each share.
  at::Tensor sums() const { return at::zeros({shares(), 2, width()}, at::kFloat); }
  // Adds these up by channel: the first sum of each channel, then the second of each.
  std::vector<double> total(const at::Tensor& sums) const {
    std::vector<double> found(static_cast<size_t>(2 * channels));
    const auto* from = sums.const_data_ptr<float>();
    for (int64_t block = 0; block < 2 * shares() * places; ++block, from += channels) {
      double* to = found.data() + (block / places % 2) * channels;
      for (int64_t c = 0; c < channels; ++c) to[c] += from[c];
    }
    return found;
  }
};

RETORT_VECTORISED void add_moments(const Half* x, int64_t rows, int64_t width,
                                   const float* __restrict near, float* __restrict sums,
                                   float* __restrict squares) {
  for (int64_t row = 0; row < rows; ++row, x += width)
    for (int64_t i = 0; i < width; ++i) {
      const float value = static_cast<float>(x[i]) - near[i];
      sums[i] += value;
      squares[i] += value * value;
    }
}

// Batch norm of a row: scale · x + shift, clamped to the bounds.
struct Line {
  const float *scale, *shift;
  Bounds bounds;
};

[[gnu::always_inline]] inline bool passes(const Line& line, int64_t i, float x) {
  const float value = static_cast<float>(static_cast<Half>(line.scale[i] * x + line.shift[i]));
  return value > line.bounds.low && value < line.bounds.high;
}

RETORT_VECTORISED void norm_rows(const Half* x, int64_t rows, int64_t width, const Line& by,
                                 Half* __restrict to) {
  const Line line = by;
  for (int64_t row = 0; row < rows; ++row, x += width, to += width)
    for (int64_t i = 0; i < width; ++i) {
      const float value = line.scale[i] * static_cast<float>(x[i]) + line.shift[i];
      to[i] = static_cast<Half>(value < line.bounds.low    ? line.bounds.low
                                : value > line.bounds.high ? line.bounds.high
                                                           : value);
    }
}

RETORT_VECTORISED void add_products(const Half* gradient, const Half* x, int64_t rows,
                                    int64_t width, const Line& by, const float* __restrict mean,
                                    float* __restrict sums, float* __restrict products) {
  const Line line = by;
  for (int64_t row = 0; row < rows; ++row, x += width, gradient += width)
    for (int64_t i = 0; i < width; ++i) {
      const float value = static_cast<float>(x[i]),
                  of = passes(line, i, value) ? static_cast<float>(gradient[i]) : 0;
      sums[i] += of;
      products[i] += of * (value - mean[i]);
    }
}

RETORT_VECTORISED void combine_rows(const Half* gradient, const Half* x, int64_t rows,
                                    int64_t width, const Line& by, const float* of_x,
                                    const float* constant, Half* __restrict to) {
  const Line line = by;
  for (int64_t row = 0; row < rows; ++row, x += width, gradient += width, to += width)
    for (int64_t i = 0; i < width; ++i) {
      const float value = static_cast<float>(x[i]),
                  of = passes(line, i, value) ? static_cast<float>(gradient[i]) : 0;
      to[i] = static_cast<Half>(line.scale[i] * of + of_x[i] * value + constant[i]);
    }
}

// The scales and shifts of a batch norm, repeated to fill a row.
struct Spread {
  std::vector<float> scales, shifts;
  Bounds bounds;

  Spread(const Rows& rows, const BatchNorm& norm) : bounds(norm.bounds) {
    const auto *weight = norm.weight.const_data_ptr<float>(),
               *bias = norm.bias.const_data_ptr<float>();
    const auto *mean = norm.mean.const_data_ptr<float>(),
               *inverse_std = norm.inverse_std.const_data_ptr<float>();
    scales = rows.spread([&](int64_t c) { return weight[c] * inverse_std[c]; });
    shifts = rows.spread([&](int64_t c) { return bias[c] - mean[c] * weight[c] * inverse_std[c]; });
  }
  Line line() const { return {scales.data(), shifts.data(), bounds}; }
};

}  // namespace

bool are_bf16_maps(const at::Tensor& x) {
  return x.is_cpu() && x.dim() == 4 && x.scalar_type() == at::kBFloat16 && x.numel() > 0 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

std::tuple<at::Tensor, at::Tensor> batch_moments(const at::Tensor& maps) {
  const Rows rows(maps);
  const Half* x = maps.const_data_ptr<Half>();
  // Differences from the first position's value are squared, because squares of the values
  // themselves lose precision where the mean is large.
  const std::vector<float> near = rows.spread([&](int64_t c) { return static_cast<float>(x[c]); });
  const at::Tensor sums = rows.sums();
  rows.each([&](int64_t share, int64_t row, int64_t count) {
    float* to = sums.mutable_data_ptr<float>() + 2 * share * rows.width();
    add_moments(x + row * rows.width(), count, rows.width(), near.data(), to, to + rows.width());
  });
  const std::vector<double> total = rows.total(sums);
  at::Tensor mean = at::empty({rows.channels}, at::kFloat), variance = at::empty_like(mean);
  const auto values = static_cast<double>(rows.rows * rows.places);
  for (int64_t c = 0; c < rows.channels; ++c) {
    const auto i = static_cast<size_t>(c);
    const double difference = total[i] / values;
    mean.mutable_data_ptr<float>()[c] = static_cast<float>(near[i] + difference);
    variance.mutable_data_ptr<float>()[c] = static_cast<float>(std::max(
        total[i + static_cast<size_t>(rows.channels)] / values - difference * difference, 0.0));
  }
  return {mean, variance};
}

at::Tensor normed(const at::Tensor& maps, const BatchNorm& norm) {
  const Rows rows(maps);
  const Spread spread(rows, norm);
  const at::Tensor out = at::empty_like(maps);
  rows.each([&](int64_t, int64_t row, int64_t count) {
    norm_rows(maps.const_data_ptr<Half>() + row * rows.width(), count, rows.width(), spread.line(),
              out.mutable_data_ptr<Half>() + row * rows.width());
  });
  return out;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> gradients_of(const at::Tensor& gradient,
                                                            const at::Tensor& maps,
                                                            const BatchNorm& norm) {
  const Rows rows(maps);
  const Spread spread(rows, norm);
  const auto *mean = norm.mean.const_data_ptr<float>(),
             *inverse_std = norm.inverse_std.const_data_ptr<float>();
  const std::vector<float> means = rows.spread([&](int64_t c) { return mean[c]; });
  const at::Tensor sums = rows.sums();
  rows.each([&](int64_t share, int64_t row, int64_t count) {
    float* to = sums.mutable_data_ptr<float>() + 2 * share * rows.width();
    add_products(gradient.const_data_ptr<Half>() + row * rows.width(),
                 maps.const_data_ptr<Half>() + row * rows.width(), count, rows.width(),
                 spread.line(), means.data(), to, to + rows.width());
  });
  const std::vector<double> total = rows.total(sums);
  at::Tensor of_weight = at::empty({rows.channels}, at::kFloat),
             of_bias = at::empty_like(of_weight);
  auto *by_weight = of_weight.mutable_data_ptr<float>(),
       *by_bias = of_bias.mutable_data_ptr<float>();
  for (int64_t c = 0; c < rows.channels; ++c) {
    by_bias[c] = static_cast<float>(total[static_cast<size_t>(c)]);
    by_weight[c] =
        static_cast<float>(total[static_cast<size_t>(c + rows.channels)] * inverse_std[c]);
  }
  // The gradient of x is scale · (g − mean of g − x̂ · mean of g x̂) with x̂ = (x − mean) ·
  // inverse_std, here as a sum of terms in g and in x and a constant.
  const auto values = static_cast<double>(rows.rows * rows.places);
  const auto of_x = [&](int64_t c) {
    return -spread.scales[static_cast<size_t>(c)] * inverse_std[c] * by_weight[c] / values;
  };
  const std::vector<float> factors = rows.spread(of_x), constants = rows.spread([&](int64_t c) {
    return -spread.scales[static_cast<size_t>(c)] * by_bias[c] / values - of_x(c) * mean[c];
  });
  const at::Tensor out = at::empty_like(maps);
  rows.each([&](int64_t, int64_t row, int64_t count) {
    combine_rows(gradient.const_data_ptr<Half>() + row * rows.width(),
                 maps.const_data_ptr<Half>() + row * rows.width(), count, rows.width(),
                 spread.line(), factors.data(), constants.data(),
                 out.mutable_data_ptr<Half>() + row * rows.width());
  });
  return {out, of_weight, of_bias};
}

}  // namespace retort::kernels
