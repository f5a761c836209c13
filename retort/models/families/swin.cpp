// Swin Transformer (Liu et al. 2021, arXiv 2103.14030), V1, with timm's names, padded and shifted
// as in torchvision. Read under the names of timm (new ones, and old ones, which are also
// Microsoft's), torchvision and transformers.
#include <torch/nn/init.h>
#include <torch/nn/modules/normalization.h>

#include "retort/models/conv_layers.h"
#include "retort/models/geometry.h"
#include "retort/models/recognise.h"

namespace retort::models::swin {
namespace {

constexpr const char* kAnySwin = "swin";  // every size is an option; the default is swin_t
constexpr size_t kMostStages = 8;
constexpr double kForbidden = -100;  // added to the score of pixels that are neighbours only by the
                                     // shift, as in all implementations

struct Plan {
  int64_t patch = 4, window = 7, mlp_ratio = 4;
  int64_t dim = 96;  // of the first stage; each further stage doubles it
  Wholes depths{2, 2, 6, 2};
  Wholes heads{3, 6, 12, 24};

  bool operator==(const Plan&) const = default;
};

struct Variant {
  const char* arch;
  int64_t dim;
  std::array<int64_t, 4> depths, heads;
  int64_t resized;  // torchvision's short side for a crop of 224 px
};
constexpr std::array<Variant, 4> kVariants{{
    {"swin_t", 96, {2, 2, 6, 2}, {3, 6, 12, 24}, 232},
    {"swin_s", 96, {2, 2, 18, 2}, {3, 6, 12, 24}, 246},
    {"swin_b", 128, {2, 2, 18, 2}, {4, 8, 16, 32}, 238},
    {"swin_l", 192, {2, 2, 18, 2}, {6, 12, 24, 48}, 248},
}};

const Variant* find_variant(const std::string& arch) { return entry_named(kVariants, arch); }

Plan plan_of(const Variant& variant) {
  return {.dim = variant.dim,
          .depths = {variant.depths.begin(), variant.depths.end()},
          .heads = {variant.heads.begin(), variant.heads.end()}};
}

Plan plan_of(const ModelSpec& spec) {
  if (const Variant* variant = find_variant(spec.arch)) return plan_of(*variant);
  if (spec.arch != kAnySwin) throw UsageError("no Swin Transformer is called '" + spec.arch + "'");
  Plan otherwise;
  const auto depths = spec.options.find("depths");
  if (depths == spec.options.end()) return otherwise;
  const size_t stages = depths->is_array() ? depths->size() : 0;
  if (stages < 1 || stages > kMostStages)
    throw UsageError("depths are of 1 to 8 stages, not " + depths->dump(), spec.arch);
  Plan plan{.patch = whole_option(spec, "patch", otherwise.patch, 1, 32),
            .window = whole_option(spec, "window", otherwise.window, 1, 64),
            .mlp_ratio = whole_option(spec, "mlp_ratio", otherwise.mlp_ratio, 1, 16),
            .dim = whole_option(spec, "dim", otherwise.dim, 1, 4096),
            .depths = wholes_option(spec, "depths", Wholes(stages, 2), 1, 256),
            .heads = wholes_option(spec, "heads", Wholes(stages, 1), 1, 1024)};
  for (size_t s = 0; s < stages; ++s)
    if ((plan.dim << s) % plan.heads[s] != 0)
      throw UsageError("a width of " + std::to_string(plan.dim << s) + " does not divide into " +
                           std::to_string(plan.heads[s]) + " heads",
                       spec.arch);
  return plan;
}

ModelSpec spec_of(const Plan& plan) {
  for (const Variant& variant : kVariants)
    if (plan == plan_of(variant)) return {.arch = variant.arch};
  return {.arch = kAnySwin,
          .options = {{"patch", plan.patch},
                      {"window", plan.window},
                      {"mlp_ratio", plan.mlp_ratio},
                      {"dim", plan.dim},
                      {"depths", plan.depths},
                      {"heads", plan.heads}}};
}

torch::nn::LayerNorm layer_norm(int64_t dim) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim}));
}

// [B, H, W, C] to [B, windows, window², C], and the reverse.
at::Tensor to_windows(const at::Tensor& x, int64_t window) {
  return x.unflatten(2, {x.size(2) / window, window})
      .unflatten(1, {x.size(1) / window, window})
      .transpose(2, 3)
      .flatten(3, 4)
      .flatten(1, 2);
}
at::Tensor from_windows(const at::Tensor& windows, int64_t window, int64_t height, int64_t width) {
  return windows.unflatten(2, {window, window})
      .unflatten(1, {height / window, width / window})
      .transpose(2, 3)
      .flatten(3, 4)
      .flatten(1, 2);
}

// For each pair of a window's pixels the row of the bias table, [window⁴].
at::Tensor relative_positions(int64_t window) {
  const at::Tensor row = at::arange(window).repeat_interleave(window),
                   column = at::arange(window).repeat({window});
  const auto offset = [&](const at::Tensor& along) {
    return along.unsqueeze(1) - along.unsqueeze(0) + (window - 1);
  };
  return (offset(row) * (2 * window - 1) + offset(column)).flatten();
}

class WindowAttention : public torch::nn::Module {
 public:
  WindowAttention(int64_t dim, int64_t heads, int64_t window)
      : heads_(heads), window_(window), index_(relative_positions(window)) {
    table_ = register_parameter("relative_position_bias_table",
                                at::empty({(2 * window - 1) * (2 * window - 1), heads}));
    qkv_ = register_module("qkv", torch::nn::Linear(dim, 3 * dim));
    out_ = register_module("proj", torch::nn::Linear(dim, dim));
    truncated_by_two_(table_, 0.02);
  }

  // Maps [B, H, W, C] to the same shape, with windows shifted by `shift` pixels in each direction.
  at::Tensor forward(const at::Tensor& input, int64_t shift) {
    const int64_t height = input.size(1), width = input.size(2);
    const int64_t below = (window_ - height % window_) % window_,
                  beside = (window_ - width % window_) % window_;
    at::Tensor x =
        below > 0 || beside > 0 ? at::constant_pad_nd(input, {0, 0, 0, beside, 0, below}) : input;
    const int64_t rows = height + below, columns = width + beside;
    // A window that spans the whole height or width is not shifted in that direction.
    const int64_t down = window_ >= rows ? 0 : shift, right = window_ >= columns ? 0 : shift;
    if (down + right > 0) x = at::roll(x, {-down, -right}, {1, 2});
    x = from_windows(attend(to_windows(x, window_), mask(rows, columns, down, right)), window_,
                     rows, columns);
    if (down + right > 0) x = at::roll(x, {down, right}, {1, 2});
    return x.slice(1, 0, height).slice(2, 0, width);
  }

 private:
  // [B, windows, window², C]
  at::Tensor attend(const at::Tensor& windows, const at::Tensor& mask) {
    const at::Tensor all =
        qkv_->forward(windows).unflatten(-1, {3, heads_, windows.size(3) / heads_});
    const auto part = [&](int64_t i) {
      return all.select(3, i).transpose(2, 3);
    };  // [B, windows, heads, window², head dim]
    const at::Tensor attended =
        at::scaled_dot_product_attention(part(0), part(1), part(2), mask.to(all.scalar_type()));
    return out_->forward(attended.transpose(2, 3).flatten(3));
  }

  // The biases and the shift's mask, [windows or 1, heads, window², window²].
  at::Tensor mask(int64_t rows, int64_t columns, int64_t down, int64_t right) {
    const int64_t area = window_ * window_;
    at::Tensor bias = table_.index_select(0, index_.to(table_.device()))
                          .view({area, area, heads_})
                          .permute({2, 0, 1})
                          .unsqueeze(0);
    if (down + right == 0) return bias;
    // The shift makes nine regions; pixels of different regions do not attend to each other.
    const auto regions = [&](int64_t size, int64_t shift) {
      const at::Tensor at_pixel = at::arange(size);
      return shift == 0 ? at::zeros({size}, at::kLong)
                        : at_pixel.ge(size - window_).to(at::kLong) +
                              at_pixel.ge(size - shift).to(at::kLong);
    };
    const at::Tensor region =
        regions(rows, down).unsqueeze(1) * 3 + regions(columns, right).unsqueeze(0);
    const at::Tensor of_window =
        to_windows(region.view({1, rows, columns, 1}), window_).view({-1, area});
    const at::Tensor apart = of_window.unsqueeze(1).ne(of_window.unsqueeze(2));
    return bias + (apart.to(bias.options()) * kForbidden).unsqueeze(1);
  }

  int64_t heads_, window_;
  at::Tensor index_, table_;
  torch::nn::Linear qkv_{nullptr}, out_{nullptr};
};

class Block : public torch::nn::Module {
 public:
  Block(const Plan& plan, size_t stage, bool shifted) : shift_(shifted ? plan.window / 2 : 0) {
    const int64_t dim = plan.dim << stage;
    norm1_ = register_module("norm1", layer_norm(dim));
    attention_ = register_module(
        "attn", std::make_shared<WindowAttention>(dim, plan.heads[stage], plan.window));
    norm2_ = register_module("norm2", layer_norm(dim));
    const auto mlp = register_module("mlp", std::make_shared<Holder>());
    widen_ = mlp->register_module("fc1", torch::nn::Linear(dim, plan.mlp_ratio * dim));
    narrow_ = mlp->register_module("fc2", torch::nn::Linear(plan.mlp_ratio * dim, dim));
  }

  at::Tensor forward(const at::Tensor& input) {
    const at::Tensor x = input + attention_->forward(norm1_->forward(input), shift_);
    return x + narrow_->forward(at::gelu(widen_->forward(norm2_->forward(x))));
  }

 private:
  int64_t shift_;
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr};
  std::shared_ptr<WindowAttention> attention_;
  torch::nn::Linear widen_{nullptr}, narrow_{nullptr};
};

// torchvision's PatchMerging: concatenates the channels of 2 × 2 pixels, normalises them and
// reduces them to twice the channels of one.
class Merging : public torch::nn::Module {
 public:
  explicit Merging(int64_t dim) {
    norm_ = register_module("norm", layer_norm(4 * dim));
    reduction_ = register_module(
        "reduction", torch::nn::Linear(torch::nn::LinearOptions(4 * dim, 2 * dim).bias(false)));
  }

  at::Tensor forward(const at::Tensor& input) {
    const at::Tensor x =
        at::constant_pad_nd(input, {0, 0, 0, input.size(2) % 2, 0, input.size(1) % 2});
    const at::Tensor pairs = x.unflatten(2, {x.size(2) / 2, 2})
                                 .unflatten(1, {x.size(1) / 2, 2});  // [B, H/2, 2, W/2, 2, C]
    return reduction_->forward(norm_->forward(pairs.permute({0, 1, 3, 4, 2, 5}).flatten(3)));
  }

 private:
  torch::nn::LayerNorm norm_{nullptr};
  torch::nn::Linear reduction_{nullptr};
};

data::InputSpec own_input(const std::string& arch) {
  const Variant* variant = find_variant(arch);
  data::InputSpec spec;
  spec.interpolation = data::Interpolation::bicubic;
  spec.crop_ratio = static_cast<double>(spec.size) /
                    static_cast<double>(variant == nullptr ? 248 : variant->resized);
  return spec;
}

// Options: besides ConvNet's, the sizes of "swin", named as in Plan. The features are the mean of
// the normalised pixels.
class Swin : public ConvNet {
 public:
  static constexpr const char* kHead = "head.fc";

  explicit Swin(const ModelSpec& spec) : ConvNet(spec, 0) {
    const Plan plan = plan_of(spec);
    const auto embed = register_module("patch_embed", std::make_shared<Holder>());
    projection_ = embed->register_module(
        "proj",
        torch::nn::Conv2d(torch::nn::Conv2dOptions(3, plan.dim, plan.patch).stride(plan.patch)));
    embed_norm_ = embed->register_module("norm", layer_norm(plan.dim));
    const auto layers = register_module("layers", std::make_shared<Holder>());
    for (size_t s = 0; s < plan.depths.size(); ++s) {
      const auto layer = layers->register_module(std::to_string(s), std::make_shared<Holder>());
      Stage& stage = stages_.emplace_back();
      if (s > 0)
        stage.merging =
            layer->register_module("downsample", std::make_shared<Merging>(plan.dim << (s - 1)));
      const auto blocks = layer->register_module("blocks", std::make_shared<Holder>());
      for (int64_t i = 0; i < plan.depths[s]; ++i)
        stage.blocks.push_back(blocks->register_module(
            std::to_string(i), std::make_shared<Block>(plan, s, i % 2 == 1)));
    }
    const int64_t dim = plan.dim << (plan.depths.size() - 1);
    norm_ = register_module("norm", layer_norm(dim));
    adopt_head(*register_module("head", std::make_shared<Holder>()), "fc", dim);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = embed_norm_->forward(projection_->forward(images).permute({0, 2, 3, 1}));
    for (const Stage& stage : stages_) {
      if (stage.merging) x = stage.merging->forward(x);
      for (const auto& block : stage.blocks) x = block->forward(x);
    }
    return norm_->forward(x).mean({1, 2});
  }

  data::InputSpec own_input_spec() const override { return own_input(spec_.arch); }

  void initialise() override {
    for (const auto& module : modules(/*include_self=*/false))
      if (const auto* linear = module->as<torch::nn::LinearImpl>()) initialise_linear(*linear);
  }

 protected:
  void initialise_head() override { initialise_linear(*head()); }

 private:
  struct Stage {
    std::shared_ptr<Merging> merging;
    std::vector<std::shared_ptr<Block>> blocks;
  };

  static void initialise_linear(const torch::nn::LinearImpl& linear) {
    truncated_by_two_(linear.weight, 0.02);
    if (linear.bias.defined()) torch::nn::init::zeros_(linear.bias);
  }

  torch::nn::Conv2d projection_{nullptr};
  torch::nn::LayerNorm embed_norm_{nullptr}, norm_{nullptr};
  std::vector<Stage> stages_;
};

// The parts of "layers.1.blocks.2.attn.qkv" or "layers.1.downsample.norm", or of a name up to the
// block.
struct Place {
  int64_t layer;
  bool block;
  std::string number, rest;  // of the block; ".attn.qkv", "norm" or ""
};
std::optional<Place> place_of(const std::string& ours) {
  const std::vector<std::string> parts = split_name(ours);
  if (parts[0] != "layers") return std::nullopt;
  Place place{std::stoll(parts.at(1)), parts.at(2) == "blocks", parts.at(3), ""};
  for (size_t i = 4; i < parts.size(); ++i) place.rest += "." + parts[i];
  return place;
}

Naming old_timm_naming() {
  return {"timm before 0.9", [](const std::string& ours) {
            if (ours == "head.fc") return std::string("head");
            const auto place = place_of(ours);
            return place && !place->block ? "layers." + std::to_string(place->layer - 1) +
                                                ".downsample." + place->number
                                          : ours;
          }};
}

Naming torchvision_naming() {
  return {"torchvision", [](const std::string& ours) -> std::string {
            const std::map<std::string, std::string> others{{"patch_embed.proj", "features.0.0"},
                                                            {"patch_embed.norm", "features.0.2"},
                                                            {"norm", "norm"},
                                                            {"head.fc", "head"}};
            const auto place = place_of(ours);
            if (!place) return others.at(ours);
            const int64_t number = 2 * place->layer + (place->block ? 1 : 0);
            const std::string rest = place->rest == ".mlp.fc1"   ? ".mlp.0"
                                     : place->rest == ".mlp.fc2" ? ".mlp.3"
                                                                 : place->rest;
            return "features." + std::to_string(number) + "." + place->number + rest;
          }};
}

// Version 5 names the modules of a block differently from files of version 4. with_joined_qkv has
// joined queries, keys and values before.
Naming transformers_naming(const std::string& prefix, bool old) {
  return {"transformers", [prefix, old](const std::string& ours) -> std::string {
            const std::map<std::string, std::string> others{
                {"patch_embed.proj", prefix + "embeddings.patch_embeddings.projection"},
                {"patch_embed.norm", prefix + "embeddings.norm"},
                {"norm", prefix + "layernorm"},
                {"head.fc", "classifier"}};
            const auto place = place_of(ours);
            if (!place) return others.at(ours);
            const std::string layers = prefix + "encoder.layers.";
            if (!place->block)
              return layers + std::to_string(place->layer - 1) + ".downsample." + place->number;
            const std::map<std::string, std::string> inner{
                {"", ""},
                {".norm1", ".layernorm_before"},
                {".attn", old ? ".attention.self" : ".attention.relative_position_bias"},
                {".attn.qkv", old ? ".attention.self.qkv" : ".attention.qkv"},
                {".attn.proj", old ? ".attention.output.dense" : ".attention.o_proj"},
                {".norm2", ".layernorm_after"},
                {".mlp.fc1", old ? ".intermediate.dense" : ".mlp.fc1"},
                {".mlp.fc2", old ? ".output.dense" : ".mlp.fc2"}};
            return layers + std::to_string(place->layer) + ".blocks." + place->number +
                   inner.at(place->rest);
          }};
}

// Joins the file's three tensors, in this order, under one name.
StateDict with_joined_qkv(const StateDict& file, bool old) {
  const std::array<std::string, 3> modules =
      old ? std::array<std::string, 3>{".self.query", ".self.key", ".self.value"}
          : std::array<std::string, 3>{".attention.q_proj", ".attention.k_proj",
                                       ".attention.v_proj"};
  StateDict joined = file;
  for (const auto& [name, tensor] : file) {
    for (size_t i = 0; i < modules.size(); ++i) {
      const size_t at = name.find(modules[i] + ".");
      if (at == std::string::npos) continue;
      const std::string before = name.substr(0, at), part = name.substr(at + modules[i].size());
      std::vector<at::Tensor> three;
      for (const std::string& module : modules) {
        const auto found = file.find(before + module + part);
        if (found == file.end()) throw Error("tensor '" + before + module + part + "' is missing");
        if (!found->second.is_floating_point())
          throw Error("tensor '" + found->first + "' is of type " +
                      std::string(found->second.dtype().name()) + ", not a float's");
        if (found->second.dim() != (part == ".weight" ? 2 : 1) ||
            found->second.sizes() != file.at(before + modules[0] + part).sizes() ||
            found->second.scalar_type() != file.at(before + modules[0] + part).scalar_type())
          throw Error("tensor '" + found->first +
                      "' is not like the other two of queries, keys and values");
        three.push_back(found->second);
      }
      joined.erase(name);
      joined[before + (old ? ".self.qkv" : ".attention.qkv") + part] = at::cat(three);
    }
  }
  return joined;
}

std::optional<Naming> naming_of(const StateDict& file) {
  const std::string table = "relative_position_bias_table";
  if (file.contains("layers.0.blocks.0.attn." + table) && has_part(file, "patch_embed."))
    return has_part(file, "layers.0.downsample.") ? old_timm_naming() : public_naming("timm");
  if (file.contains("features.1.0.attn." + table)) return torchvision_naming();
  for (const std::string prefix : {"swin.", ""}) {
    const std::string block = prefix + "encoder.layers.0.blocks.0.attention.";
    if (file.contains(block + "self." + table)) return transformers_naming(prefix, true);
    if (file.contains(block + "relative_position_bias." + table))
      return transformers_naming(prefix, false);
  }
  return std::nullopt;
}

Plan plan_of(const Shapes& shapes) {
  const Wholes projection = shapes.of("patch_embed.proj.weight", 4);
  Plan plan{.patch = projection[3], .dim = projection[0], .depths = {}, .heads = {}};
  for (int64_t s = 0; s < static_cast<int64_t>(kMostStages) &&
                      shapes.has("layers." + std::to_string(s) + ".blocks.0");
       ++s) {
    const std::string blocks = "layers." + std::to_string(s) + ".blocks.";
    const Wholes table =
        shapes.of(blocks + "0.attn.relative_position_bias_table", 2);  // [(2·window - 1)², heads]
    const int64_t dim = plan.dim << s;
    plan.heads.push_back(table[1]);
    plan.window = (std::llround(std::sqrt(static_cast<double>(table[0]))) + 1) / 2;
    plan.depths.push_back(shapes.count(blocks));
    if (s == 0)
      plan.mlp_ratio = std::max<int64_t>(shapes.of(blocks + "0.mlp.fc1.weight", 2)[0] / dim, 1);
    for (int64_t i = 0; i < plan.depths.back(); ++i) {
      shapes.require(blocks + std::to_string(i) + ".attn.qkv.weight", {3 * dim, dim});
      shapes.require(blocks + std::to_string(i) + ".mlp.fc1.weight", {plan.mlp_ratio * dim, dim});
    }
  }
  return plan;
}

// The input of the public weights with this naming; weights with windows of 12 take images of 384
// pixels.
data::InputSpec input_of(const Naming& naming, const Plan& plan, data::InputSpec input) {
  if (plan.window == 12) input.size = 384;
  if (naming.name.starts_with("timm")) input.crop_ratio = 0.9;
  if (naming.name == "transformers" || plan.window == 12) input.crop_ratio = 1;
  return input;
}

std::optional<Recognised> recognise(const StateDict& whole, const Hints& hints) {
  const std::optional<Naming> found = naming_of(whole);
  if (hints.arch.empty() && !found) return std::nullopt;
  const Naming naming = found.value_or(public_naming("timm"));
  StateDict file = whole;
  if (naming.name == "transformers")
    file = with_joined_qkv(whole, has_part(whole, ".attention.self."));
  // These buffers are computed from the window's size alone.
  std::erase_if(file, [](const auto& item) {
    return item.first.ends_with("relative_position_index") || item.first.ends_with("attn_mask");
  });
  const Variant* named = find_variant(hints.arch);
  const Plan plan = named != nullptr ? plan_of(*named) : plan_of(Shapes(file, naming));
  ModelSpec spec = spec_of(plan);
  const data::InputSpec fresh = own_input(spec.arch);
  const data::InputSpec input = input_of(naming, plan, fresh);
  if (input != fresh) spec.options["preprocess"] = data::to_json(input);
  return recognise_as<Swin>(std::move(spec), file, naming);
}

RETORT_REGISTER_FAMILY(Family{"swin", arch_names(kAnySwin, kVariants),
                              "Swin Transformers (timm, torchvision, transformers)",
                              make_convnet<Swin>, recognise});

}  // namespace
}  // namespace retort::models::swin
