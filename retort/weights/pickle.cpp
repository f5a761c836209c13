#include "retort/weights/pickle.h"

#include "retort/weights/pickle_objects.h"

namespace retort::weights {
namespace {

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

class Machine : public PickleObjects {
 public:
  using PickleObjects::PickleObjects;

  Pickle run() {
    while (true) {
      const uint8_t op = static_cast<uint8_t>(take(1).front());
      if (op == kStop) return finish();
      charge(1);
      step(op);
    }
  }

 private:
  using Value = PickleValue;

  void step(uint8_t op) {
    switch (op) {
      case kProto:
        if (number<uint8_t>() > 5) fail("the pickle protocol is unknown");
        break;
      case kFrame:
        take(8);
        break;
      case kMark:
        mark();
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
        memoize(number<uint8_t>());
        break;
      case kLongBinPut:
        memoize(number<uint32_t>());
        break;
      case kMemoize:
        memoize();
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
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where) {
  return Machine(bytes, where).run();
}

}  // namespace retort::weights
