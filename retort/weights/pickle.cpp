#include "retort/weights/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::models {
namespace {

constexpr int64_t kMaxSteps = 4'000'000;  // a state dict needs some 40 for each tensor
constexpr size_t kMaxGlobal = 256;
constexpr const char* kMend =
    "save the weights alone: torch.save(model.state_dict(), path), or write a safetensors file";

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

constexpr const char* kOrderedDict = "collections.OrderedDict";
constexpr const char* kSize = "torch.Size";
constexpr const char* kTensor = "torch._utils._rebuild_tensor";
constexpr const char* kTensorV2 = "torch._utils._rebuild_tensor_v2";
constexpr const char* kParameter = "torch._utils._rebuild_parameter";
constexpr const char* kParameterWithState = "torch._utils._rebuild_parameter_with_state";
constexpr const char* kOfType = "torch._tensor._rebuild_from_type_v2";
constexpr std::array<std::string_view, 9> kCallable{
    kOrderedDict,        kSize,   kTensor,           kTensorV2,     kParameter,
    kParameterWithState, kOfType, "__builtin__.set", "builtins.set"};  // as Python 2 and 3 call it
constexpr std::array<std::string_view, 15> kTypes{
    "torch.float64", "torch.double",   "torch.float32", "torch.float", "torch.float16",
    "torch.half",    "torch.bfloat16", "torch.int64",   "torch.long",  "torch.int32",
    "torch.int",     "torch.int16",    "torch.int8",    "torch.uint8", "torch.bool"};

std::optional<at::ScalarType> storage_type(std::string_view name) {
  for (const StorageName& known : kStorages) {
    if (known.name == name) return known.type;
  }
  return std::nullopt;
}

// What runs programs or reaches into them. A checkpoint has no use for these names, but one that is
// made to do harm where others read it.
constexpr std::array<std::string_view, 18> kSuspicious{
    "eval",       "exec",     "compile", "getattr", "setattr", "delattr",
    "__import__", "open",     "input",   "globals", "locals",  "vars",
    "breakpoint", "execfile", "apply",   "file",    "exit",    "quit"};
constexpr std::array<std::string_view, 12> kSuspiciousModules{
    "os",        "posix",  "nt",     "subprocess", "sys", "runpy",
    "importlib", "shutil", "socket", "ctypes",     "pty", "webbrowser"};

// Nothing of such a name would be called; but the file is not to be trusted.
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

enum Op : uint8_t {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kBinFloat = 'G',
  kEmptyTuple = ')',
  kEmptyList = ']',
  kEmptyDict = '}',
  kPop = '0',
  kPopMark = '1',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kProto = 0x80,
  kNewObject = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjectByName = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {}

  Pickle run() {
    while (true) {
      const uint8_t op = static_cast<uint8_t>(take(1).front());
      if (op == kStop) break;
      charge(1);
      step(op);
    }
    if (stack_.size() != 1 || !marks_.empty()) fail("the pickle does not end with one object");
    out_.root = stack_.back();
    out_.size = at_;
    return std::move(out_);
  }

 private:
  using Value = PickleValue;

  [[noreturn]] void fail(const std::string& what, const std::string& mend = "") const {
    throw Error(what, where_ + ", byte " + std::to_string(at_), mend);
  }

  void step(uint8_t op) {
    switch (op) {
      case kProto:
        if (number<uint8_t>() > 5) fail("the pickle protocol is unknown");
        break;
      case kFrame:
        take(8);
        break;
      case kMark:
        marks_.push_back(stack_.size());
        break;
      case kNone:
        push(Value::None{});
        break;
      case kNewTrue:
        push(true);
        break;
      case kNewFalse:
        push(false);
        break;
      case kBinInt:
        push(int64_t{number<int32_t>()});
        break;
      case kBinInt1:
        push(int64_t{number<uint8_t>()});
        break;
      case kBinInt2:
        push(int64_t{number<uint16_t>()});
        break;
      case kLong1:
        push_long(number<uint8_t>());
        break;
      case kLong4:
        push_long(number<uint32_t>());
        break;
      case kBinFloat:
        push(big_endian_double());
        break;
      case kShortBinString:
      case kShortBinBytes:
      case kShortBinUnicode:
        push(text(number<uint8_t>()));
        break;
      case kBinString:
      case kBinBytes:
      case kBinUnicode:
        push(text(number<uint32_t>()));
        break;
      case kBinUnicode8:
      case kBinBytes8:
      case kByteArray8:
        push(text(number<uint64_t>()));
        break;
      case kEmptyTuple:
        push(Value::Sequence{{}, true});
        break;
      case kEmptyList:
      case kEmptySet:
        push(Value::Sequence{});
        break;
      case kFrozenSet:
        push(Value::Sequence{since_mark()});
        break;
      case kEmptyDict:
        push(Value::Dict{});
        break;
      case kTuple:
        push_tuple(since_mark());
        break;
      case kTuple1:
        push_tuple(last(1));
        break;
      case kTuple2:
        push_tuple(last(2));
        break;
      case kTuple3:
        push_tuple(last(3));
        break;
      case kAppend:
        append(last(1));
        break;
      case kAppends:
      case kAddItems:
        append(since_mark());
        break;
      case kSetItem:
        set_items(last(2));
        break;
      case kSetItems:
        set_items(since_mark());
        break;
      case kBinPut:
        memo_[number<uint8_t>()] = top();
        break;
      case kLongBinPut:
        memo_[number<uint32_t>()] = top();
        break;
      case kMemoize:
        memo_[static_cast<uint32_t>(memo_.size())] = top();
        break;
      case kBinGet:
        recall(number<uint8_t>());
        break;
      case kLongBinGet:
        recall(number<uint32_t>());
        break;
      case kGlobal: {
        const std::string module = line();
        push_global(module, line());
        break;
      }
      case kStackGlobal: {
        const auto names = last(2);
        push_global(string_of(names[0]), string_of(names[1]));
        break;
      }
      case kBinPersId:
        push_storage(last(1)[0]);
        break;
      case kReduce: {
        const auto call = last(2);
        reduce(call[0], call[1]);
        break;
      }
      case kNewObject: {
        const auto call = last(2);
        make_object(call[0], call[1]);
        break;
      }
      case kNewObjectByName: {
        const auto call = last(3);
        make_object(call[0], call[1]);
        break;
      }
      case kPop:
        pop();
        break;
      case kPopMark:
        since_mark();
        break;
      case kBuild:
        build(last(1)[0]);
        break;
      default:
        fail("the pickle operation " + std::to_string(op) +
                 " is outside what a weight file may hold",
             kMend);
    }
  }

  // Bytes.

  std::span<const std::byte> take(uint64_t count) {
    if (count > bytes_.size() - at_) fail("the pickle is truncated");
    const auto part = bytes_.subspan(at_, count);
    at_ += count;
    return part;
  }

  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  double big_endian_double() {
    return std::bit_cast<double>(__builtin_bswap64(number<uint64_t>()));
  }

  std::string text(uint64_t length) {
    const auto part = take(length);
    return std::string(reinterpret_cast<const char*>(part.data()), part.size());
  }

  std::string line() {
    const auto window = bytes_.subspan(at_, std::min(bytes_.size() - at_, kMaxGlobal));
    const auto end = std::ranges::find(window, std::byte{'\n'});
    if (end == window.end()) fail("a name is too long or truncated");
    std::string name = text(static_cast<uint64_t>(end - window.begin()));
    take(1);
    return name;
  }

  // The stack.

  // No operation makes more than one value or copies more than it is charged for: this bounds
  // memory and time.
  void charge(size_t steps) {
    left_ -= static_cast<int64_t>(steps);
    if (left_ < 0) fail("the pickle is longer than weights need");
  }

  template <typename T>
  void push(T value) {
    stack_.push_back(&out_.values.emplace_back(Value{std::move(value)}));
  }

  Value* top() {
    if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size()))
      fail("the pickle takes more from its stack than it put there");
    return stack_.back();
  }

  std::vector<const Value*> cut(size_t from) {
    std::vector<const Value*> items(stack_.begin() + static_cast<std::ptrdiff_t>(from),
                                    stack_.end());
    stack_.resize(from);
    return items;
  }

  std::vector<const Value*> last(size_t count) {
    const size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() - floor < count)
      fail("the pickle takes more from its stack than it put there");
    return cut(stack_.size() - count);
  }

  std::vector<const Value*> since_mark() {
    if (marks_.empty()) fail("the pickle has no mark where one is needed");
    const size_t from = marks_.back();
    marks_.pop_back();
    return cut(from);
  }

  void pop() {
    if (!marks_.empty() && marks_.back() == stack_.size()) {
      marks_.pop_back();
    } else {
      last(1);
    }
  }

  void recall(uint32_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) fail("the pickle recalls what it did not store");
    stack_.push_back(found->second);
  }

  // Values.

  void push_long(uint32_t length) {
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

  void push_tuple(std::vector<const Value*> items) {
    push(Value::Sequence{std::move(items), true});
  }

  void append(const std::vector<const Value*>& items) {
    if (top()->as<Value::Opaque>() != nullptr) return;  // a list of a class of its own
    auto* list = std::get_if<Value::Sequence>(&top()->is);
    if (list == nullptr || list->is_tuple) fail("the pickle appends to what is not a list");
    list->items.insert(list->items.end(), items.begin(), items.end());
  }

  void set_items(const std::vector<const Value*>& items) {
    auto* dict = std::get_if<Value::Dict>(&top()->is);
    auto* opaque = std::get_if<Value::Opaque>(&top()->is);
    if ((dict == nullptr && opaque == nullptr) || items.size() % 2 != 0)
      fail("the pickle sets items of what is not a dict");
    Value::Items& to = dict != nullptr ? dict->items : opaque->items;
    for (size_t i = 0; i < items.size(); i += 2) to.emplace_back(items[i], items[i + 1]);
  }

  const std::string& string_of(const Value* value) const {
    const auto* text = value->as<std::string>();
    if (text == nullptr) fail("the pickle holds something else where a string is needed");
    return *text;
  }

  int64_t integer_of(const Value* value) const {
    const auto* number = value->as<int64_t>();
    if (number == nullptr) fail("the pickle holds something else where a number is needed");
    return *number;
  }

  const std::vector<const Value*>& tuple_of(const Value* value) const {
    const auto* tuple = value->as<Value::Sequence>();
    if (tuple == nullptr || !tuple->is_tuple)
      fail("the pickle holds something else where a tuple is needed");
    return tuple->items;
  }

  void push_global(const std::string& module, const std::string& name) {
    if (module.size() > kMaxGlobal || name.size() > kMaxGlobal)
      fail("a name is too long or truncated");
    const std::string full = module + "." + name;
    if (is_suspicious(module, name)) fail(outside(full), kMend);
    is_allowed(full) ? push(Value::Global{full}) : push_opaque(full);
  }

  void push_opaque(const std::string& name) {
    const auto [kept, is_new] = out_.names.insert(name);
    if (is_new) charge(name.size() / 8);
    push(Value::Opaque{&*kept});
  }

  // ('storage', type, key, location, elements), in legacy files followed by None or the view (its
  // key, first element, elements).
  void push_storage(const Value* id) {
    const auto& fields = tuple_of(id);
    if (fields.size() > 1 && string_of(fields[0]) == "module") {  // a class beside its source
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
    const auto [declared, is_new] = out_.storages.try_emplace(key, StorageType{*type, numel});
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

  static std::string outside(const std::string& name) {
    return quote_name(name) + " is outside what a weight file may hold";
  }

  // Of a class that is not allowed: an object that does nothing.
  void make_object(const Value* type, const Value* arguments) {
    tuple_of(arguments);
    const auto* opaque = type->as<Value::Opaque>();
    if (opaque == nullptr)
      fail("an object of what is no class is outside what a weight file may hold", kMend);
    push(Value::Opaque{opaque->name});
  }

  // (function, class, arguments, attributes): a tensor of a class of its own, or with attributes.
  void reduce_of_type(const std::vector<const Value*>& arguments) {
    charge(1);
    if (arguments[0]->as<Value::Opaque>() != nullptr)
      return make_object(arguments[0], arguments[2]);
    const auto* function = arguments[0]->as<Value::Global>();
    if (function == nullptr || function->name == kOfType) fail("a tensor of no known kind");
    reduce(arguments[0], arguments[2]);
  }

  void reduce(const Value* callee, const Value* argument) {
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

  // copyreg._reconstructor(class, object, None) is how Python 2's protocol makes an object of the
  // class.
  void reduce_opaque(const Value* callee, const Value* argument) {
    const auto& arguments = tuple_of(argument);
    const std::string* name = callee->as<Value::Opaque>()->name;
    if ((*name == "copy_reg._reconstructor" || *name == "copyreg._reconstructor") &&
        !arguments.empty())
      if (const auto* type = arguments[0]->as<Value::Opaque>()) name = type->name;
    push(Value::Opaque{name});
  }

  void push_set(const Value* members) {
    const auto* list = members->as<Value::Sequence>();
    if (list == nullptr) return push(Value::Sequence{});
    charge(list->items.size());
    push(Value::Sequence{list->items});
  }

  static bool is_nothing(const Value* value) {
    const auto* dict = value->as<Value::Dict>();
    return value->as<Value::None>() != nullptr || (dict != nullptr && dict->items.empty());
  }

  // Python 3 writes OrderedDict() and sets its items later; Python 2 wrote OrderedDict([[key,
  // value], …]).
  void push_ordered_dict(const std::vector<const Value*>& arguments) {
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

  // A state dict carries `_metadata`, the versions of its modules, as an attribute: nothing that
  // weights need.
  void build(const Value* state) {
    if (auto* opaque = std::get_if<Value::Opaque>(&top()->is)) {
      opaque->state = state;
      return;
    }
    const auto* dict = top()->as<Value::Dict>();
    if (dict == nullptr || !dict->is_ordered)
      fail("setting an object's state is outside what a weight file may hold", kMend);
  }

  std::span<const std::byte> bytes_;
  std::string where_;
  size_t at_ = 0;
  int64_t left_ = kMaxSteps;
  Pickle out_;
  std::vector<Value*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, Value*> memo_;
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where) {
  return Machine(bytes, where).run();
}

}  // namespace retort::models
