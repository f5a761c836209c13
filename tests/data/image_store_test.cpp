#include "retort/data/image_store.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/view.h"
#include "tests/data/photos.h"
#include "tests/data/picture.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

namespace fs = std::filesystem;
using testing::photos;
using testing::RecordingLog;
using testing::TestFolder;

constexpr int64_t kShard = 2048;  // images a shard

// Counts how often an image was really decoded.
Preparation counting(std::atomic<int64_t>& decoded) {
  return {"as it is", [&decoded](Image image) {
            ++decoded;
            return image;
          }};
}

struct Fixture {
  TestFolder folder;
  Manifest manifest;
  std::vector<int64_t> items;
  std::atomic<int64_t> decoded{0};
  RecordingLog log;

  explicit Fixture(int64_t count)
      : manifest(photos(folder, count)), items(manifest.of(Split::train)) {}
  // Repeats items up to `count`; the store accepts items that come twice.
  void repeat_to(size_t count) {
    const size_t once = items.size();
    while (items.size() < count) items.push_back(items[items.size() % once]);
  }
  ImageStore open(double max_skipped = 0.05) {
    return ImageStore::open(folder / "cache", manifest, items, counting(decoded), {max_skipped},
                            log);
  }
  int64_t decodes(double max_skipped = 0.05) {
    decoded = 0;
    open(max_skipped);
    return decoded;
  }
  std::vector<fs::path> shards() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "cache")) {
      if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
};

void expect_same(const ImageStore& store, int64_t position, const Image& image) {
  const ImageView stored = store.image(position);
  ASSERT_EQ(stored.width, image.width);
  ASSERT_EQ(stored.height, image.height);
  EXPECT_EQ(std::memcmp(stored.rgb, image.rgb.data(), image.rgb.size()), 0) << position;
}

TEST(ImageStore, HoldsDecodedPixelsAndLabels) {
  Fixture f(30);
  std::reverse(f.items.begin(), f.items.end());
  const ImageStore store = f.open();
  ASSERT_EQ(store.size(), 30);
  for (int64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(store.item(i), 29 - i);
    EXPECT_EQ(store.label(i), (29 - i) % 2);
    expect_same(store, i, decode_file(f.manifest.file(29 - i)));
  }
  EXPECT_TRUE(store.skipped().empty());
  ASSERT_FALSE(f.log.reports.empty());
  EXPECT_EQ(f.log.reports.back().done, 30);
  EXPECT_EQ(f.log.reports.back().total, 30);
}

// An image that is not stored is decoded for each view, with the same bytes as from stored pixels.
TEST(ImageStore, PixelsMayStayInTheirFiles) {
  Fixture f(12);
  f.folder.write("photos/3.jpg", "no image");
  const auto opened = [&](const Preparation& preparation) {
    return ImageStore::open(f.folder / "cache", f.manifest, f.items, preparation, {0.5}, f.log);
  };
  EXPECT_FALSE(ImageStore::begun(f.folder / "cache", f.manifest, f.items, in_files()));
  const ImageStore files = opened(in_files()), pixels = opened(bounded(4096));
  EXPECT_TRUE(ImageStore::begun(f.folder / "cache", f.manifest, f.items, in_files()));
  ASSERT_EQ(files.size(), 11);
  EXPECT_EQ(files.skipped().size(), 1U);
  EXPECT_EQ(opened(in_files()).key(), files.key());
  InputSpec spec;
  spec.size = 12;
  Renderer one, other;
  for (int64_t i = 0; i < files.size(); ++i) {
    ASSERT_EQ(files.item(i), pixels.item(i));
    EXPECT_EQ(files.image(i).rgb, nullptr);
    const ImageView size = files.image(i);
    for (int64_t number = 0; number < 5; ++number) {
      View view = draw_view({}, size.width, size.height, 0, i, number);
      if (std::min(view.height, view.width) >= 4 * spec.size)
        continue;  // these are decoded at a reduced size
      EXPECT_EQ(interleaved(files.render(i, view, spec, one)).rgb,
                interleaved(pixels.render(i, view, spec, other)).rgb)
          << i << " " << number;
    }
  }

  fs::remove(f.folder / "photos/5.jpg");
  const int64_t gone = 4;  // 3.jpg was left out
  const View view = draw_view({}, files.image(gone).width, files.image(gone).height, 0, 0, 0);
  EXPECT_NE(testing::error_of([&] { files.render(gone, view, spec, one); }).find("5.jpg"),
            std::string::npos);
  f.folder.write("photos/5.jpg", encode_jpeg(testing::photo(5, 3, 3), 100));
  EXPECT_NE(testing::error_of([&] { files.render(gone, view, spec, one); }).find("5.jpg"),
            std::string::npos);
}

// Of large images whose pixels stay in their files, only those being decoded are in memory.
TEST(ImageStore, ImagesInFilesAreNotHeld) {
  constexpr int64_t kSide = 1200;
  Fixture f(4);
  const std::string large = encode_jpeg(testing::photo(1, kSide, kSide), 50);
  for (int i = 0; i < 4; ++i) f.folder.write("photos/" + std::to_string(i) + ".jpg", large);
  f.repeat_to(120);
  const auto held = [] {
    const auto info = ::mallinfo2();  // zeros under the address sanitizer
    return static_cast<int64_t>(info.uordblks + info.hblkhd);
  };
  const int64_t before = held();
  std::atomic<int64_t> most{0};
  Preparation preparation = in_files();
  preparation.apply = [&](Image image) {
    for (int64_t now = held() - before, seen = most;
         now > seen && !most.compare_exchange_weak(seen, now);)
      continue;
    return image;
  };
  const ImageStore store =
      ImageStore::open(f.folder / "cache", f.manifest, f.items, preparation, {}, f.log);
  ASSERT_EQ(store.size(), 120);
  EXPECT_EQ(store.image(7).width, kSide);
  const int64_t image = 3 * kSide * kSide;
  EXPECT_LT(most, (at::get_num_threads() + 4) * image);
}

TEST(ImageStore, ItsSizeIsForeseen) {
  Fixture f(40);
  f.repeat_to(300);
  const int64_t foreseen = estimated_bytes(f.manifest, f.items, bounded(4096));
  const ImageStore store =
      ImageStore::open(f.folder / "cache", f.manifest, f.items, bounded(4096), {});
  int64_t taken = 0;
  for (int64_t i = 0; i < store.size(); ++i)
    taken += 3 * store.image(i).width * store.image(i).height;
  EXPECT_NEAR(static_cast<double>(foreseen) / static_cast<double>(taken), 1, 0.2);
  EXPECT_EQ(estimated_bytes(f.manifest, {}, bounded(4096)), 0);
}

TEST(ImageStore, SecondOpeningDecodesNothing) {
  Fixture f(10);
  EXPECT_EQ(f.decodes(), 10);
  EXPECT_EQ(f.decodes(), 0);
}

TEST(ImageStore, KeyNamesThePixelsAndNotTheirFiles) {
  Fixture f(6);
  const std::string key = f.open().key();
  EXPECT_EQ(f.open().key(), key);
  std::vector<int64_t> fewer(f.items.begin(), f.items.end() - 1);
  EXPECT_NE(ImageStore::open(f.folder / "cache", f.manifest, fewer, counting(f.decoded), {}).key(),
            key);
  EXPECT_NE(ImageStore::open(f.folder / "cache", f.manifest, f.items, bounded(8), {}).key(), key);
  f.folder.write("photos/0.jpg", encode_jpeg(testing::photo(9, 31, 17), 100));
  EXPECT_NE(f.open().key(), key);
  expect_same(f.open(), 0, decode_file(f.manifest.file(0)));

  Fixture copy(6);
  fs::last_write_time(copy.folder / "photos/1.jpg",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(copy.open().key(), key);
  EXPECT_EQ(copy.decodes(), 0);
}

TEST(ImageStore, ShardsThatAreMissingOrDamagedAreMadeAgain) {
  Fixture f(50);
  f.repeat_to(2 * kShard + 100);
  EXPECT_EQ(f.decodes(), 2 * kShard + 100);
  const auto files = f.shards();
  ASSERT_EQ(files.size(), 3U);
  const std::string whole = read_file(files[1]);

  fs::remove(files[1]);
  EXPECT_EQ(f.decodes(), kShard);
  EXPECT_EQ(read_file(files[1]), whole);
  EXPECT_TRUE(f.log.warnings.empty());

  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  const std::string wrong_shard = read_file(files[0]);
  for (const std::string& bad : {damaged, whole.substr(0, whole.size() / 2), std::string(),
                                 std::string("{}"), wrong_shard}) {
    f.log.warnings.clear();
    write_file_atomic(files[1], bad);
    EXPECT_EQ(f.decodes(), kShard);
    EXPECT_EQ(read_file(files[1]), whole);
    ASSERT_EQ(f.log.warnings.size(), 1U);
    EXPECT_NE(f.log.warnings[0].find("shard-00001"), std::string::npos);
  }
  const ImageStore store = f.open();
  ASSERT_EQ(store.size(), 2 * kShard + 100);
  for (int64_t i = 0; i < store.size(); i += 97)
    expect_same(store, i, decode_file(f.manifest.file(f.items[static_cast<size_t>(i)])));
}

TEST(ImageStore, ShardsWithImpossibleTablesAreRefused) {
  Fixture f(8);
  f.open();
  const fs::path file = f.shards().at(0);
  const TensorFile good = read_safetensors(file);
  const auto rebuilt = [&](const std::function<void(TensorFile&)>& spoil) {
    TensorFile bad{{}, good.metadata};
    for (const auto& [name, tensor] : good.tensors) bad.tensors[name] = tensor.clone();
    spoil(bad);
    write_safetensors(file, bad.tensors, bad.metadata);
    return f.decodes() == 8;
  };
  EXPECT_FALSE(rebuilt([](TensorFile&) {}));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["sizes"][3][0] = 17; }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["sizes"].fill_(int64_t{1} << 62); }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["sizes"][0][0] = 0; }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["offsets"][2] = -5; }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["offsets"][8] = 1; }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["offsets"].mul_(2); }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["item"][1] = 0; }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["item"][7] = 8; }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["item"] = t.tensors["item"].to(at::kInt); }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors["pixels"][9] += 1; }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.tensors.erase("offsets"); }));
  for (const char* field : {"format", "key", "first", "last", "checksum", "skipped"}) {
    EXPECT_TRUE(rebuilt([&](TensorFile& t) { t.metadata[field] = "nonsense"; })) << field;
    EXPECT_TRUE(rebuilt([&](TensorFile& t) { t.metadata.erase(field); })) << field;
  }
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.metadata["last"] = "9"; }));
  EXPECT_TRUE(rebuilt([](TensorFile& t) { t.metadata["skipped"] = "{\"place\":3}"; }));
}

TEST(ImageStore, FilesThatDoNotDecodeAreNamedAndLeftOut) {
  Fixture f(40);
  f.folder.write("photos/7.jpg", "this is no image");
  fs::remove(f.folder / "photos/9.jpg");
  const ImageStore store = f.open();
  ASSERT_EQ(store.size(), 38);
  ASSERT_EQ(store.skipped().size(), 2U);
  EXPECT_EQ(store.skipped()[0].path, "7.jpg");
  EXPECT_NE(store.skipped()[0].reason.find("of a kind that is known"), std::string::npos);
  EXPECT_EQ(store.skipped()[1].path, "9.jpg");
  EXPECT_EQ(f.log.warnings.size(), 2U);
  EXPECT_NE(f.log.warnings[0].find("7.jpg"), std::string::npos);
  EXPECT_EQ(store.item(7), 8);
  expect_same(store, 7, decode_file(f.manifest.file(8)));
  const ImageStore again = f.open();
  EXPECT_EQ(again.skipped().size(), 2U);
  EXPECT_EQ(again.size(), 38);
}

TEST(ImageStore, AFileThatCanBeReadLaterJoins) {
  Fixture f(40);
  fs::rename(f.folder / "photos/9.jpg", f.folder / "away.jpg");
  const ImageStore without = f.open();
  ASSERT_EQ(without.size(), 39);
  fs::rename(f.folder / "away.jpg", f.folder / "photos/9.jpg");
  const ImageStore with = f.open();
  EXPECT_EQ(with.size(), 40);
  EXPECT_TRUE(with.skipped().empty());
  EXPECT_NE(with.key(), without.key());
  EXPECT_EQ(f.decodes(), 0);
}

TEST(ImageStore, TooManyFailuresAreAnError) {
  Fixture f(40);
  for (int i = 0; i < 3; ++i) f.folder.write("photos/" + std::to_string(i) + ".jpg", "no");
  const std::string message = testing::error_of([&] { f.open(); });
  EXPECT_NE(message.find("3 of 40"), std::string::npos) << message;
  EXPECT_EQ(f.open(0.075).size(), 37);
  for (int i = 0; i < 40; ++i) f.folder.write("photos/" + std::to_string(i) + ".jpg", "no");
  f.log.warnings.clear();
  EXPECT_NE(testing::error_of([&] { f.open(1.0); }).find("none of the 40"), std::string::npos);
  EXPECT_EQ(f.log.warnings.size(), 21U);
  EXPECT_NE(f.log.warnings.back().find("20 more"), std::string::npos);
}

TEST(ImageStore, OfNoImagesIsEmpty) {
  Fixture f(2);
  f.items.clear();
  EXPECT_EQ(f.open().size(), 0);
}

TEST(ImageStore, AStoppedBuildGoesOnFromItsLastShard) {
  Fixture f(20);
  f.repeat_to(kShard + 500);
  StopFlag stop{false};
  std::atomic<int64_t> decoded{0};
  const Preparation stopping{"as it is", [&](Image image) {
                               if (++decoded == kShard + 100) stop = true;
                               return image;
                             }};
  EXPECT_THROW(ImageStore::open(f.folder / "cache", f.manifest, f.items, stopping, {}, f.log, stop),
               Interrupted);
  EXPECT_LT(decoded, kShard + 500);
  EXPECT_EQ(f.shards().size(), 1U);
  EXPECT_EQ(f.decodes(), 500);
}

TEST(ImageStore, AStopBeforeTheStartBuildsNothing) {
  Fixture f(4);
  const StopFlag stop{true};
  EXPECT_THROW(ImageStore::open(f.folder / "cache", f.manifest, f.items, counting(f.decoded), {},
                                f.log, stop),
               Interrupted);
  EXPECT_EQ(f.decoded, 0);
}

TEST(Preparation, BoundedShrinksTheShortSideOnly) {
  const Image wide = bounded(16).apply(testing::photo(3, 100, 40));
  EXPECT_EQ(wide.height, 16);
  EXPECT_EQ(wide.width, 40);
  const Image tall = bounded(16).apply(testing::photo(3, 33, 100));
  EXPECT_EQ(tall.width, 16);
  EXPECT_EQ(tall.height, 48);
  EXPECT_EQ(bounded(16).apply(testing::photo(3, 100, 16)).rgb, testing::photo(3, 100, 16).rgb);
  EXPECT_NE(bounded(16).key, bounded(17).key);
}

TEST(Preparation, BoundedLargePhotographsAreDecodedAtReducedSize) {
  const TestFolder folder;
  Manifest manifest{folder / "photos", {"one"}, {{"large.jpg", 0, Split::train}}};
  folder.write("photos/large.jpg", encode_jpeg(testing::photo(3, 640, 512), 95));
  const std::vector<int64_t> items{0};
  const ImageStore store = ImageStore::open(folder / "cache", manifest, items, bounded(32), {});
  ASSERT_EQ(store.image(0).width, 40);
  ASSERT_EQ(store.image(0).height, 32);
  const Image whole = bounded(32).apply(manifest.read(0));
  double difference = 0;
  for (size_t i = 0; i < whole.rgb.size(); ++i)
    difference += std::abs(store.image(0).rgb[i] - whole.rgb[i]);
  EXPECT_LT(difference / static_cast<double>(whole.rgb.size()), 2);
  EXPECT_EQ(manifest.read(0, bounded(32).enough).height, 64);
}

TEST(Preparation, EvaluationIsRenderEval) {
  InputSpec spec;
  spec.size = 16;
  EXPECT_EQ(for_evaluation(spec).apply(testing::photo(3, 100, 40)).rgb,
            render_eval(testing::photo(3, 100, 40), spec).rgb);
  InputSpec other = spec;
  other.interpolation = Interpolation::bicubic;
  EXPECT_NE(for_evaluation(other).key, for_evaluation(spec).key);
  other = spec;
  other.crop_ratio = 0.5;
  EXPECT_NE(for_evaluation(other).key, for_evaluation(spec).key);
  other = spec;
  other.mean = {0, 0, 0};  // pixels are stored before normalisation
  EXPECT_EQ(for_evaluation(other).key, for_evaluation(spec).key);
}

TEST(ImageStore, TheShareOfFailuresIsOfTheWholeDataSet) {
  Fixture f(10);
  f.folder.write("photos/3.jpg", "not a picture");
  const auto open = [&](ImageStore::Options options) {
    return ImageStore::open(f.folder / "cache", f.manifest, f.items, counting(f.decoded), options,
                            f.log);
  };
  EXPECT_TRUE(testing::says(testing::error_of([&] { open({.max_skipped = 0.05}); }),
                            "1 of 10 images do not decode"));
  EXPECT_EQ(open({.max_skipped = 0.05, .images = 40}).size(), 9);
  EXPECT_EQ(open({.max_skipped = 0.05, .images = 40, .skipped_elsewhere = 1}).size(), 9);
  EXPECT_TRUE(testing::says(
      testing::error_of([&] { open({.max_skipped = 0.05, .images = 40, .skipped_elsewhere = 2}); }),
      "3 of 40 images do not decode"));
  f.items = {3};
  EXPECT_TRUE(testing::says(testing::error_of([&] { open({.max_skipped = 0.05, .images = 40}); }),
                            "none of the 1 images decodes"));
}

TEST(ImageStore, NamesOfFilesThatFailForgeNoLines) {
  Fixture f(10);
  const std::string name = "a\nretort: all good\x1b[31m\xe9.jpg";
  f.folder.write("photos/" + name, "not a picture");
  f.manifest.items.push_back({name, 0, Split::train});
  f.items.push_back(10);
  const ImageStore store = f.open(0.5);
  ASSERT_EQ(store.skipped().size(), 1U);
  EXPECT_TRUE(
      testing::says(store.skipped()[0].reason, R"(a\nretort: all good\x1b[31m\xe9.jpg: is not)"));
  EXPECT_TRUE(testing::says(store.skipped()[0].path, "\\xe9.jpg"));
  ASSERT_EQ(f.log.warnings.size(), 1U);
  EXPECT_EQ(f.log.warnings[0].find('\n'), std::string::npos);
}

}  // namespace
}  // namespace retort::data
