#include "tests/generate/sd1_checkpoint.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <ATen/CPUGeneratorImpl.h>

#include "retort/core/safetensors.h"

namespace retort::testing {
namespace {

using std::to_string;

class Checkpoint {
 public:
  StateDict tensors;

  void unet() {
    constexpr int64_t kWidths[] = {320, 640, 1280, 1280};
    linear("unet.time_embedding.linear_1", 1280, 320);
    linear("unet.time_embedding.linear_2", 1280, 1280);
    conv("unet.conv_in", 320, 4, 3);
    std::vector<int64_t> skipped = {320};
    int64_t width = 320;
    for (size_t i = 0; i < 4; ++i) {
      const std::string block = "unet.down_blocks." + to_string(i);
      for (int j = 0; j < 2; ++j) {
        resnet(block + ".resnets." + to_string(j), kWidths[i], width, true);
        width = kWidths[i];
        skipped.push_back(width);
        if (i < 3) transformer(block + ".attentions." + to_string(j), width);
      }
      if (i == 3) continue;
      conv(block + ".downsamplers.0.conv", width, width, 3);
      skipped.push_back(width);
    }
    resnet("unet.mid_block.resnets.0", 1280, 1280, true);
    transformer("unet.mid_block.attentions.0", 1280);
    resnet("unet.mid_block.resnets.1", 1280, 1280, true);
    for (size_t i = 0; i < 4; ++i) {
      const std::string block = "unet.up_blocks." + to_string(i);
      for (int j = 0; j < 3; ++j) {
        resnet(block + ".resnets." + to_string(j), kWidths[3 - i], width + skipped.back(), true);
        skipped.pop_back();
        width = kWidths[3 - i];
        if (i > 0) transformer(block + ".attentions." + to_string(j), width);
      }
      if (i < 3) conv(block + ".upsamplers.0.conv", width, width, 3);
    }
    norm("unet.conv_norm_out", 320);
    conv("unet.conv_out", 4, 320, 3);
  }

  void vae() {
    constexpr int64_t kWidths[] = {128, 256, 512, 512};
    conv("vae.encoder.conv_in", 128, 3, 3);
    int64_t width = 128;
    for (size_t i = 0; i < 4; ++i) {
      const std::string block = "vae.encoder.down_blocks." + to_string(i);
      for (int j = 0; j < 2; ++j) {
        resnet(block + ".resnets." + to_string(j), kWidths[i], width, false);
        width = kWidths[i];
      }
      if (i < 3) conv(block + ".downsamplers.0.conv", width, width, 3);
    }
    vae_middle("vae.encoder", 512, 8);
    conv("vae.decoder.conv_in", 512, 4, 3);
    for (size_t i = 0; i < 4; ++i) {
      const std::string block = "vae.decoder.up_blocks." + to_string(i);
      for (int j = 0; j < 3; ++j) {
        resnet(block + ".resnets." + to_string(j), kWidths[3 - i], width, false);
        width = kWidths[3 - i];
      }
      if (i < 3) conv(block + ".upsamplers.0.conv", width, width, 3);
    }
    vae_middle("vae.decoder", 128, 3);
    conv("vae.quant_conv", 8, 8, 1);
    conv("vae.post_quant_conv", 4, 4, 1);
  }

  void text_encoder() {
    const std::string model = "te.text_model.";
    weight(model + "embeddings.token_embedding.weight", {49408, 768});
    weight(model + "embeddings.position_embedding.weight", {77, 768});
    for (int i = 0; i < 12; ++i) {
      const std::string layer = model + "encoder.layers." + to_string(i);
      for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"})
        linear(layer + ".self_attn." + name, 768, 768);
      norm(layer + ".layer_norm1", 768);
      norm(layer + ".layer_norm2", 768);
      linear(layer + ".mlp.fc1", 3072, 768);
      linear(layer + ".mlp.fc2", 768, 3072);
    }
    norm(model + "final_layer_norm", 768);
  }

 private:
  void weight(const std::string& name, at::IntArrayRef shape) {
    const int64_t count = c10::multiply_integers(shape), from = offset_ % (pool_.numel() - count);
    tensors[name] = pool_.narrow(0, from, count).view(shape);
    offset_ += count;
  }
  void linear(const std::string& name, int64_t out, int64_t in, bool bias = true) {
    weight(name + ".weight", {out, in});
    if (bias) tensors[name + ".bias"] = at::zeros({out}, at::kHalf);
  }
  void conv(const std::string& name, int64_t out, int64_t in, int64_t kernel) {
    weight(name + ".weight", {out, in, kernel, kernel});
    tensors[name + ".bias"] = at::zeros({out}, at::kHalf);
  }
  void norm(const std::string& name, int64_t width) {
    tensors[name + ".weight"] = at::ones({width}, at::kHalf);
    tensors[name + ".bias"] = at::zeros({width}, at::kHalf);
  }
  void resnet(const std::string& name, int64_t out, int64_t in, bool timed) {
    norm(name + ".norm1", in);
    conv(name + ".conv1", out, in, 3);
    if (timed) linear(name + ".time_emb_proj", out, 1280);
    norm(name + ".norm2", out);
    conv(name + ".conv2", out, out, 3);
    if (in != out) conv(name + ".conv_shortcut", out, in, 1);
  }
  void attention(const std::string& name, int64_t width, int64_t context, bool bias) {
    linear(name + ".to_q", width, width, bias);
    linear(name + ".to_k", width, context, bias);
    linear(name + ".to_v", width, context, bias);
    linear(name + ".to_out.0", width, width);
  }
  void transformer(const std::string& name, int64_t width) {
    norm(name + ".norm", width);
    conv(name + ".proj_in", width, width, 1);
    const std::string block = name + ".transformer_blocks.0";
    for (const char* one : {".norm1", ".norm2", ".norm3"}) norm(block + one, width);
    attention(block + ".attn1", width, width, false);
    attention(block + ".attn2", width, 768, false);
    linear(block + ".ff.net.0.proj", 8 * width, width);
    linear(block + ".ff.net.2", width, 4 * width);
    conv(name + ".proj_out", width, width, 1);
  }
  void vae_middle(const std::string& name, int64_t last, int64_t channels) {
    resnet(name + ".mid_block.resnets.0", 512, 512, false);
    norm(name + ".mid_block.attentions.0.group_norm", 512);
    attention(name + ".mid_block.attentions.0", 512, 512, true);
    resnet(name + ".mid_block.resnets.1", 512, 512, false);
    norm(name + ".conv_norm_out", last);
    conv(name + ".conv_out", channels, last, 3);
  }

  static constexpr int64_t kPool = int64_t{40} << 20;  // a little more than the largest tensor
  at::Tensor pool_ =
      at::randn({kPool}, at::detail::createCPUGenerator(1), at::kFloat).mul_(0.02).to(at::kHalf);
  int64_t offset_ = 0;
};

}  // namespace

void write_sd1_checkpoint(const std::filesystem::path& path) {
  Checkpoint checkpoint;
  checkpoint.unet();
  checkpoint.vae();
  checkpoint.text_encoder();
  write_safetensors(path, checkpoint.tensors);
}

}  // namespace retort::testing
