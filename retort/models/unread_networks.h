#pragma once

#include <string>

#include "retort/core/safetensors.h"

namespace retort::models {

// Throws Error naming the network where these tensors are those of a well-known one that no family
// builds, and that would otherwise be refused by one of its tensors. `where` names the file.
void refuse_unread_networks(const StateDict& state, const std::string& where);

}  // namespace retort::models
