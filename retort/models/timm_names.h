#pragma once

#include <string>

#include "retort/hub/description.h"

namespace retort::models {

// timm has several architectures with the same tensors and another arithmetic (an anti-aliased
// ResNet, a stem that overlaps, another activation or normalisation), so that tensors alone do not
// tell. Throws Error naming `where` and the architecture unless it is one that retort computes as
// timm does (scripts/check_snapshots.py runs them all), and when its arguments change more than
// sizes.
void check_timm(const hub::Description& description, const std::string& where);

// Whether its arguments give it other sizes than its name does.
bool has_own_sizes(const hub::Description& description);

}  // namespace retort::models
