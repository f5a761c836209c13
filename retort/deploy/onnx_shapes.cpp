#include <algorithm>
#include <limits>
#include <numeric>

#include "retort/deploy/onnx_ops.h"

namespace retort::deploy {

namespace {

std::string identity(const OnnxOp& op) { return op.edge(0); }

std::string dropout(const OnnxOp& op) {
  if (op.flag(2)) op.fail("in training mode");
  return op.edge(0);
}

// view, flatten, squeeze and the like keep the order of the elements, so that the traced output
// shape is all they need.
std::string reshape(const OnnxOp& op) {
  std::vector<Extent> shape = op.output_shape();
  if (std::ranges::count_if(shape, &Extent::per_image) == 1)
    *std::ranges::find_if(shape, &Extent::per_image) = {-1, false};
  return op.emit("Reshape", {op.edge(0), op.extents_edge(shape)});
}

std::string expand(const OnnxOp& op) {
  return op.emit("Expand", {op.edge(0), op.extents_edge(op.output_shape())});
}

std::string permute(const OnnxOp& op) {
  std::vector<int64_t> order = op.wholes(1);
  for (int64_t& dimension : order) dimension = op.axis(0, dimension);
  return op.emit("Transpose", {op.edge(0)}, {{"perm", order}});
}

std::string swap_axes(const OnnxOp& op, int64_t first, int64_t second) {
  std::vector<int64_t> order(static_cast<size_t>(op.rank(0)));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::swap(order.at(static_cast<size_t>(op.axis(0, first))),
            order.at(static_cast<size_t>(op.axis(0, second))));
  return op.emit("Transpose", {op.edge(0)}, {{"perm", order}});
}

std::string transpose(const OnnxOp& op) { return swap_axes(op, op.whole(1), op.whole(2)); }

std::string t(const OnnxOp& op) { return op.rank(0) < 2 ? op.edge(0) : swap_axes(op, 0, 1); }

std::string cat(const OnnxOp& op) {
  return op.emit("Concat", op.edges(0), {{"axis", op.whole(1)}});
}

std::string stack(const OnnxOp& op) {
  const int64_t dimension = op.whole(1);
  const int64_t axis =
      dimension < 0 ? dimension + static_cast<int64_t>(op.output_shape().size()) : dimension;
  std::vector<std::string> parts = op.edges(0);
  for (std::string& part : parts)
    part = op.emit("Unsqueeze", {part, op.constant(std::vector{axis})});
  return op.emit("Concat", parts, {{"axis", axis}});
}

std::string cut(const OnnxOp& op, Extent start, Extent end, int64_t step) {
  const std::vector<int64_t> axes{op.axis(0, op.whole(1))};
  return op.emit("Slice", {op.edge(0), op.extents_edge({start}), op.extents_edge({end}),
                           op.constant(axes), op.constant(std::vector{step})});
}

std::string slice(const OnnxOp& op) {
  const Extent start = op.given(2) ? op.extent(2) : Extent{0};
  const Extent end = op.given(3) ? op.extent(3) : Extent{std::numeric_limits<int64_t>::max()};
  return cut(op, start, end, op.whole(4));
}

std::string narrow(const OnnxOp& op) {
  const int64_t from = op.whole(2);
  const int64_t start = from < 0 ? from + op.size(0, op.whole(1)) : from;
  return cut(op, {start}, {start + op.whole(3)}, 1);
}

std::string take(const OnnxOp& op, int64_t dimension, int64_t index) {
  return op.emit("Gather", {op.edge(0), op.constant(at::scalar_tensor(index, at::kLong))},
                 {{"axis", op.axis(0, dimension)}});
}

std::string select(const OnnxOp& op) { return take(op, op.whole(1), op.whole(2)); }

std::vector<std::string> unbind(const OnnxOp& op) {
  std::vector<std::string> items;
  for (int64_t i = 0; i < op.size(0, op.whole(1)); ++i) items.push_back(take(op, op.whole(1), i));
  return items;
}

std::vector<std::string> split_into(const OnnxOp& op, const std::vector<int64_t>& sizes) {
  return op.emit("Split", {op.edge(0), op.constant(sizes)}, {{"axis", op.axis(0, op.whole(2))}},
                 sizes.size());
}

std::vector<std::string> split_every(const OnnxOp& op, int64_t step) {
  std::vector<int64_t> sizes;
  for (int64_t left = op.size(0, op.whole(2)); left > 0; left -= step)
    sizes.push_back(std::min(step, left));
  return split_into(op, sizes);
}

std::vector<std::string> split(const OnnxOp& op) { return split_every(op, op.whole(1)); }

std::vector<std::string> split_with_sizes(const OnnxOp& op) { return split_into(op, op.wholes(1)); }

std::vector<std::string> chunk(const OnnxOp& op) {
  const int64_t size = op.size(0, op.whole(2)), chunks = op.whole(1);
  return split_every(op, (size + chunks - 1) / chunks);
}

// aten lists pairs (before, after) from the last dimension on; ONNX lists the padding before each
// dimension, then the padding after each, from the first dimension on.
std::string pad_with(const OnnxOp& op, const std::string& value) {
  const std::vector<int64_t> pairs = op.wholes(1);
  const auto rank = static_cast<size_t>(op.rank(0));
  std::vector<int64_t> pads(2 * rank, 0);
  for (size_t i = 0; i < pairs.size() / 2; ++i) {
    pads.at(rank - 1 - i) = pairs[2 * i];
    pads.at(2 * rank - 1 - i) = pairs[2 * i + 1];
  }
  return op.emit("Pad", {op.edge(0), op.constant(pads), value});
}

std::string constant_pad(const OnnxOp& op) { return pad_with(op, op.edge(2)); }

std::string pad(const OnnxOp& op) {
  if (op.text(2) != "constant") op.fail("in mode " + op.text(2));
  return pad_with(op, op.edge(3));
}

}  // namespace

void add_shape_ops(OnnxTable& table) {
  // The models are fp32 throughout, so that `to` changes the device or the layout only.
  for (const char* name :
       {"aten::contiguous", "aten::to", "aten::clone", "aten::detach", "aten::alias"})
    table[name] = identity;
  for (const char* name : {"aten::dropout", "aten::feature_dropout"}) table[name] = dropout;
  for (const char* name : {"aten::view", "aten::reshape", "aten::flatten", "aten::unflatten",
                           "aten::squeeze", "aten::unsqueeze", "aten::view_as", "aten::reshape_as"})
    table[name] = reshape;
  for (const char* name : {"aten::expand", "aten::expand_as"}) table[name] = expand;
  table["aten::permute"] = permute;
  table["aten::transpose"] = transpose;
  table["aten::t"] = t;
  for (const char* name : {"aten::cat", "aten::concat"}) table[name] = cat;
  table["aten::stack"] = stack;
  table["aten::slice"] = slice;
  table["aten::narrow"] = narrow;
  table["aten::select"] = select;
  table["aten::unbind"] = unbind;
  table["aten::split"] = split;
  table["aten::split_with_sizes"] = split_with_sizes;
  table["aten::chunk"] = chunk;
  table["aten::constant_pad_nd"] = constant_pad;
  table["aten::pad"] = pad;
}

}  // namespace retort::deploy
