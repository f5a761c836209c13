#pragma once

#include <string>

#include "retort/core/safetensors.h"

namespace retort::models {

// Throws Error, naming the network and `where` (the file), when the tensors belong to a well-known
// network that no family builds. Without this a family would refuse it by one of its tensors.
void refuse_unread_networks(const StateDict& state, const std::string& where);

}  // namespace retort::models
