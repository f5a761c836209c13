#include "retort/generate/picture.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "retort/core/hash.h"
#include "retort/data/csv.h"
#include "retort/version.h"

namespace retort::generate {
namespace {

constexpr uint32_t kSeeds = uint32_t{1} << 31;

int64_t first_seed(const std::string& label, uint64_t set_seed) {
  constexpr size_t kDigits = 8;
  constexpr int kHex = 16;
  const std::string hash =
      Hasher().text("seed-1").text(label).number(static_cast<int64_t>(set_seed)).hex();
  return static_cast<int64_t>(std::stoul(hash.substr(0, kDigits), nullptr, kHex) % kSeeds);
}

// A setting's name as image tools show it: "model_hash" is "Model hash", and guidance is "CFG
// scale".
std::string shown(const std::string& name) {
  if (name == "guidance") return "CFG scale";
  std::string text = replaced(name, "_", " ");
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace

Picture picture(const ClassPrompts& of, int64_t number, uint64_t set_seed, Format format) {
  char name[32];
  std::snprintf(name, sizeof name, "/%05lld.%s", static_cast<long long>(number),
                format == Format::png ? "png" : "jpg");
  return {of.label + name, of.label, of.prompts[static_cast<size_t>(number) % of.prompts.size()],
          (first_seed(of.label, set_seed) + number) % kSeeds};
}

std::string parameters(const Picture& picture, const std::string& negative_prompt,
                       const Settings& settings) {
  std::string text = picture.prompt;
  if (!negative_prompt.empty()) text += "\nNegative prompt: " + negative_prompt;
  std::string line = "Seed: " + std::to_string(picture.seed);
  for (const auto& [name, value] : settings)
    line +=
        ", " + shown(name) + ": " +
        (value.find_first_of(",:\n\"") == std::string::npos ? value : nlohmann::json(value).dump());
  return text + "\n" + line + ", Version: retort " + kVersion;
}

std::string manifest_header(const Settings& settings) {
  std::vector<std::string> fields = {"path", "label", "split", "prompt", "negative_prompt", "seed"};
  for (const auto& [name, value] : settings) fields.push_back(name);
  return data::csv_line(fields);
}

std::string manifest_row(const Picture& picture, const std::string& negative_prompt,
                         const Settings& settings) {
  std::vector<std::string> fields = {picture.path,   picture.label,   "train",
                                     picture.prompt, negative_prompt, std::to_string(picture.seed)};
  for (const auto& [name, value] : settings) fields.push_back(value);
  return data::csv_line(fields);
}

}  // namespace retort::generate
