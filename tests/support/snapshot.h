#pragma once

#include <filesystem>
#include <string>

namespace retort::testing {

// The folder of a small CLIP or SigLIP, formula-filled, with its tokenizer:
// tests/fixtures/text/<kind>.json ("clip", "siglip" or "siglip2").
void write_two_towers(const std::filesystem::path& folder, const std::string& kind);

}  // namespace retort::testing
