#include "retort/weights/pickle_objects.h"

#include <optional>

#include "retort/core/quote.h"
#include "retort/weights/pickle_names.h"

namespace retort::weights {
namespace {

using Value = PickleValue;

constexpr size_t kMostOfAGlobal = 256;

std::string outside(const std::string& name) {
  return quote_name(name) + " is outside what a weight file may hold";
}

bool is_nothing(const Value* value) {
  const auto* dict = value->as<Value::Dict>();
  return value->as<Value::None>() != nullptr || (dict != nullptr && dict->items.empty());
}

}  // namespace

void PickleObjects::push_long(uint32_t length) {
  if (length > 255) fail("a number is too long");
  const auto part = take(length);
  if (length > sizeof(int64_t))
    return push(
        Value::WideInt{std::string(reinterpret_cast<const char*>(part.data()), part.size())});
  const bool negative = length > 0 && (std::to_integer<uint8_t>(part.back()) & 0x80) != 0;
  int64_t value = negative ? -1 : 0;
  std::memcpy(&value, part.data(), length);
  push(value);
}

void PickleObjects::push_tuple(std::vector<const Value*> items) {
  push(Value::Sequence{std::move(items), true});
}

void PickleObjects::append(const std::vector<const Value*>& items) {
  if (top()->as<Value::Opaque>() != nullptr) return;  // a subclass of list or set
  auto* list = std::get_if<Value::Sequence>(&top()->is);
  if (list == nullptr || list->is_tuple) fail("the pickle appends to what is not a list");
  list->items.insert(list->items.end(), items.begin(), items.end());
}

void PickleObjects::set_items(const std::vector<const Value*>& items) {
  auto* dict = std::get_if<Value::Dict>(&top()->is);
  auto* opaque = std::get_if<Value::Opaque>(&top()->is);
  if ((dict == nullptr && opaque == nullptr) || items.size() % 2 != 0)
    fail("the pickle sets items of what is not a dict");
  Value::Items& to = dict != nullptr ? dict->items : opaque->items;
  for (size_t i = 0; i < items.size(); i += 2) to.emplace_back(items[i], items[i + 1]);
}

const std::string& PickleObjects::string_of(const Value* value) const {
  const auto* text = value->as<std::string>();
  if (text == nullptr) fail("the pickle holds something else where a string is needed");
  return *text;
}

int64_t PickleObjects::integer_of(const Value* value) const {
  const auto* number = value->as<int64_t>();
  if (number == nullptr) fail("the pickle holds something else where a number is needed");
  return *number;
}

const std::vector<const Value*>& PickleObjects::tuple_of(const Value* value) const {
  const auto* tuple = value->as<Value::Sequence>();
  if (tuple == nullptr || !tuple->is_tuple)
    fail("the pickle holds something else where a tuple is needed");
  return tuple->items;
}

void PickleObjects::push_global(const std::string& module, const std::string& name) {
  if (module.size() > kMostOfAGlobal || name.size() > kMostOfAGlobal)
    fail("a name is too long or truncated");
  const std::string full = module + "." + name;
  if (is_suspicious(module, name)) fail(outside(full), kMend);
  is_allowed(full) ? push(Value::Global{full}) : push_opaque(full);
}

void PickleObjects::push_opaque(const std::string& name) {
  const auto [kept, is_new] = pickle().names.insert(name);
  if (is_new) charge(name.size() / 8);
  push(Value::Opaque{&*kept});
}

void PickleObjects::push_storage(const Value* id) {
  const auto& fields = tuple_of(id);
  if (fields.size() > 1 && string_of(fields[0]) == "module") {  // a class with its source code
    const auto* opaque = fields[1]->as<Value::Opaque>();
    return push_opaque(opaque == nullptr ? "module" : *opaque->name);
  }
  if (fields.empty() || string_of(fields[0]) != "storage")
    fail("a persistent id that is not a storage is outside what a weight file may hold", kMend);
  if (fields.size() != 5 && fields.size() != 6) fail("a storage has the wrong number of fields");
  const auto* global = fields[1]->as<Value::Global>();
  const std::optional<at::ScalarType> type =
      global == nullptr ? std::nullopt : storage_type(global->name);
  if (const auto* opaque = fields[1]->as<Value::Opaque>()) fail(outside(*opaque->name), kMend);
  if (!type) fail("a storage has no type");
  const std::string& key = string_of(fields[2]);
  const int64_t numel = integer_of(fields[4]);
  const auto [declared, is_new] = pickle().storages.try_emplace(key, StorageType{*type, numel});
  if (!is_new && (declared->second.type != *type || declared->second.numel != numel))
    fail("the storage " + quote_name(key) + " is declared in two ways");

  Value::Storage storage{key, 0, numel};
  if (fields.size() == 6 && fields[5]->as<Value::None>() == nullptr) {
    const auto& view = tuple_of(fields[5]);
    if (view.size() != 3) fail("a storage view has the wrong number of fields");
    storage.first = integer_of(view[1]);
    storage.count = integer_of(view[2]);
  }
  push(std::move(storage));
}

void PickleObjects::make_object(const Value* type, const Value* arguments) {
  tuple_of(arguments);
  const auto* opaque = type->as<Value::Opaque>();
  if (opaque == nullptr)
    fail("an object of what is no class is outside what a weight file may hold", kMend);
  push(Value::Opaque{opaque->name});
}

void PickleObjects::reduce_of_type(const std::vector<const Value*>& arguments) {
  charge(1);
  if (arguments[0]->as<Value::Opaque>() != nullptr) return make_object(arguments[0], arguments[2]);
  const auto* function = arguments[0]->as<Value::Global>();
  if (function == nullptr || function->name == kOfType) fail("a tensor of no known kind");
  reduce(arguments[0], arguments[2]);
}

void PickleObjects::reduce(const Value* callee, const Value* argument) {
  if (callee->as<Value::Opaque>() != nullptr) return reduce_opaque(callee, argument);
  const auto* global = callee->as<Value::Global>();
  const auto& arguments = tuple_of(argument);
  const std::string name = global == nullptr ? "" : global->name;
  if (name == kOfType && arguments.size() == 4) {
    reduce_of_type(arguments);
  } else if (name.ends_with(".set") && arguments.size() == 1) {
    push_set(arguments[0]);
  } else if (name == kOrderedDict) {
    push_ordered_dict(arguments);
  } else if (name == kSize && arguments.size() == 1) {
    const auto* items = arguments[0]->as<Value::Sequence>();
    if (items == nullptr) fail("torch.Size of what is not a tuple");
    charge(items->items.size());
    push_tuple(items->items);
  } else if ((name == kTensor && arguments.size() == 4) ||
             (name == kTensorV2 && (arguments.size() == 6 || arguments.size() == 7))) {
    push(Value::Tensor{arguments[0], arguments[1], arguments[2], arguments[3],
                       arguments.size() < 7 || is_nothing(arguments[6])});
  } else if ((name == kParameter && arguments.size() == 3) ||
             (name == kParameterWithState && arguments.size() == 4)) {
    const auto* tensor = arguments[0]->as<Value::Tensor>();
    if (tensor == nullptr) fail("a parameter of what is not a tensor");
    push(*tensor);
  } else {
    fail("a call of " + (name.empty() ? std::string("something unnamed") : quote_name(name)) +
             " with these arguments is outside what a weight file may hold",
         kMend);
  }
}

void PickleObjects::reduce_opaque(const Value* callee, const Value* argument) {
  const auto& arguments = tuple_of(argument);
  const std::string* name = callee->as<Value::Opaque>()->name;
  if ((*name == "copy_reg._reconstructor" || *name == "copyreg._reconstructor") &&
      !arguments.empty())
    if (const auto* type = arguments[0]->as<Value::Opaque>()) name = type->name;
  push(Value::Opaque{name});
}

void PickleObjects::push_set(const Value* members) {
  const auto* list = members->as<Value::Sequence>();
  if (list == nullptr) return push(Value::Sequence{});
  charge(list->items.size());
  push(Value::Sequence{list->items});
}

void PickleObjects::push_ordered_dict(const std::vector<const Value*>& arguments) {
  Value::Dict dict{{}, true};
  if (!arguments.empty()) {
    const auto* pairs = arguments[0]->as<Value::Sequence>();
    if (arguments.size() > 1 || pairs == nullptr)
      fail("an OrderedDict of what is not a list of pairs");
    charge(pairs->items.size());
    for (const Value* item : pairs->items) {
      const auto* pair = item->as<Value::Sequence>();
      if (pair == nullptr || pair->items.size() != 2)
        fail("an OrderedDict of what is not a list of pairs");
      dict.items.emplace_back(pair->items[0], pair->items[1]);
    }
  }
  push(std::move(dict));
}

void PickleObjects::build(const Value* state) {
  if (auto* opaque = std::get_if<Value::Opaque>(&top()->is)) {
    opaque->state = state;
    return;
  }
  const auto* dict = top()->as<Value::Dict>();
  if (dict == nullptr || !dict->is_ordered)
    fail("setting an object's state is outside what a weight file may hold", kMend);
}

}  // namespace retort::weights
