#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>

#include "retort/core/file.h"
#include "retort/weights/weight_file.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"
#include "tests/weights/pickle_bytes.h"

#ifdef __SANITIZE_ADDRESS__
// PyTorchStreamReader's constructor leaks miniz's state (about the size of the central directory)
// when it throws on a damaged archive. Archives that open are freed; no function of ours is listed
// here.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:^mz_zip_reader_init$\nleak:^mz_zip_reader_read_central_dir$\n";
}
#endif

namespace retort::models {
namespace {

using testing::error_of;
using testing::put;
using testing::says;
using testing::TestFolder;
namespace pickle = testing::pickle;
using pickle::dict;
using pickle::global;
using pickle::number;
using pickle::storage;
using pickle::tensor;
using pickle::text;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

class Hostile : public ::testing::Test {
 protected:
  using Records = std::map<std::string, std::string>;

  static std::string zip(const std::string& object, const Records& records, bool compress = false) {
    std::string bytes;
    caffe2::serialize::PyTorchStreamWriter writer([&](const void* data, size_t size) {
      bytes.append(static_cast<const char*>(data), size);
      return size;
    });
    const std::string whole = pickle::whole(object);
    writer.writeRecord("data.pkl", whole.data(), whole.size());
    for (const auto& [name, data] : records)
      writer.writeRecord(name, data.data(), data.size(), compress && name != "filler");
    writer.writeEndOfFile();
    return bytes;
  }

  std::string refusal(const std::string& bytes) {
    put(folder_ / "x.pth", bytes);
    return error_of([&] { weights::read_weights(folder_ / "x.pth"); });
  }

  std::string refusal_of_zip(const std::string& object,
                             const Records& records = {{"data/0", std::string(16, '\1')}}) {
    return refusal(zip(object, records));
  }

  // The refusal of the tensor 'w' on a storage of four floats.
  std::string refusal_of_tensor(int64_t offset, const std::string& sizes,
                                const std::string& strides) {
    return refusal_of_zip(dict(text("w") + tensor(storage("0", 4), offset, sizes, strides)));
  }

  std::string refusal_of_legacy(const std::string& after_start) {
    return refusal(pickle::legacy_start() + after_start);
  }

  // Whether all values can be read, or reading throws Error; other exceptions pass through.
  bool survives(const std::string& bytes) {
    put(folder_ / "x.pth", bytes);
    try {
      for (const auto& [name, value] : weights::read_weights(folder_ / "x.pth"))
        value.to(at::kDouble).sum().item<double>();
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  const TestFolder folder_;
};

TEST_F(Hostile, TheHelpersWriteGoodFiles) {
  put(folder_ / "x.pth", zip(dict(text("w") + tensor(storage("0", 4), 1, number(3), number(1))),
                             {{"data/0", std::string(16, '\0')}}));
  EXPECT_TRUE(at::equal(weights::read_weights(folder_ / "x.pth").at("w"), at::zeros({3})));
  put(folder_ / "x.pth",
      pickle::legacy_start() +
          pickle::whole(dict(
              text("w") + tensor(storage("k", 2, "LongStorage", "N"), 0, number(2), number(1)))) +
          pickle::whole("](" + text("k") + "e") + pickle::raw(int64_t{2}) +
          pickle::raw(int64_t{-5}) + pickle::raw(kMax));
  EXPECT_TRUE(
      at::equal(weights::read_weights(folder_ / "x.pth").at("w"), at::tensor({int64_t{-5}, kMax})));
}

TEST_F(Hostile, WhatRunsProgramsIsRefusedWhereverItStands) {
  const std::string w = text("w") + tensor(storage("0", 4), 0, number(4), number(1));
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                        {"posix", "system"},
                                                        {"nt", "system"},
                                                        {"subprocess", "Popen"},
                                                        {"builtins", "eval"},
                                                        {"__builtin__", "getattr"},
                                                        {"builtins", "exec"},
                                                        {"runpy", "run_path"},
                                                        {"os.path", "join"},
                                                        {"importlib", "import_module"}})
    EXPECT_TRUE(says(refusal_of_zip(dict(w + text("args") + global(module, name))),
                     "'" + module + "." + name + "' is outside what a weight file may hold"));
}

TEST_F(Hostile, Globals) {
  for (const auto& [module, name] :
       std::map<std::string, std::string>{{"os", "system"},
                                          {"torch", "load"},
                                          {"torch.hub", "load"},
                                          {"torch._utils", "_rebuild_tensor_v3"},
                                          {"collections", "OrderedDict.fromkeys"},
                                          {"", ""},
                                          {"collections.OrderedDict", ""},
                                          {"torch.FloatStorage", "from_file"}}) {
    EXPECT_TRUE(says(refusal_of_zip(global(module, name)),
                     "'" + module + "." + name + "' is outside what a weight file may hold"));
    EXPECT_TRUE(says(refusal_of_zip(text(module) + text(name) + "\x93"),
                     "'" + module + "." + name + "' is outside"));
  }
  EXPECT_TRUE(says(refusal_of_zip(text(std::string(300, 'a')) + text("b") + "\x93"),
                   "too long or truncated"));
  EXPECT_TRUE(says(refusal_of_zip("cno newline"), "too long or truncated"));
  EXPECT_TRUE(
      says(refusal_of_zip("c" + std::string(100'000, 'a') + "\nb\n"), "too long or truncated"));
}

// Objects of a class outside the allow-list make no tensors from their arguments.
TEST_F(Hostile, ObjectsAreInert) {
  const std::string call = pickle::call(global("my", "Thing"), text("echo"));
  for (const std::string& object :
       {call, global("my", "Thing") + ")\x81", global("my", "Thing") + ")}\x92", call + "}b",
        call + dict("").substr(1, 1) + text("w") + number(1) + "u", call + "(NNe"})
    EXPECT_TRUE(says(refusal_of_zip(object), "'my.Thing' is outside what a weight file may hold"));
  EXPECT_TRUE(says(refusal_of_zip(dict(text("w") + call)),
                   "holds no tensors by name, only 'w'; 'my.Thing' is outside"));
  const std::string w = text("w") + tensor(storage("0", 4), 0, number(4), number(1));
  const Records records{{"data/0", std::string(16, '\0')}};
  put(folder_ / "x.pth", zip(dict(text("args") + call + w), records));
  EXPECT_EQ(weights::read_weights(folder_ / "x.pth").size(), 1);
  // Names are kept once, and the parts that make names are counted.
  std::string parts = text(std::string(256, 'a')) + "q\1";
  for (int i = 0; i < 200'000; ++i) parts += "h\1" + text(std::to_string(i)) + "\x93";
  EXPECT_TRUE(says(refusal_of_zip(parts), "longer than weights need"));
}

// A module that contains itself, and one whose children contain each other twice at every level.
TEST_F(Hostile, ModulesWithoutEnd) {
  const auto module = [](const std::string& children) {
    return global("a", "M") + ")\x81" + "q\2" +
           dict(text("_parameters") + "}" + text("_modules") + dict(children)) + "b";
  };
  EXPECT_TRUE(says(refusal_of_zip(module(text("m") + "h\2")), "more modules than weights need"));
  std::string wide = module("");
  for (char slot = 10; slot < 50; ++slot) {
    const std::string recall = std::string("h") + slot;
    wide += std::string("q") + slot + "0" + module(text("a") + recall + text("b") + recall);
  }
  EXPECT_TRUE(says(refusal_of_zip(wide), "more modules than weights need"));
}

TEST_F(Hostile, CallsOfAllowedNames) {
  // Types, storages and tensors can be arguments, but never be called.
  EXPECT_TRUE(says(refusal_of_zip(pickle::call(global("torch", "FloatStorage"), number(1))),
                   "a call of 'torch.FloatStorage'"));
  EXPECT_TRUE(says(refusal_of_zip(pickle::call(global("torch", "float32"), "")),
                   "a call of 'torch.float32'"));
  EXPECT_TRUE(says(refusal_of_zip(pickle::call(global("torch._utils", "_rebuild_tensor_v2"), "NN")),
                   "with these arguments"));
  EXPECT_TRUE(
      says(refusal_of_zip(pickle::call(global("torch._utils", "_rebuild_parameter"), "NNN")),
           "what is not a tensor"));
  EXPECT_TRUE(says(refusal_of_zip(pickle::call(global("collections", "OrderedDict"), number(1))),
                   "not a list of pairs"));
  EXPECT_TRUE(says(refusal_of_zip(pickle::call(global("collections", "OrderedDict"), "](]e")),
                   "not a list of pairs"));
  EXPECT_TRUE(says(refusal_of_zip(pickle::call(text("os.system"), "")), "something unnamed"));
  EXPECT_TRUE(
      says(refusal_of_zip(global("collections", "OrderedDict") + "]R"), "a tuple is needed"));
}

TEST_F(Hostile, Operations) {
  for (const char op :
       {'i', 'o', '\x82', 'P', 'I', 'S', 'V', '2', 'd', 'l', '\x97', '\x98', '\xff', '\0'}) {
    EXPECT_TRUE(
        says(refusal_of_zip("N" + std::string(1, op)), "is outside what a weight file may hold"))
        << int{op};
  }
  EXPECT_TRUE(says(refusal_of_zip("N)\x81"), "an object of what is no class"));
  EXPECT_TRUE(
      says(refusal_of_zip(global("torch", "Size") + ")}\x92"), "an object of what is no class"));
  EXPECT_TRUE(says(refusal_of_zip(global("a", "B") + "N\x81"), "a tuple is needed"));
  EXPECT_TRUE(says(refusal_of_zip(global("a", "B") + "NR"), "a tuple is needed"));
  EXPECT_TRUE(says(refusal_of_zip("}}b"), "setting an object's state"));
  EXPECT_TRUE(says(refusal_of_zip(global("torch", "float32") + "}b"), "setting an object's state"));
  EXPECT_TRUE(says(refusal_of_zip("\x80\x09N"), "protocol is unknown"));
}

TEST_F(Hostile, StackAndMemo) {
  for (const char* object : {"\x85", "R", "0", "N\x81", "N\x92", "Q", "b", "a", "s", "Na", "q\1",
                             "N\x86", "(q\1", "N(\x85", "](a"})
    EXPECT_TRUE(says(refusal_of_zip(object), "more from its stack")) << object;
  for (const char* object : {"t", "e", "u", "Nt", "1", "\x90", "\x91"})
    EXPECT_TRUE(says(refusal_of_zip(object), "no mark")) << object;
  for (const char* object : {"", "NN", "N(", "("})
    EXPECT_TRUE(says(refusal_of_zip(object), "does not end with one object")) << object;
  EXPECT_TRUE(says(refusal_of_zip("h\7"), "recalls what it did not store"));
  EXPECT_TRUE(says(refusal_of_zip("NNa"), "not a list"));
  EXPECT_TRUE(says(refusal_of_zip(")Na"), "not a list"));
  EXPECT_TRUE(says(refusal_of_zip("N(NNu"), "not a dict"));
  EXPECT_TRUE(says(refusal_of_zip("}(Nu"), "not a dict"));
}

TEST_F(Hostile, LengthsAndSizes) {
  EXPECT_TRUE(says(refusal_of_zip("X\xff\xff\xff\xff"), "truncated"));
  EXPECT_TRUE(says(refusal_of_zip("\x8d" + pickle::raw(std::numeric_limits<uint64_t>::max())),
                   "truncated"));
  EXPECT_TRUE(says(refusal_of_zip("\x8b\xff\xff\xff\xff"), "a number is too long"));
  EXPECT_TRUE(says(refusal_of_zip("\x8a\xff"), "truncated"));
  EXPECT_TRUE(says(refusal_of_zip(std::string(5'000'000, ']')), "longer than weights need"));
  EXPECT_TRUE(says(refusal_of_zip(std::string(5'000'000, '(')), "longer than weights need"));
  // Lists within lists, as deep as the pickle is long.
  const std::string deep = std::string(1'000'000, ']') + std::string(999'999, 'a');
  EXPECT_TRUE(says(refusal_of_zip(deep), "is not a dict of tensors"));
  // A list of 100,000 pairs, copied into 1,000 dicts: the copies count.
  std::string pairs = "](", copies;
  for (int i = 0; i < 100'000; ++i) pairs += "NN\x86";
  for (int i = 0; i < 1000; ++i) copies += global("collections", "OrderedDict") + "h\1\x85R";
  EXPECT_TRUE(says(refusal_of_zip(pairs + "eq\1" + copies), "longer than weights need"));
}

TEST_F(Hostile, Cycles) {
  EXPECT_TRUE(says(refusal_of_zip("]q\1h\1a"), "is not a dict of tensors"));
  EXPECT_TRUE(says(refusal_of_zip("}q\1" + text("state_dict") + "h\1s"),
                   "holds no tensors by name, only 'state_dict'"));
  // A long dict that is each of its own wrappers is searched once, not once for every path.
  std::string items;
  for (const char* wrapper : {"state_dict_ema", "state_dict", "model_state_dict", "model", "net"})
    items += text(wrapper) + "h\1";
  for (int i = 0; i < 500'000; ++i) items += "NN";
  EXPECT_TRUE(says(refusal_of_zip("}q\1(" + items + "u"), "holds no tensors by name"));
}

TEST_F(Hostile, Shapes) {
  EXPECT_TRUE(
      says(refusal_of_tensor(0, number(5), number(1)), "tensor 'w': lies outside its storage"));
  EXPECT_TRUE(says(refusal_of_tensor(1, number(4), number(1)), "lies outside its storage"));
  EXPECT_TRUE(says(refusal_of_tensor(4, "", ""), "lies outside its storage"));
  EXPECT_TRUE(says(refusal_of_tensor(kMax, "", ""), "lies outside its storage"));
  EXPECT_TRUE(says(refusal_of_tensor(5, number(0), number(1)), "lies outside its storage"));
  EXPECT_TRUE(says(refusal_of_tensor(0, number(2), number(4)), "lies outside its storage"));
  EXPECT_TRUE(says(refusal_of_tensor(-1, number(1), number(1)), "shape is malformed"));
  EXPECT_TRUE(says(refusal_of_tensor(0, number(-1), number(1)), "shape is malformed"));
  EXPECT_TRUE(says(refusal_of_tensor(0, number(kMin), number(1)), "shape is malformed"));
  EXPECT_TRUE(says(refusal_of_tensor(3, number(2), number(-1)), "shape is malformed"));
  EXPECT_TRUE(says(refusal_of_tensor(0, number(2), ""), "shape is malformed"));
  EXPECT_TRUE(says(refusal_of_tensor(0, text("2"), number(1)), "shape is malformed"));
  EXPECT_TRUE(says(refusal_of_tensor(0, std::string("\x8a\x09\0\0\0\0\0\0\0\x80\0", 11), number(1)),
                   "shape is malformed"));  // 2^63
  EXPECT_TRUE(says(refusal_of_tensor(0, number(kMax), number(kMax)), "shape is too large"));
  EXPECT_TRUE(says(refusal_of_tensor(kMax, number(2), number(1)), "shape is too large"));
  EXPECT_TRUE(
      says(refusal_of_tensor(0, number(1LL << 32) + number(1LL << 32), number(0) + number(0)),
           "shape is too large"));
  EXPECT_TRUE(says(
      refusal_of_tensor(0, number(kMax) + number(0) + number(3), number(0) + number(0) + number(0)),
      "shape is too large"));
  EXPECT_TRUE(
      says(refusal_of_tensor(0, number(1LL << 40), number(0)), "more elements than its storage"));
  std::string ones;
  for (int i = 0; i < 65; ++i) ones += number(1);
  EXPECT_TRUE(says(refusal_of_tensor(0, ones, ones), "shape is malformed"));
  EXPECT_TRUE(says(refusal_of_zip(dict(text("w") + tensor("N", 0, number(1), number(1)))),
                   "shape is malformed"));
}

TEST_F(Hostile, Storages) {
  const auto of_storage = [&](const std::string& id, const Records& records) {
    return refusal_of_zip(dict(text("w") + tensor(id, 0, number(1), number(1))), records);
  };
  EXPECT_TRUE(says(of_storage(storage("0", 4), {}), "tensor 'w'"));
  EXPECT_TRUE(says(of_storage(storage("0", 4), {}), "the record 'data/0' is missing"));
  EXPECT_TRUE(says(of_storage(storage("../data.pkl", 4), {}), "is missing"));
  EXPECT_TRUE(says(of_storage(storage("0", 4), {{"data/0", "short"}}),
                   "has 5 bytes, which is not what its 4 elements need"));
  EXPECT_TRUE(says(of_storage(storage("0", 1LL << 62), {{"data/0", ""}}),
                   "not what its 4611686018427387904 elements need"));
  EXPECT_TRUE(says(of_storage(storage("0", kMax), {{"data/0", ""}}), "elements need"));
  EXPECT_TRUE(says(of_storage(storage("0", -4), {{"data/0", ""}}), "tensor 'w'"));
  EXPECT_TRUE(says(of_storage(storage("0", 4, "ComplexFloatStorage"), {}),
                   "'torch.ComplexFloatStorage' is outside"));
  EXPECT_TRUE(says(of_storage(storage("0", 4, "float32"), {}), "a storage has no type"));
  EXPECT_TRUE(
      says(of_storage(storage("0", 4, "FloatStorage", "NN"), {}), "wrong number of fields"));
  EXPECT_TRUE(says(of_storage(text("0") + "Q", {}), "a tuple is needed"));
  EXPECT_TRUE(says(of_storage(pickle::tuple(text("module")) + "Q", {}), "not a storage"));
  EXPECT_TRUE(says(refusal_of_zip(dict(text("a") + tensor(storage("0", 4), 0, "", "") + text("b") +
                                       tensor(storage("0", 2, "DoubleStorage"), 0, "", ""))),
                   "declared in two ways"));
  EXPECT_TRUE(says(refusal_of_zip(dict(text("a") + tensor(storage("0", 4), 0, "", "") + text("b") +
                                       tensor(storage("0", 400), 0, "", ""))),
                   "declared in two ways"));
}

TEST_F(Hostile, StorageViews) {
  const auto view = [](int64_t first, int64_t count) {
    return pickle::tuple(text("v") + number(first) + number(count));
  };
  const auto file = [&](int64_t first, int64_t count, int64_t offset, int64_t size) {
    return pickle::whole(dict(text("w") + tensor(storage("k", 4, "ByteStorage", view(first, count)),
                                                 offset, number(size), number(1)))) +
           pickle::whole("](" + text("k") + "e") + pickle::raw(int64_t{4}) + "\1\2\3\4";
  };
  put(folder_ / "x.pth", pickle::legacy_start() + file(1, 3, 1, 2));
  EXPECT_TRUE(at::equal(weights::read_weights(folder_ / "x.pth").at("w"),
                        at::tensor({3, 4}).to(at::kByte)));
  EXPECT_TRUE(says(refusal_of_legacy(file(1, 3, 2, 2)), "tensor 'w': lies outside its storage"));
  EXPECT_TRUE(says(refusal_of_legacy(file(2, 3, 0, 1)), "view lies outside the storage"));
  EXPECT_TRUE(says(refusal_of_legacy(file(-1, 3, 0, 1)), "view lies outside the storage"));
  EXPECT_TRUE(says(refusal_of_legacy(file(0, -1, 0, 1)), "view lies outside the storage"));
  EXPECT_TRUE(says(refusal_of_legacy(file(kMax, kMax, 0, 1)), "view lies outside the storage"));
}

TEST_F(Hostile, Archives) {
  const std::string good = dict(text("w") + tensor(storage("0", 4), 0, number(4), number(1)));
  const Records records{{"data/0", std::string(16, '\0')}};
  auto with = records;
  with["byteorder"] = "big";
  EXPECT_TRUE(says(refusal_of_zip(good, with), "big-endian"));
  with = records;
  with["code/__torch__.py"] = "";
  EXPECT_TRUE(says(refusal_of_zip(good, with), "is a TorchScript program"));
  with = records;
  with["constants.pkl"] = "";
  EXPECT_TRUE(says(refusal_of_zip(good, with), "is a TorchScript program"));
}

TEST_F(Hostile, ArchivesThatInflate) {
  const std::string zeros(80'000, '\0');
  const auto on = [](const std::string& key) {
    return text(key) + tensor(storage(key, 20'000), 0, number(20'000), number(1));
  };
  EXPECT_TRUE(says(refusal(zip(dict(on("0")), {{"data/0", zeros}}, true)),
                   "claims more bytes than the file has"));
  // Each of the two alone would fit into the file.
  const Records both{{"data/0", zeros}, {"data/1", zeros}, {"filler", std::string(100'000, 'x')}};
  EXPECT_TRUE(survives(zip(dict(on("0")), both, true)));
  EXPECT_TRUE(says(refusal(zip(dict(on("0") + on("1")), both, true)), "tensor '1'"));
  EXPECT_TRUE(says(refusal(zip(dict(on("0") + on("1")), both, true)),
                   "the record 'data/1' claims more bytes than the file has"));
}

TEST_F(Hostile, CentralDirectories) {
  const std::string good = zip(dict(text("w") + tensor(storage("0", 4), 0, number(4), number(1))),
                               {{"data/0", std::string(16, '\0')}});
  const size_t end = good.size() - 22;
  uint32_t directory = 0;
  std::memcpy(&directory, good.data() + end + 16, sizeof directory);
  const auto with = [&](size_t at, const std::string& patch) {
    std::string bytes = good;
    return refusal(bytes.replace(at, patch.size(), patch));
  };
  ASSERT_TRUE(survives(good));
  EXPECT_TRUE(says(refusal(good + "x"), "truncated or damaged"));
  // The writer adds the zip64 records: 56 bytes, and 20 bytes that locate them.
  const size_t locator = end - 20, end64 = locator - 56;
  EXPECT_TRUE(says(with(end64 + 40, pickle::raw(kMax)), "truncated or damaged"));
  EXPECT_TRUE(says(with(end64 + 48, pickle::raw(kMax)), "truncated or damaged"));
  EXPECT_TRUE(says(with(locator + 8, pickle::raw(kMax)), "truncated or damaged"));
  const std::string unlocated = std::string(good).replace(locator, 4, "XXXX");
  EXPECT_TRUE(survives(unlocated));
  EXPECT_TRUE(says(refusal(std::string(unlocated).replace(end + 12, 4, 4, '\xff')),
                   "truncated or damaged"));
  EXPECT_TRUE(says(refusal(std::string(unlocated).replace(end + 16, 4, 4, '\xff')),
                   "truncated or damaged"));
  EXPECT_TRUE(says(with(directory, "XX"), "truncated or damaged"));
  EXPECT_TRUE(says(with(directory + 28, pickle::raw(uint16_t{0xffff})), "truncated or damaged"));
  EXPECT_TRUE(says(with(directory + 24, pickle::raw(uint32_t{0xffffffff})),
                   "claims more bytes than the file has"));
  EXPECT_TRUE(says(with(directory + 24, pickle::raw(uint32_t{0x7fffffff})),
                   "claims more bytes than the file has"));
}

TEST_F(Hostile, LegacyLists) {
  const std::string object = pickle::whole(
      dict(text("w") + tensor(storage("k", 2, "FloatStorage", "N"), 0, number(2), number(1))));
  const std::string keys = pickle::whole("](" + text("k") + "e");
  const std::string two = pickle::raw(int64_t{2});
  EXPECT_TRUE(
      says(refusal_of_legacy(object + pickle::whole("N")), "the list of storages is missing"));
  EXPECT_TRUE(says(refusal_of_legacy(object + pickle::whole("]")), "the storage 'k' is missing"));
  EXPECT_TRUE(
      says(refusal_of_legacy(object + pickle::whole("]Na")), "a storage that no tensor declares"));
  EXPECT_TRUE(
      says(refusal_of_legacy(object + pickle::whole("](" + text("j") + "e") + two + "12345678"),
           "a storage that no tensor declares"));
  EXPECT_TRUE(says(refusal_of_legacy(object + pickle::whole("](" + text("k") + text("k") + "e") +
                                     two + "12345678" + two + "12345678"),
                   "stands there twice"));
  EXPECT_TRUE(says(refusal_of_legacy(object + keys + "123"), "storage 'k': is truncated"));
  EXPECT_TRUE(
      says(refusal_of_legacy(object + keys + two + "1234567"), "storage 'k': is truncated"));
  EXPECT_TRUE(says(refusal_of_legacy(object + keys + pickle::raw(int64_t{3}) + "123456789012"),
                   "has 3 elements, its tensors say 2"));
  const std::string huge = pickle::whole(dict(
      text("w") + tensor(storage("k", 1LL << 62, "FloatStorage", "N"), 0, number(2), number(1))));
  EXPECT_TRUE(says(refusal_of_legacy(huge + keys + pickle::raw(int64_t{1} << 62)),
                   "storage 'k': is truncated"));
  const std::string negative = pickle::whole(
      dict(text("w") + tensor(storage("k", -1, "FloatStorage", "N"), 0, number(2), number(1))));
  EXPECT_TRUE(says(refusal_of_legacy(negative + keys + pickle::raw(int64_t{-1})),
                   "storage 'k': is truncated"));
}

TEST_F(Hostile, LegacyStart) {
  const std::string magic =
      pickle::whole(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12));
  EXPECT_TRUE(says(refusal(magic + pickle::whole(number(1000)) +
                           pickle::whole(dict(text("little_endian") + "\x88"))),
                   "not a file that torch.save wrote"));
  EXPECT_TRUE(says(refusal(magic + pickle::whole(number(1001)) +
                           pickle::whole(dict(text("little_endian") + "\x89"))),
                   "big-endian"));
  EXPECT_TRUE(
      says(refusal(magic + pickle::whole(number(1001)) + pickle::whole("N")), "big-endian"));
  EXPECT_TRUE(says(refusal(magic), "truncated"));
}

// A small file of each form: however it is cut, or a byte flipped, it is read or refused.
class Damaged : public Hostile, public ::testing::WithParamInterface<const char*> {
 protected:
  const std::string bytes_ = read_file(std::string(RETORT_FIXTURES "/weights/") + GetParam());
};

TEST_P(Damaged, EveryTruncationIsRefused) {
  ASSERT_TRUE(survives(bytes_));
  for (size_t length = 0; length < bytes_.size(); ++length)
    EXPECT_FALSE(survives(bytes_.substr(0, length))) << length;
}

TEST_P(Damaged, EveryFlippedByteIsSurvived) {
  size_t refused = 0;
  for (size_t at = 0; at < bytes_.size(); ++at) {
    for (const int mask : {0x01, 0x10, 0x80, 0xff}) {
      std::string flipped = bytes_;
      flipped[at] = static_cast<char>(flipped[at] ^ mask);
      refused += survives(flipped) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, bytes_.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(Files, Damaged,
                         ::testing::Values("views_zip.pth", "views_legacy.pth",
                                           "module_protocol4.pth", "nested_legacy.pth",
                                           "plain.safetensors"));

}  // namespace
}  // namespace retort::models
