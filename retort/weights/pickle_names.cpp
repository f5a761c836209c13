#include "retort/weights/pickle_names.h"

#include <algorithm>
#include <array>

namespace retort::weights {
namespace {

struct StorageName {
  std::string_view name;
  at::ScalarType type;
};
constexpr std::array<StorageName, 12> kStorages{{{"torch.DoubleStorage", at::kDouble},
                                                 {"torch.FloatStorage", at::kFloat},
                                                 {"torch.HalfStorage", at::kHalf},
                                                 {"torch.BFloat16Storage", at::kBFloat16},
                                                 {"torch.LongStorage", at::kLong},
                                                 {"torch.IntStorage", at::kInt},
                                                 {"torch.ShortStorage", at::kShort},
                                                 {"torch.CharStorage", at::kChar},
                                                 {"torch.ByteStorage", at::kByte},
                                                 {"torch.BoolStorage", at::kBool},
                                                 {"torch.UntypedStorage", at::kByte},
                                                 {"torch.storage.UntypedStorage", at::kByte}}};

constexpr std::array<std::string_view, 9> kCallable{
    kOrderedDict,        kSize,   kTensor,           kTensorV2,     kParameter,
    kParameterWithState, kOfType, "__builtin__.set", "builtins.set"};  // in Python 2 and 3
constexpr std::array<std::string_view, 15> kTypes{
    "torch.float64", "torch.double",   "torch.float32", "torch.float", "torch.float16",
    "torch.half",    "torch.bfloat16", "torch.int64",   "torch.long",  "torch.int32",
    "torch.int",     "torch.int16",    "torch.int8",    "torch.uint8", "torch.bool"};

// Names that run programs or reach into them. Only a checkpoint made to do harm has a use for them.
constexpr std::array<std::string_view, 18> kSuspicious{
    "eval",       "exec",     "compile", "getattr", "setattr", "delattr",
    "__import__", "open",     "input",   "globals", "locals",  "vars",
    "breakpoint", "execfile", "apply",   "file",    "exit",    "quit"};
constexpr std::array<std::string_view, 12> kSuspiciousModules{
    "os",        "posix",  "nt",     "subprocess", "sys", "runpy",
    "importlib", "shutil", "socket", "ctypes",     "pty", "webbrowser"};

}  // namespace

std::optional<at::ScalarType> storage_type(std::string_view name) {
  for (const StorageName& known : kStorages) {
    if (known.name == name) return known.type;
  }
  return std::nullopt;
}

bool is_suspicious(std::string_view module, std::string_view name) {
  const bool own = module == "builtins" || module == "__builtin__";
  if (own) return std::ranges::find(kSuspicious, name) != kSuspicious.end();
  return std::ranges::find(kSuspiciousModules, module.substr(0, module.find('.'))) !=
         kSuspiciousModules.end();
}

bool is_allowed(std::string_view name) {
  return storage_type(name) || std::ranges::find(kCallable, name) != kCallable.end() ||
         std::ranges::find(kTypes, name) != kTypes.end();
}

}  // namespace retort::weights
