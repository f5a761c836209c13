#include "retort/models/vit_names.h"

#include <charconv>
#include <set>
#include <sstream>

#include "retort/core/error.h"
#include "retort/models/convnet.h"
#include "retort/models/vit.h"

namespace retort::models {
namespace {

enum class Origin { torchvision, timm, vit, dinov2 };

// How a file spells the parts of a ViT; module names, where not a tensor's.
struct Spelling {
  Origin origin;
  std::string name;
  std::string class_token, positions;  // tensors
  std::string projection;
  std::string block;             // a block's prefix up to its number
  std::vector<std::string> qkv;  // three modules; empty where one tensor holds all three
  std::string in_projection;     // that tensor, up to "weight" or "bias"
  std::string attention_out, attention_norm, mlp_norm, mlp_in, mlp_out;
  std::string attention_scale, mlp_scale;  // tensors; empty where there are none
  std::string norm, head;
  std::vector<std::string> unread;  // prefixes of what no classifier reads
};

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

bool has_part(const StateDict& file, std::string_view part) {
  return std::ranges::any_of(file, [&](const auto& item) { return item.first.find(part) != std::string::npos; });
}

// Two of three, so that a file that lost one is ours to complain about.
bool has_two_of(const StateDict& file, const std::array<std::string, 3>& names) {
  return std::ranges::count_if(names, [&](const std::string& name) { return file.contains(name); }) >= 2;
}

Spelling torchvision_spelling(const StateDict& file) {
  const bool legacy = has_part(file, ".mlp.linear_1.");
  const bool scaled = has_part(file, ".layer_scale_1.");
  return {.origin = Origin::torchvision,
          .name = "torchvision",
          .class_token = "class_token",
          .positions = "encoder.pos_embedding",
          .projection = "conv_proj",
          .block = "encoder.layers.encoder_layer_",
          .qkv = {},
          .in_projection = "self_attention.in_proj_",
          .attention_out = "self_attention.out_proj",
          .attention_norm = "ln_1",
          .mlp_norm = "ln_2",
          .mlp_in = legacy ? "mlp.linear_1" : "mlp.0",
          .mlp_out = legacy ? "mlp.linear_2" : "mlp.3",
          .attention_scale = scaled ? "layer_scale_1.lambda1" : "",
          .mlp_scale = scaled ? "layer_scale_2.lambda1" : "",
          .norm = "encoder.ln",
          .head = "heads.head",
          .unread = {}};
}

Spelling timm_spelling() {
  return {.origin = Origin::timm,
          .name = "timm",
          .class_token = "cls_token",
          .positions = "pos_embed",
          .projection = "patch_embed.proj",
          .block = "blocks.",
          .qkv = {},
          .in_projection = "attn.qkv.",
          .attention_out = "attn.proj",
          .attention_norm = "norm1",
          .mlp_norm = "norm2",
          .mlp_in = "mlp.fc1",
          .mlp_out = "mlp.fc2",
          .attention_scale = "",
          .mlp_scale = "",
          .norm = "norm",
          .head = "head",
          .unread = {}};
}

void refuse_swiglu(const StateDict& file) {
  for (const auto& [name, tensor] : file)
    for (const char* part : {".mlp.weights_in.", ".mlp.gate_proj."})
      if (name.find(part) != std::string::npos)
        throw Error("tensor '" + name + "' is of a SwiGLU block, as DINOv2's giant size has them, which retort does not build", "",
                    "take a DINOv2 of size small, base or large");
}

Spelling transformers_spelling(const StateDict& file, const std::string& prefix) {
  const bool dinov2 = prefix == "dinov2." || has_part(file, ".norm1.") || has_part(file, ".layer_scale1.");
  if (dinov2) refuse_swiglu(file);
  const bool projections = has_part(file, ".attention.q_proj.") || has_part(file, ".attention.o_proj.");
  const bool flat_mlp = dinov2 || has_part(file, ".mlp.fc1.");
  const bool flat_blocks = !dinov2 && !has_part(file, "encoder.layer.");
  return {.origin = dinov2 ? Origin::dinov2 : Origin::vit,
          .name = dinov2 ? "transformers DINOv2" : "transformers ViT",
          .class_token = prefix + "embeddings.cls_token",
          .positions = prefix + "embeddings.position_embeddings",
          .projection = prefix + "embeddings.patch_embeddings.projection",
          .block = prefix + (flat_blocks ? "layers." : "encoder.layer."),
          .qkv = projections
                     ? std::vector<std::string>{"attention.q_proj", "attention.k_proj", "attention.v_proj"}
                     : std::vector<std::string>{"attention.attention.query", "attention.attention.key", "attention.attention.value"},
          .in_projection = "",
          .attention_out = projections ? "attention.o_proj" : "attention.output.dense",
          .attention_norm = dinov2 ? "norm1" : "layernorm_before",
          .mlp_norm = dinov2 ? "norm2" : "layernorm_after",
          .mlp_in = flat_mlp ? "mlp.fc1" : "intermediate.dense",
          .mlp_out = flat_mlp ? "mlp.fc2" : "output.dense",
          .attention_scale = dinov2 ? "layer_scale1.lambda1" : "",
          .mlp_scale = dinov2 ? "layer_scale2.lambda1" : "",
          .norm = prefix + "layernorm",
          .head = "classifier",
          .unread = {prefix + "embeddings.mask_token", prefix + "pooler."}};
}

std::optional<Spelling> spelling_of(const StateDict& file) {
  if (has_two_of(file, {"class_token", "encoder.pos_embedding", "conv_proj.weight"})) return torchvision_spelling(file);
  if (has_two_of(file, {"cls_token", "pos_embed", "patch_embed.proj.weight"})) return timm_spelling();
  for (const std::string prefix : {"", "vit.", "dinov2."}) {
    const std::string at = prefix + "embeddings.";
    if (has_two_of(file, {at + "cls_token", at + "position_embeddings", at + "patch_embeddings.projection.weight"}))
      return transformers_spelling(file, prefix);
  }
  return std::nullopt;
}

// The file's tensors, each looked at by its own name and marked as read.
class Source {
 public:
  explicit Source(const StateDict& file) : file_(file) {}

  // Of so many dimensions, none of them empty.
  const at::Tensor& peek(const std::string& name, int64_t dimensions) const {
    const auto found = file_.find(name);
    if (found == file_.end()) throw Error("tensor '" + name + "' of the ViT is missing");
    const at::Tensor& tensor = found->second;
    if (tensor.dim() != dimensions || tensor.numel() == 0)
      throw Error("tensor '" + name + "' is " + shape_text(tensor.sizes()) + ", where a ViT has " + std::to_string(dimensions) +
                  " dimensions");
    return tensor;
  }

  at::Tensor take(const std::string& name, at::IntArrayRef shape) {
    const at::Tensor& tensor = peek(name, static_cast<int64_t>(shape.size()));
    if (tensor.sizes() != shape)
      throw Error("tensor '" + name + "' is " + shape_text(tensor.sizes()) + ", not " + shape_text(shape) + " as the rest of the ViT asks");
    if (!tensor.is_floating_point())
      throw Error("tensor '" + name + "' is of type " + std::string(tensor.dtype().name()) + ", not a float's");
    read_.insert(name);
    return tensor;
  }

  void refuse_the_rest(const Spelling& spelling) const {
    for (const auto& [name, tensor] : file_) {
      if (read_.contains(name)) continue;
      if (std::ranges::any_of(spelling.unread, [&](const std::string& prefix) { return name.starts_with(prefix); })) continue;
      throw Error("tensor '" + name + "' has no place in a ViT as " + spelling.name + " names it");
    }
  }

 private:
  const StateDict& file_;
  std::set<std::string> read_;
};

// One more than the highest block number; a gap below it shows as missing tensors.
int64_t depth_of(const StateDict& file, const std::string& block) {
  int64_t depth = 1;
  for (auto at = file.lower_bound(block); at != file.end() && at->first.starts_with(block); ++at) {
    const char* digits = at->first.data() + block.size();
    const char* end = at->first.data() + at->first.size();
    int32_t number = 0;
    const auto [stop, failure] = std::from_chars(digits, end, number);
    if (failure == std::errc() && stop != end && *stop == '.') depth = std::max(depth, int64_t{number} + 1);
  }
  return depth;
}

int64_t grid_of(const at::Tensor& positions, const std::string& name) {
  const int64_t patches = positions.size(1) - 1;
  const auto grid = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(patches))));
  if (grid < 1 || grid * grid != patches)
    throw Error("tensor '" + name + "' is " + shape_text(positions.sizes()) + ", not a class token and a square of patches");
  return grid;
}

int64_t heads_of(int64_t dim, const std::string& name) {
  constexpr int64_t kHugeDim = 1280, kHugeHeads = 16;
  if (dim == kHugeDim) return kHugeHeads;
  if (dim % 64 != 0)
    throw Error("a ViT of width " + std::to_string(dim) + " (tensor '" + name +
                "') has an unknown number of heads: only multiples of 64 are read, 64 a head");
  return dim / 64;
}

data::InputSpec input_of(Origin origin, const VitGeometry& geometry) {
  data::InputSpec input;
  input.size = vit_input_size(geometry, 1024);
  switch (origin) {
    case Origin::torchvision:
      if (geometry.image_size > 224) {  // SWAG's weights, the only ones of torchvision at these sizes
        input.interpolation = data::Interpolation::bicubic;
        input.crop_ratio = 1;
      }
      break;
    case Origin::timm:
      input.interpolation = data::Interpolation::bicubic;
      input.crop_ratio = 0.9;
      break;
    case Origin::vit:
      input.mean = input.std = {0.5F, 0.5F, 0.5F};
      input.crop_ratio = 1;
      break;
    case Origin::dinov2:
      input.size = vit_input_size(geometry, 224);  // the position embeddings are for 518, the image processor's crop is 224
      input.interpolation = data::Interpolation::bicubic;
      break;
  }
  return input;
}

PosResize pos_resize_of(Origin origin) {
  if (origin == Origin::torchvision) return PosResize::align_corners;
  return origin == Origin::timm ? PosResize::antialiased : PosResize::half_pixel;
}

VitGeometry geometry_of(const StateDict& file, const Source& source, const Spelling& spelling) {
  const std::string projection = spelling.projection + ".weight";
  const at::Tensor& kernel = source.peek(projection, 4);
  const at::Tensor& positions = source.peek(spelling.positions, 3);
  const std::string mlp = spelling.block + "0." + spelling.mlp_in + ".weight";
  VitGeometry geometry;
  geometry.naming = spelling.origin == Origin::timm ? VitNaming::timm : VitNaming::torchvision;
  geometry.patch = kernel.size(3);
  geometry.dim = kernel.size(0);
  if (geometry.patch > 128)
    throw Error("tensor '" + projection + "' is " + shape_text(kernel.sizes()) + ": patches of over 128 pixels are not read");
  geometry.heads = heads_of(geometry.dim, projection);
  geometry.depth = depth_of(file, spelling.block);
  geometry.mlp_dim = source.peek(mlp, 2).size(0);
  geometry.image_size = grid_of(positions, spelling.positions) * geometry.patch;
  geometry.layer_scale = !spelling.attention_scale.empty();

  // Layer scales in torchvision's naming are a DINOv2 that retort wrote.
  const Origin origin = geometry.layer_scale ? Origin::dinov2 : spelling.origin;
  geometry.layer_norm_eps = origin == Origin::vit ? 1e-12 : 1e-6;
  geometry.pos_resize = pos_resize_of(origin);
  geometry.features = origin == Origin::dinov2 ? VitFeatures::cls_mean : VitFeatures::cls;
  const auto head = file.find(spelling.head + ".weight");
  if (spelling.origin == Origin::torchvision && head != file.end() && head->second.dim() == 2)
    geometry.features = head->second.size(1) == 2 * geometry.dim ? VitFeatures::cls_mean : VitFeatures::cls;
  geometry.input = input_of(origin, geometry);
  return geometry;
}

// The tensors under torchvision's names, or, of a model with timm's, under the file's own.
class Converter {
 public:
  Converter(Source& source, const Spelling& spelling, const VitGeometry& geometry)
      : source_(source), spelling_(spelling), geometry_(geometry) {}

  StateDict convert(const std::optional<int64_t>& classes) {
    const int64_t dim = geometry_.dim, patch = geometry_.patch;
    add_tensor("class_token", spelling_.class_token, {1, 1, dim});
    add_tensor("encoder.pos_embedding", spelling_.positions, {1, 1 + geometry_.grid() * geometry_.grid(), dim});
    add("conv_proj", spelling_.projection, {dim, 3, patch, patch});
    for (int64_t i = 0; i < geometry_.depth; ++i)
      add_block("encoder.layers.encoder_layer_" + std::to_string(i) + ".", spelling_.block + std::to_string(i) + ".");
    add("encoder.ln", spelling_.norm, {dim});
    if (classes) add("heads.head", spelling_.head, {*classes, geometry_.feature_dim()});
    source_.refuse_the_rest(spelling_);
    return std::move(state_);
  }

 private:
  void add_tensor(const std::string& ours, const std::string& theirs, at::IntArrayRef shape) {
    state_[geometry_.naming == VitNaming::timm ? theirs : ours] = source_.take(theirs, shape);
  }

  // A module's weight of this shape, and its bias.
  void add(const std::string& ours, const std::string& theirs, at::IntArrayRef shape) {
    add_tensor(ours + ".weight", theirs + ".weight", shape);
    add_tensor(ours + ".bias", theirs + ".bias", shape.slice(0, 1));
  }

  void add_block(const std::string& ours, const std::string& theirs) {
    const int64_t dim = geometry_.dim, hidden = geometry_.mlp_dim;
    add(ours + "ln_1", theirs + spelling_.attention_norm, {dim});
    add_in_projection(ours + "self_attention.in_proj_", theirs, "weight", {dim, dim});
    add_in_projection(ours + "self_attention.in_proj_", theirs, "bias", {dim});
    add(ours + "self_attention.out_proj", theirs + spelling_.attention_out, {dim, dim});
    add(ours + "ln_2", theirs + spelling_.mlp_norm, {dim});
    add(ours + "mlp.0", theirs + spelling_.mlp_in, {hidden, dim});
    add(ours + "mlp.3", theirs + spelling_.mlp_out, {dim, hidden});
    if (!geometry_.layer_scale) return;
    add_tensor(ours + "layer_scale_1.lambda1", theirs + spelling_.attention_scale, {dim});
    add_tensor(ours + "layer_scale_2.lambda1", theirs + spelling_.mlp_scale, {dim});
  }

  // `shape`: of one of the three.
  void add_in_projection(const std::string& ours, const std::string& theirs, const std::string& part, std::vector<int64_t> shape) {
    std::vector<at::Tensor> three;
    for (const std::string& module : spelling_.qkv) three.push_back(source_.take(theirs + module + "." + part, shape));
    shape[0] *= 3;
    if (three.empty()) {
      add_tensor(ours + part, theirs + spelling_.in_projection + part, shape);
    } else {
      state_[ours + part] = at::cat(three);
    }
  }

  Source& source_;
  const Spelling& spelling_;
  const VitGeometry& geometry_;
  StateDict state_;
};

}  // namespace

std::optional<Recognised> recognise_vit(const StateDict& file, const std::string& arch) {
  const std::optional<Spelling> spelling = spelling_of(file);
  if (!spelling) return std::nullopt;
  Source source(file);
  const VitGeometry geometry = geometry_of(file, source, *spelling);
  const std::optional<int64_t> classes = classes_of(file, spelling->head);
  StateDict state = Converter(source, *spelling, geometry).convert(classes);
  ModelSpec spec = vit_spec(geometry, classes.value_or(1), arch);
  try {
    vit_geometry(spec);
  } catch (const UsageError& error) {  // the file's fault, not the user's
    throw Error(error.what());
  }
  return Recognised{std::move(spec), std::move(state), spelling->name, classes.has_value()};
}

}  // namespace retort::models
