#pragma once

#include <string>

#include "retort/hub/description.h"

namespace retort::models {

// timm has architectures that have the same tensors but compute something else (an anti-aliased
// ResNet, an overlapping stem, another activation or normalisation), so that tensors alone do not
// tell them apart. Throws Error, naming `where` and the architecture, unless retort computes it as
// timm does (scripts/check_snapshots.py runs them all), and when its arguments change more than
// sizes.
void check_timm(const hub::Description& description, const std::string& where);

// Whether its arguments give it sizes other than those of its name.
bool has_own_sizes(const hub::Description& description);

}  // namespace retort::models
