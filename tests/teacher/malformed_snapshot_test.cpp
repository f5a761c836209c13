// Malformed snapshots, read completely as a teacher reads them: network, description, both towers
// and tokenizer.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/random.h"
#include "retort/models/registry.h"
#include "retort/teacher/zero_shot.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/snapshot.h"

namespace retort::teacher {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Writes timm's snapshot of a small ResNet.
void write_resnet(const fs::path& folder) {
  const std::vector<int64_t> widths{8, 16, 32, 64};
  StateDict state = models::state_of(
      *models::make_model({"resnet", 5, {{"stem", 8}, {"inner", widths}, {"outer", widths}}}));
  testing::formula_fill(state);
  fs::create_directories(folder);
  write_safetensors(folder / "model.safetensors", state);
  write_file_atomic(folder / "config.json",
                    R"({"architecture": "resnet", "num_classes": 5,
        "pretrained_cfg": {"input_size": [3, 32, 32]}})");
}

void read_whole(const fs::path& folder, bool two_towers) {
  Teacher teacher({.weights = folder, .embedding = two_towers}, models::Precision::fp32);
  if (two_towers) set_zero_shot_head(teacher, folder, {{"a forest"}, {"a sea"}});
  teacher.features(at::zeros({1, 3, 32, 32}));
}

// One change to a good snapshot.
struct Lie {
  const char* name;
  std::function<void(const fs::path&)> tell;
};

Lie in_config(const char* name, std::function<void(json&)> change,
              const char* file = "config.json") {
  return {name, [change = std::move(change), file](const fs::path& folder) {
            json config = json::parse(read_file(folder / file));
            change(config);
            write_file_atomic(folder / file, config.dump());
          }};
}

// The header of model.safetensors: a length of eight bytes, then JSON.
Lie in_header(const char* name, std::function<void(json&)> change) {
  return {name, [change = std::move(change)](const fs::path& folder) {
            const std::string bytes = read_file(folder / "model.safetensors");
            uint64_t old_length = 0;
            std::memcpy(&old_length, bytes.data(), 8);
            json header = json::parse(bytes.substr(8, old_length));
            header.erase("__metadata__");
            change(header);
            const std::string text = header.dump();
            const uint64_t length = text.size();
            const std::string values = bytes.substr(8 + old_length);
            write_file_atomic(
                folder / "model.safetensors",
                std::string(reinterpret_cast<const char*>(&length), 8) + text + values);
          }};
}

Lie in_tensors(const char* name, std::function<void(StateDict&)> change) {
  return {name, [change = std::move(change)](const fs::path& folder) {
            StateDict state = read_safetensors(folder / "model.safetensors").tensors;
            for (auto& [key, tensor] : state) tensor = tensor.clone();
            change(state);
            write_safetensors(folder / "model.safetensors", state);
          }};
}

json& largest(json& header) {
  return *std::ranges::max_element(header, {},
                                   [](const json& entry) { return entry["shape"].size(); });
}

constexpr uint64_t kHuge = uint64_t{1} << 63;

std::vector<Lie> lies(bool two_towers) {
  std::vector<Lie> all = {
      in_header("2^63 values", [](json& h) { largest(h)["shape"][0] = kHuge; }),
      in_header("sizes whose product overflows",
                [](json& h) {
                  largest(h)["shape"] = {kHuge / 2, 4, 2};
                }),
      in_header("a negative size", [](json& h) { largest(h)["shape"][0] = -8; }),
      in_header("a size that is text", [](json& h) { largest(h)["shape"][0] = "8"; }),
      in_header("bytes beyond the file", [](json& h) { largest(h)["data_offsets"][1] = kHuge; }),
      in_header(
          "bytes turned round",
          [](json& h) { std::swap(largest(h)["data_offsets"][0], largest(h)["data_offsets"][1]); }),
      in_header("an unknown type", [](json& h) { largest(h)["dtype"] = "F5"; }),
      in_header("another type of as many bytes", [](json& h) { largest(h)["dtype"] = "I32"; }),
      in_header("no tensors", [](json& h) { h = json::object(); }),
      {"a header longer than the file",
       [](const fs::path& folder) {
         std::string bytes = read_file(folder / "model.safetensors");
         std::memcpy(bytes.data(), &kHuge, 8);
         write_file_atomic(folder / "model.safetensors", bytes);
       }},
      {"half the file",
       [](const fs::path& folder) {
         const std::string bytes = read_file(folder / "model.safetensors");
         write_file_atomic(folder / "model.safetensors", bytes.substr(0, bytes.size() / 2));
       }},
      {"no weights", [](const fs::path& folder) { fs::remove(folder / "model.safetensors"); }},
      {"no description", [](const fs::path& folder) { fs::remove(folder / "config.json"); }},
      {"a description that is a list",
       [](const fs::path& folder) { write_file_atomic(folder / "config.json", "[]"); }},
      {"a missing shard",
       [](const fs::path& folder) {
         fs::rename(folder / "model.safetensors", folder / "model-00001-of-00002.safetensors");
         write_file_atomic(folder / "model.safetensors.index.json",
                           R"({"weight_map": {"a": "model-00001-of-00002.safetensors",
               "b": "model-00002-of-00002.safetensors"}})");
       }},
      {"a shard outside the folder",
       [](const fs::path& folder) {
         fs::rename(folder / "model.safetensors", folder / "../model.safetensors");
         write_file_atomic(folder / "model.safetensors.index.json",
                           R"({"weight_map": {"a": "../model.safetensors"}})");
       }},
      in_tensors("a tensor missing", [](StateDict& s) { s.erase(std::prev(s.end())); }),
      in_tensors("whole numbers for weights",
                 [](StateDict& s) {
                   for (auto& [key, tensor] : s)
                     if (tensor.dim() == 4) tensor = tensor.to(at::kLong);
                 }),
      in_tensors("a kernel turned round",
                 [](StateDict& s) {
                   for (auto& [key, tensor] : s)
                     if (tensor.dim() == 4) tensor = tensor.transpose(0, 1).contiguous();
                 }),
      in_tensors("empty tensors",
                 [](StateDict& s) {
                   for (auto& [key, tensor] : s) tensor = tensor.flatten().slice(0, 0, 0);
                 }),
  };
  if (!two_towers) {
    all.push_back(in_config("pixels without an end", [](json& c) {
      c["pretrained_cfg"]["input_size"] = {3, 1e18, 1e18};
    }));
    all.push_back(in_config("an input of two sizes", [](json& c) {
      c["pretrained_cfg"]["input_size"] = {3, 32};
    }));
    all.push_back(
        in_config("a mean of text", [](json& c) { c["pretrained_cfg"]["mean"] = "white"; }));
    return all;
  }
  for (const char* tower : {"text_config", "vision_config"}) {
    all.push_back(in_config("no heads", [tower](json& c) { c[tower]["num_attention_heads"] = 0; }));
    all.push_back(in_config("heads that do not divide",
                            [tower](json& c) { c[tower]["num_attention_heads"] = 7; }));
    all.push_back(in_config(
        "2^62 heads", [tower](json& c) { c[tower]["num_attention_heads"] = int64_t{1} << 62; }));
    all.push_back(
        in_config("an unknown activation", [tower](json& c) { c[tower]["hidden_act"] = "sine"; }));
    all.push_back(in_config("an epsilon of text",
                            [tower](json& c) { c[tower]["layer_norm_eps"] = "small"; }));
    all.push_back(in_config("a tower that is a number", [tower](json& c) { c[tower] = 3; }));
  }
  all.push_back(in_config(
      "a size of text", [](json& c) { c["size"] = "large"; }, "preprocessor_config.json"));
  all.push_back(in_config(
      "a size without an end",
      [](json& c) {
        c["size"] = {{"height", 1e15}, {"width", 1e15}};
      },
      "preprocessor_config.json"));
  all.push_back(in_tensors("more tokens than embeddings", [](StateDict& s) {
    at::Tensor& table = s["text_model.embeddings.token_embedding.weight"];
    table = table.slice(0, 0, 2).contiguous();
  }));
  all.push_back(in_tensors("a scale that is not finite",
                           [](StateDict& s) { s["logit_scale"].fill_(INFINITY); }));
  return all;
}

class MalformedSnapshot : public ::testing::TestWithParam<std::string> {
 protected:
  bool two_towers() const { return GetParam() != "resnet"; }
  void write(const fs::path& folder) const {
    two_towers() ? testing::write_two_towers(folder, GetParam()) : write_resnet(folder);
  }
  testing::TestFolder folder_;
};

TEST_P(MalformedSnapshot, IsAnErrorThatSaysWhy) {
  write(folder_ / "good");
  EXPECT_NO_THROW(read_whole(folder_ / "good", two_towers()));
  int number = 0;
  for (const Lie& lie : lies(two_towers())) {
    const fs::path folder = folder_ / std::to_string(++number) / "model";
    write(folder);
    lie.tell(folder);
    try {
      read_whole(folder, two_towers());
      ADD_FAILURE() << lie.name << " was believed";
    } catch (const Error& error) {
      EXPECT_GT(std::string(error.what()).size(), 20U) << lie.name;
    } catch (const std::exception& error) {
      ADD_FAILURE() << lie.name << ": " << error.what();
    }
  }
}

// Whatever bytes are changed, the snapshot is read or refused.
TEST_P(MalformedSnapshot, AnyBytesAreSurvived) {
  write(folder_ / "good");
  CounterRng random({7});
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_ / "good"))
    files.push_back(entry.path().filename());
  std::ranges::sort(files);
  for (int round = 0; round < 150; ++round) {
    fs::remove_all(folder_ / "bad");
    fs::copy(folder_ / "good", folder_ / "bad");
    const fs::path file =
        folder_ / "bad" /
        files[static_cast<size_t>(random.below(static_cast<int64_t>(files.size())))].string();
    std::string bytes = read_file(file);
    // Changes are near the start, where lengths and names are.
    const int64_t reach = std::min<int64_t>(static_cast<int64_t>(bytes.size()), 3000);
    for (int64_t changes = 1 + random.below(4); changes > 0; --changes)
      bytes[static_cast<size_t>(random.below(reach))] = static_cast<char>(random.below(256));
    if (random.below(8) == 0)
      bytes.resize(static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size()))));
    write_file_atomic(file, bytes);
    try {
      read_whole(folder_ / "bad", two_towers());
    } catch (const Error& refused) {
      EXPECT_STRNE(refused.what(), "");
    } catch (const std::exception& error) {
      ADD_FAILURE() << "round " << round << ", " << file.filename() << ": " << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, MalformedSnapshot,
                         ::testing::Values("resnet", "clip", "siglip", "siglip2"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace retort::teacher
