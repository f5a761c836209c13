#include "tests/deploy/operators_model.h"

#include <gtest/gtest.h>

#include "tests/deploy/lambda_model.h"
#include "tests/support/formula.h"

namespace retort::deploy {

namespace {

// A buffer of the model, which the first call registers.
at::Tensor weight(LambdaModel& model, const std::string& name, at::IntArrayRef shape,
                  double low = -0.5, double high = 0.5) {
  const auto buffers = model.named_buffers(/*recurse=*/false);
  if (const at::Tensor* found = buffers.find(name)) return *found;
  return model.register_buffer(name, testing::formula_uniform(name, shape, low, high));
}

at::Tensor convolutions(LambdaModel& model, const at::Tensor& images) {
  at::Tensor x =
      at::conv2d(images, weight(model, "c1", {8, 3, 3, 3}), weight(model, "b1", {8}), 2, 1);
  x = at::conv2d(x, weight(model, "c2", {8, 1, 3, 3}), {}, 1, 2, 2, 8);
  x = at::conv2d(x, weight(model, "c3", {6, 8, 4, 2}), {}, at::IntArrayRef{1, 2}, "valid");
  x = at::conv2d(x, weight(model, "c4", {6, 6, 4, 3}), weight(model, "b4", {6}), 1, "same");
  x = at::convolution(x, weight(model, "c5", {6, 6, 1, 1}), {}, {1, 1}, {0, 0}, {1, 1}, false,
                      {0, 0}, 1);
  x = at::_convolution(x, weight(model, "c6", {6, 3, 1, 1}), {}, {1, 1}, {0, 0}, {1, 1}, false,
                       {0, 0}, 2, false, false, true, true);
  x = at::batch_norm(x, weight(model, "g", {6}), weight(model, "h", {6}), weight(model, "m", {6}),
                     weight(model, "v", {6}, 0.5, 1.5), false, 0.1, 1e-3, false);
  x = at::batch_norm(x, {}, {}, weight(model, "m2", {6}), weight(model, "v2", {6}, 0.5, 1.5), false,
                     0.1, 1e-5, false);
  return at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);
}

at::Tensor pools(LambdaModel&, const at::Tensor& images) {
  const at::Tensor max = at::max_pool2d(images, 3, 2, 1, 1, /*ceil_mode=*/true);  // [N, 3, 17, 17]
  const at::Tensor dilated = at::max_pool2d(max, {2, 3}, {}, 0, {2, 1});          // [N, 3, 8, 5]
  const at::Tensor mean =
      at::avg_pool2d(images, 3, 2, 1, false, /*count_include_pad=*/false);  // [N, 3, 16, 16]
  const at::Tensor padded = at::avg_pool2d(mean, 2, {}, 1);                 // [N, 3, 9, 9]
  const at::Tensor grid = at::adaptive_avg_pool2d(images, {4, 2});
  return at::cat({at::adaptive_avg_pool2d(dilated, {1, 1}).flatten(1),
                  padded.mean(at::IntArrayRef{-1, -2}), grid.flatten(1),
                  images.mean(at::IntArrayRef{2, 3}, /*keepdim=*/true).squeeze(-1).squeeze(-1)},
                 1);  // 3 + 3 + 24 + 3
}

at::Tensor activations(LambdaModel&, const at::Tensor& images) {
  at::Tensor x = images * 3;
  std::vector<at::Tensor> parts;
  for (const at::Tensor& part :
       {at::relu(x), at::relu6(x), at::hardtanh(x, -2, 1.5), at::hardswish(x), at::hardsigmoid(x),
        at::sigmoid(x), at::silu(x), at::gelu(x), at::gelu(x, "tanh"), at::tanh(x), at::erf(x),
        at::exp(x), at::sqrt(x * x + 1), at::neg(x), at::clamp(x, -1, 2), at::clamp(x, 0.5),
        at::clamp(x, {}, 0.5), at::softmax(x, -1), at::softmax(x, 1)})
    parts.push_back(channel_means(part));
  at::Tensor in_place = x.clone();
  at::hardtanh_(in_place, 0, 6).add_(1).mul_(0.5).relu_();
  parts.push_back(channel_means(in_place));
  return at::cat(parts, 1);  // 20 × 3
}

at::Tensor arithmetic(LambdaModel& model, const at::Tensor& images) {
  const at::Tensor scale = weight(model, "scale", {3, 1, 1});
  at::Tensor x = images + 2.5;
  x = x * scale - images / 3;
  x = at::sub(at::add(x, images, 0.25), scale, 2);
  x = x / (scale + 2) + 1;
  return channel_means(x);
}

at::Tensor products(LambdaModel& model, const at::Tensor& images) {
  const at::Tensor rows = images.flatten(2).narrow(-1, 64, 64);  // [N, 3, 64]
  at::Tensor x = at::linear(rows, weight(model, "l1", {16, 64}), weight(model, "l1b", {16}));
  x = at::linear(x, weight(model, "l2", {16, 16}));
  const at::Tensor gram = at::bmm(x, x.transpose(1, 2)) / 64;             // [N, 3, 3]
  x = at::matmul(gram, at::matmul(x, weight(model, "m", {16, 16}).t()));  // [N, 3, 16]
  x = at::addmm(weight(model, "a", {8}), x.flatten(1), weight(model, "am", {48, 8}), 0.5, 2);
  x = at::mm(x, weight(model, "mm", {8, 8}));
  return at::linear(x, weight(model, "l3", {8, 8}));
}

// The operators of a vision transformer: tokens, a class token, resized position embeddings, and
// attention in its usual forms.
at::Tensor transformer(LambdaModel& model, const at::Tensor& images) {
  const int64_t n = images.size(0), dim = 16, heads = 4;
  at::Tensor x = at::conv2d(images, weight(model, "patch", {dim, 3, 8, 8}), {}, 8)
                     .flatten(2)
                     .transpose(1, 2);  // [N, 16, dim]
  const at::Tensor positions = at::upsample_bicubic2d(weight(model, "pos", {1, dim, 3, 3}), {4, 4},
                                                      false, std::nullopt, std::nullopt)
                                   .flatten(2)
                                   .permute({0, 2, 1});
  x = at::cat({weight(model, "cls", {1, 1, dim}).expand({n, -1, -1}), x + positions}, 1);
  const at::Tensor normed = at::layer_norm(x, {dim}, weight(model, "w", {dim}, 0.8, 1.2),
                                           weight(model, "b", {dim}), 1e-6);
  const at::Tensor qkv = at::linear(normed, weight(model, "qkv", {3 * dim, dim}))
                             .reshape({n, 17, 3, heads, dim / heads})
                             .permute({2, 0, 3, 1, 4});
  const std::vector<at::Tensor> parts = qkv.unbind(0);
  x = x + at::scaled_dot_product_attention(parts[0], parts[1], parts[2])
              .transpose(1, 2)
              .reshape({n, 17, dim});
  // Heads are folded into the batch, as in multi_head_attention_forward, so that a size is a
  // multiple of the batch.
  const std::vector<at::Tensor> halves =
      at::chunk(at::linear(at::layer_norm(x, {dim}), weight(model, "kv", {2 * dim, dim})), 2, -1);
  const at::Tensor keys =
      halves[0].contiguous().view({n, 17, heads, 4}).transpose(1, 2).reshape({n * heads, 17, 4});
  const at::Tensor values =
      halves[1].reshape({n, 17, heads, 4}).transpose(1, 2).reshape({n * heads, 17, 4});
  const at::Tensor mixed =
      at::bmm(at::softmax(at::bmm(keys * 0.5, keys.transpose(-2, -1)), -1), values);
  x = x + mixed.view({n, heads, 17, 4}).transpose(1, 2).reshape({n, 17, dim});
  x = x + at::scaled_dot_product_attention(x, x, x, weight(model, "mask", {17, 17}), 0, false, 0.3);
  return at::dropout(x.select(1, 0), 0.5, /*train=*/false);
}

at::Tensor shapes(LambdaModel& model, const at::Tensor& images) {
  const int64_t n = images.size(0);
  at::Tensor x = at::constant_pad_nd(images, {0, 1, 2, 3}, 0.5);  // [N, 3, 37, 33]
  x = at::pad(x, {1, 0}, "constant", 1.5);                        // [N, 3, 37, 34]
  std::vector<at::Tensor> parts{channel_means(x), channel_means(x.slice(2, 1, -2, 3)),
                                channel_means(x.slice(3, 4)),
                                x.select(2, -1).mean(at::IntArrayRef{-1})};
  for (const at::Tensor& part : x.split(16, 2)) parts.push_back(channel_means(part));
  for (const at::Tensor& part : x.split_with_sizes({30, 7}, 2))
    parts.push_back(channel_means(part));
  for (const at::Tensor& part : at::chunk(x, 3, -1)) parts.push_back(channel_means(part));
  const at::Tensor mean = channel_means(images);                 // [N, 3]
  const at::Tensor wide = mean.unsqueeze(-1).expand({n, 3, 5});  // [N, 3, 5]
  parts.push_back(wide.unflatten(2, {5, 1}).squeeze(3).to(at::kFloat).flatten(1).detach());  // 15
  parts.push_back(mean.unsqueeze(2).expand_as(wide).mean(at::IntArrayRef{2}));
  parts.push_back(at::stack({mean, mean * 2}, 1).flatten(1));
  parts.push_back(at::stack({mean, mean * 2, mean * 3}, -1).mean(at::IntArrayRef{1}));
  parts.push_back(weight(model, "row", {1, 2, 2}).expand({n, 2, 2}).slice(0, 0, n).reshape({n, 4}));
  parts.push_back(weight(model, "one", {1, 1})
                      .expand({n, 6})
                      .view_as(images.slice(2, 0, 2).slice(3, 0, 1).squeeze(3).reshape({n, 6})));
  parts.push_back(weight(model, "per_head", {2, 1})
                      .expand({2, 2 * n})
                      .reshape({2, 2, n})
                      .permute({2, 0, 1})
                      .reshape({n, 4}));
  return at::cat(parts, 1);
}

const std::map<std::string, std::pair<int64_t, LambdaModel::Features>>& groups() {
  static const std::map<std::string, std::pair<int64_t, LambdaModel::Features>> all{
      {"convolutions", {6, convolutions}},
      {"pools", {33, pools}},
      {"activations", {60, activations}},
      {"arithmetic", {3, arithmetic}},
      {"products", {8, products}},
      {"transformer", {16, transformer}},
      {"shapes", {77, shapes}},
  };
  return all;
}

}  // namespace

std::vector<std::string> operator_groups() {
  std::vector<std::string> names;
  for (const auto& [name, group] : groups()) names.push_back(name);
  return names;
}

models::ModelPtr operators_model(const std::string& group) {
  const auto& [features, compute] = groups().at(group);
  const auto model = lambda_model(features, compute);
  StateDict state = models::state_of(*model);
  testing::formula_fill(state);
  model->forward(
      at::zeros({1, 3, 32, 32}));  // registers the buffers, which must be there before a trace
  return model;
}

}  // namespace retort::deploy
