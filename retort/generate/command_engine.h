#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retort/generate/engine.h"

namespace retort::generate {

constexpr const char* kScratchStart = ".retort-";  // how the names of files in `scratch` begin

// An engine that runs the user's own program once for each image. `command` is split into words;
// {prompt}, {negative_prompt}, {class}, {seed} and {out} are then filled in within the words, which
// no shell sees. {out} is the name of a PNG file in the folder `scratch`. The program writes the
// image there, in any kind that data::decode_file reads. Throws UsageError when the command lacks
// {prompt} or {out}, or holds another {name}.
std::unique_ptr<Engine> make_command_engine(const std::string& command,
                                            const std::filesystem::path& scratch);

// Splits a command into words as a shell would, with '…', "…" and \ and nothing else. Throws
// UsageError on a quote that is not closed.
std::vector<std::string> split_words(const std::string& command);

}  // namespace retort::generate
