#pragma once

#include <optional>
#include <string_view>

#include <torch/types.h>

namespace retort::weights {

// The names that are allowed in the pickle of a weight file, such as "torch.FloatStorage".

// The allowed functions that PickleObjects::reduce() carries out.
inline constexpr const char* kOrderedDict = "collections.OrderedDict";
inline constexpr const char* kSize = "torch.Size";
inline constexpr const char* kTensor = "torch._utils._rebuild_tensor";
inline constexpr const char* kTensorV2 = "torch._utils._rebuild_tensor_v2";
inline constexpr const char* kParameter = "torch._utils._rebuild_parameter";
inline constexpr const char* kParameterWithState = "torch._utils._rebuild_parameter_with_state";
inline constexpr const char* kOfType = "torch._tensor._rebuild_from_type_v2";

bool is_allowed(std::string_view name);

// The type of the elements of "torch.FloatStorage" and the like; nothing for another name.
std::optional<at::ScalarType> storage_type(std::string_view name);

// Whether the name belongs to what runs programs or reaches into them. Nothing of such a name would
// be called, but a file that has one is not to be trusted.
bool is_suspicious(std::string_view module, std::string_view name);

}  // namespace retort::weights
