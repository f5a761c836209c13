#include "retort/weights/checkpoint.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::weights {
namespace {

using Value = PickleValue;

constexpr int kMaxNesting = 4;
constexpr int kMaxModules = 100'000;
constexpr int kMaxModuleDepth = 64;

// Entries of checkpoints that hold weights, in order of preference.
constexpr std::array<std::string_view, 26> kEntries{"state_dict_ema",
                                                    "model_ema",
                                                    "ema_state_dict",
                                                    "ema_model",
                                                    "ema",
                                                    "params_ema",
                                                    "teacher",
                                                    "target",
                                                    "target_encoder",
                                                    "state_dict",
                                                    "model_state",
                                                    "model_state_dict",
                                                    "model",
                                                    "net",
                                                    "network",
                                                    "module",
                                                    "params",
                                                    "weights",
                                                    "student",
                                                    "online",
                                                    "encoder",
                                                    "backbone",
                                                    "net_state_dict",
                                                    "best_state_dict",
                                                    "checkpoint",
                                                    "state"};

// Calls call(name, value) for each item whose key is a string.
template <typename Call>
void for_each_named(const Value::Items& items, Call&& call) {
  for (const auto& [key, value] : items)
    if (const auto* name = key->template as<std::string>()) call(*name, *value);
}

// The items of a dict, or of an object that has items; else null.
const Value::Items* items_of(const Value& value) {
  if (const auto* dict = value.as<Value::Dict>()) return &dict->items;
  const auto* opaque = value.as<Value::Opaque>();
  return opaque != nullptr && !opaque->items.empty() ? &opaque->items : nullptr;
}

// The last item of that name, as Python's dict would keep it; null without one.
const Value* find(const Value::Items& items, std::string_view wanted) {
  const Value* found = nullptr;
  for_each_named(items, [&](const std::string& name, const Value& value) {
    if (name == wanted) found = &value;
  });
  return found;
}

// The attributes of an object; null without them.
const Value::Items* attributes_of(const Value& value) {
  const auto* opaque = value.as<Value::Opaque>();
  const auto* state =
      opaque == nullptr || opaque->state == nullptr ? nullptr : opaque->state->as<Value::Dict>();
  return state == nullptr ? nullptr : &state->items;
}

bool is_module(const Value& value) {
  const Value::Items* attributes = attributes_of(value);
  return attributes != nullptr && find(*attributes, "_parameters") != nullptr &&
         find(*attributes, "_modules") != nullptr;
}

// Collects the tensors of an object and its submodules under the names that state_dict() gives
// them.
class ModuleReader {
 public:
  explicit ModuleReader(const std::string& where) : where_(where) {}

  void read(const Value& module, const std::string& prefix, int depth = 0) {
    const Value::Items* attributes = attributes_of(module);
    if (attributes == nullptr) return;
    if (depth > kMaxModuleDepth || ++modules_ > kMaxModules)
      throw Error("nests more modules than weights need", where_);
    if (!is_module(module)) return read_children(*attributes, prefix, depth);
    const std::set<std::string> unsaved = unsaved_in(*attributes);
    for (const char* kind : {"_parameters", "_buffers", "_modules"}) {
      const Value* part = find(*attributes, kind);
      const Value::Items* children = part == nullptr ? nullptr : items_of(*part);
      if (children != nullptr) read_children(*children, prefix, depth, unsaved);
    }
  }

  std::vector<std::pair<std::string, const Value::Tensor*>> take() { return std::move(found_); }

 private:
  // Buffers that state_dict() leaves out.
  static std::set<std::string> unsaved_in(const Value::Items& attributes) {
    std::set<std::string> names;
    const Value* part = find(attributes, "_non_persistent_buffers_set");
    const auto* list = part == nullptr ? nullptr : part->as<Value::Sequence>();
    if (list == nullptr) return names;
    for (const Value* item : list->items)
      if (const auto* name = item->as<std::string>()) names.insert(*name);
    return names;
  }

  void read_children(const Value::Items& items, const std::string& prefix, int depth,
                     const std::set<std::string>& unsaved = {}) {
    for_each_named(items, [&](const std::string& name, const Value& value) {
      if (const auto* tensor = value.as<Value::Tensor>()) {
        if (!unsaved.contains(name)) found_.emplace_back(prefix + name, tensor);
      } else {
        read(value, prefix + name + ".", depth + 1);
      }
    });
  }

  std::string where_;
  int modules_ = 0;
  std::vector<std::pair<std::string, const Value::Tensor*>> found_;
};

// Whether it is a dict with tensors. `matrices`: one tensor at least must have two dimensions,
// since a dict of vectors alone may be something other than weights.
bool holds_tensors(const Value& value, bool matrices = false) {
  const Value::Items* items = items_of(value);
  bool found = false;
  if (items == nullptr) return false;
  for_each_named(*items, [&](const std::string&, const Value& each) {
    const auto* tensor = each.as<Value::Tensor>();
    const auto* sizes = tensor == nullptr ? nullptr : tensor->sizes->as<Value::Sequence>();
    found = found ||
            (tensor != nullptr && (!matrices || (sizes != nullptr && sizes->items.size() > 1)));
  });
  return found;
}

// Looks for weights in an object, in its entries, and in their entries.
class Search {
 public:
  Search(std::string& wanted, const std::string& where) : wanted_(wanted), where_(where) {}

  const Value* find_in(const Value& value, int depth = 0) {
    if (is_module(value)) return &value;
    const Value::Items* items = items_of(value);
    // A dict may contain itself.
    if (items == nullptr || depth > kMaxNesting || !seen_.insert(items).second) return nullptr;
    if (!wanted_.empty()) {
      if (const Value* found = named(*items, depth)) return found;
    }
    if (const Value* found = known(*items, depth)) return found;
    if (holds_tensors(value, true)) return &value;
    if (const Value* found = only(*items, depth)) return found;
    return holds_tensors(value) ? &value : nullptr;
  }

  std::string set;
  std::vector<std::string> others;

 private:
  const Value* named(const Value::Items& items, int depth) {
    const Value* inner = find(items, wanted_);
    if (inner == nullptr) return nullptr;
    const std::string name = std::exchange(wanted_, "");
    const Value* found = find_in(*inner, depth + 1);
    if (found == nullptr) throw Error("holds no weights under " + quote_name(name), where_);
    set = name;
    return found;
  }

  // Takes the first of kEntries that has weights; the others go to `others`.
  const Value* known(const Value::Items& items, int depth) {
    const Value* first = nullptr;
    std::string name;
    std::vector<std::string> rest;
    for (const std::string_view entry : kEntries) {
      const Value* inner = find(items, entry);
      if (inner == nullptr) continue;
      if (first != nullptr) {
        if (is_module(*inner) || holds_tensors(*inner, true) || holds_inside(*inner))
          rest.emplace_back(entry);
      } else if ((first = find_in(*inner, depth + 1)) != nullptr) {
        name = entry;
      }
    }
    tell(name, std::move(rest));
    return first;
  }

  static bool holds_inside(const Value& value) {
    const Value::Items* items = items_of(value);
    return items != nullptr && std::ranges::any_of(kEntries, [&](std::string_view entry) {
             const Value* inner = find(*items, entry);
             return inner != nullptr && holds_tensors(*inner, true);
           });
  }

  // Takes the entry with weights under an unknown name, where there is only one.
  const Value* only(const Value::Items& items, int depth) {
    std::vector<std::string> names;
    const Value* first = nullptr;
    for_each_named(items, [&](const std::string& name, const Value& value) {
      if (!is_module(value) && !holds_tensors(value, true)) return;
      if (first == nullptr) first = &value;
      names.push_back(name);
    });
    if (names.size() > 1)
      throw Error("holds several sets of weights: " + quoted(names), where_,
                  "name one: FILE#" + names.front());
    return first == nullptr ? nullptr : find_in(*first, depth + 1);
  }

  static std::string quoted(const std::vector<std::string>& names) {
    constexpr size_t kMost = 6;
    std::string text;
    for (size_t i = 0; i < std::min(names.size(), kMost); ++i)
      text += (i > 0 ? ", " : "") + quote_name(names[i]);
    return names.size() > kMost ? text + ", …" : text;
  }

  void tell(const std::string& name, std::vector<std::string> rest) {
    if (rest.empty() || !others.empty()) return;
    if (set.empty()) set = name;
    others = std::move(rest);
  }

  std::string& wanted_;
  std::string where_;
  std::set<const Value::Items*> seen_;
};

// The first name that is not allowed, for the message where no weights were found.
std::string outside(const Value& root) {
  const auto* opaque = root.as<Value::Opaque>();
  if (const Value::Items* items = items_of(root)) {
    for_each_named(*items, [&](const std::string&, const Value& value) {
      if (opaque == nullptr) opaque = value.as<Value::Opaque>();
    });
  }
  return opaque == nullptr ? ""
                           : quote_name(*opaque->name) + " is outside what a weight file may hold";
}

[[noreturn]] void fail_without_weights(const Value& root, const std::string& where) {
  const Value::Items* items = items_of(root);
  const std::string name = outside(root);
  const std::string mend =
      "save the weights alone: torch.save(model.state_dict(), path), or write a safetensors file";
  if (items == nullptr) throw Error(name.empty() ? "is not a dict of tensors" : name, where, mend);
  std::string names;
  size_t shown = 0;
  for_each_named(*items, [&](const std::string& key, const Value&) {
    if (++shown <= 6) names += (shown > 1 ? ", " : "") + quote_name(key);
  });
  throw Error("holds no tensors by name, only " +
                  (names.empty() ? "an empty dict" : names + (shown > 6 ? ", …" : "")) +
                  (name.empty() ? "" : "; " + name),
              where, mend);
}

}  // namespace

Checkpoint weights_in(const Pickle& pickle, std::string& wanted, const std::string& where) {
  Search search(wanted, where);
  const Value* found = search.find_in(*pickle.root);
  if (found == nullptr) fail_without_weights(*pickle.root, where);
  Checkpoint checkpoint{.tensors = {}, .set = search.set, .others = search.others};
  if (const Value::Items* items = items_of(*found); items != nullptr && !is_module(*found)) {
    for_each_named(*items, [&](const std::string& name, const Value& value) {
      if (const auto* tensor = value.as<Value::Tensor>())
        checkpoint.tensors.emplace_back(name, tensor);
    });
    return checkpoint;
  }
  ModuleReader reader(where);
  reader.read(*found, "");
  checkpoint.tensors = reader.take();
  if (checkpoint.tensors.empty()) fail_without_weights(*pickle.root, where);
  return checkpoint;
}

Checkpoint script_weights_in(const Pickle& pickle, const std::string& where) {
  ModuleReader reader(where);
  reader.read(*pickle.root, "");
  return {.tensors = reader.take(), .set = {}, .others = {}};
}

}  // namespace retort::weights
