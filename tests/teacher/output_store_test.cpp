#include "retort/teacher/output_store.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/manifest.h"
#include "retort/models/registry.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"
#include "tests/support/pictures.h"

namespace retort::teacher {
namespace {

namespace fs = std::filesystem;

class OutputStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_pictures(folder_ / "data", "train", 3, 6);
    manifest_ = data::load_manifest(folder_ / "data");
    weights_ = folder_ / "teacher.safetensors";
    models::ModelPtr model = models::make_model({"resnet18", 3});
    StateDict state = models::state_of(*model);
    testing::formula_fill(state);
    write_safetensors(weights_, state);
  }

  data::ImageStore images() {
    return data::ImageStore::open(folder_ / "cache", manifest_, manifest_.of(data::Split::train),
                                  data::bounded(320), {});
  }
  Teacher teacher() { return {{.weights = weights_, .size = 32}, models::Precision::fp32}; }
  OutputStore store(Teacher& teacher, const data::ImageStore& images,
                    OutputStore::Options options) {
    return OutputStore::open(folder_ / "cache", teacher, images, {}, options);
  }
  std::vector<fs::path> parts() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "cache" / "teacher"))
      if (entry.path().extension() == ".safetensors") found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
  }

  testing::TestFolder folder_;
  fs::path weights_;
  data::Manifest manifest_;
};

TEST_F(OutputStoreTest, HoldsWhatTheLiveTeacherSays) {
  Teacher live = teacher();
  const data::ImageStore train = images();
  const OutputStore outputs = store(live, train, {.views = 3, .batch_size = 4});
  ASSERT_EQ(outputs.views(), 3);
  const std::vector<data::Sample> samples = {
      {5, 2}, {0, 0}, {3, 1}, {5, 5}};  // view 5 is view 2 again
  const at::Tensor expected = live.features(data::render_batch(
      train, std::vector<data::Sample>{{5, 2}, {0, 0}, {3, 1}, {5, 2}}, {}, 0, live.input_spec()));
  const at::Tensor stored = outputs.features(samples);
  EXPECT_LT(((stored - expected).norm() / expected.norm()).item<double>(), 1e-3);
}

TEST_F(OutputStoreTest, FurtherViewsAreSeenLive) {
  Teacher live = teacher();
  const data::ImageStore train = images();
  const data::ViewRecipe recipe;
  const OutputStore::Options options{.views = 2, .all_views = 5, .batch_size = 4};
  const OutputStore outputs = OutputStore::open(folder_ / "cache", live, train, recipe, options);
  EXPECT_EQ(outputs.views(), 5);
  EXPECT_EQ(outputs.stored(), 2);
  EXPECT_EQ(parts().size(), 2U);
  const std::vector<data::Sample> samples = {
      {5, 4}, {0, 0}, {3, 2}, {5, 6}};  // view 6 is view 1 again
  const at::Tensor expected = live.features(data::render_batch(
      train, std::vector<data::Sample>{{5, 4}, {0, 0}, {3, 2}, {5, 1}}, {}, 0, live.input_spec()));
  EXPECT_LT(((outputs.features(samples) - expected).norm() / expected.norm()).item<double>(), 1e-3);
  const OutputStore::Looks looks =
      OutputStore::looks(folder_ / "cache", live, train, recipe, options);
  EXPECT_EQ(looks.missing, 0);
  EXPECT_EQ(looks.live, 3 * train.size());
}

TEST_F(OutputStoreTest, ASecondOpenComputesNothingAndADamagedPartOnlyItself) {
  Teacher live = teacher();
  const data::ImageStore train = images();
  const at::Tensor before = store(live, train, {.views = 2}).view(1).all().clone();
  const std::vector<fs::path> files = parts();
  ASSERT_EQ(files.size(), 2U);
  const auto kept = fs::last_write_time(files[0]);
  std::string bytes = read_file(files[1]);
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 0x55);
  write_file_atomic(files[1], bytes);
  EXPECT_TRUE(at::equal(store(live, train, {.views = 2}).view(1).all(), before));
  EXPECT_EQ(fs::last_write_time(files[0]), kept);
}

// Checksum and key of each part are right, but the part is of other crops.
TEST_F(OutputStoreTest, PartsOfOtherViewsAreRefusedWhereverTheyLie) {
  Teacher live = teacher();
  const data::ImageStore train = images();
  store(live, train, {.views = 4});
  const std::vector<fs::path> files = parts();
  ASSERT_EQ(files.size(), 4U);
  for (size_t wrong = 0; wrong < files.size(); ++wrong) {
    const std::string right = read_file(files[wrong]);
    write_file_atomic(files[wrong], read_file(files[(wrong + 1) % files.size()]));
    try {
      store(live, train, {.views = 4});
      ADD_FAILURE() << "view " << wrong << " was accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("of view " + std::to_string(wrong)),
                std::string::npos)
          << error.what();
    }
    write_file_atomic(files[wrong], right);
  }
  EXPECT_EQ(store(live, train, {.views = 4}).views(), 4);
}

// A file that cannot be decoded is removed: the images are the same, and so are their views.
TEST_F(OutputStoreTest, StoredOutputsStayRightWhenAFileGoes) {
  const fs::path folder = folder_ / "data" / "train";
  const fs::path broken = fs::directory_iterator(folder)->path() / "00-broken.jpg";
  testing::put(broken, "no image");
  manifest_ = data::load_manifest(folder_ / "data");
  const auto open = [this] {
    return data::ImageStore::open(folder_ / "cache", manifest_, manifest_.of(data::Split::train),
                                  data::bounded(320), {.max_skipped = 1});
  };
  Teacher live = teacher();
  const data::ImageStore before = open();
  const at::Tensor features = store(live, before, {.views = 2}).view(1).all().clone();
  fs::remove(broken);
  manifest_ = data::load_manifest(folder_ / "data");
  const data::ImageStore after = open();
  EXPECT_EQ(before.key(), after.key());
  const OutputStore found = store(live, after, {.views = 2});
  EXPECT_EQ(OutputStore::looks(folder_ / "cache", live, after, {}, {.views = 2}).missing, 0);
  EXPECT_TRUE(at::equal(found.view(1).all(), features));
  std::vector<data::Sample> all;
  for (int64_t i = 0; i < after.size(); ++i) all.push_back({i, 1});
  const at::Tensor expected =
      live.features(data::render_batch(after, all, {}, 0, live.input_spec()));
  EXPECT_LT(
      ((found.features(all) - expected).norm(2, 1) / expected.norm(2, 1)).max().item<double>(),
      1e-2);
}

TEST_F(OutputStoreTest, MoreViewsKeepThoseThatAreThere) {
  Teacher live = teacher();
  const data::ImageStore train = images();
  store(live, train, {.views = 1});
  const auto written = fs::last_write_time(parts()[0]);
  EXPECT_EQ(store(live, train, {.views = 2}).views(), 2);
  EXPECT_EQ(fs::last_write_time(parts()[0]), written);
}

TEST_F(OutputStoreTest, TheBudgetBoundsTheViews) {
  Teacher live = teacher();
  const data::ImageStore train = images();
  const auto view_bytes = static_cast<uint64_t>(train.size() * 512 * 2);
  EXPECT_EQ(store(live, train, {.views = 9, .byte_budget = 2 * view_bytes}).views(), 2);
  EXPECT_ERROR(store(live, train, {.views = 9, .byte_budget = view_bytes - 1}),
               "raise --store-budget");
}

TEST_F(OutputStoreTest, AnotherTeacherHasAnotherStore) {
  const data::ImageStore train = images();
  Teacher first = teacher();
  Teacher larger({.weights = weights_, .size = 64}, models::Precision::fp32);
  EXPECT_NE(first.key(), larger.key());
  store(first, train, {.views = 1});
  store(larger, train, {.views = 1});
  EXPECT_EQ(parts().size(), 2U);
}

TEST_F(OutputStoreTest, FeaturesBeyondHalfPrecisionAreAnError) {
  Meter meter(null_log(), "", 1);
  const auto huge = [](int64_t, int64_t count) { return at::full({count, 2}, 1e6); };
  EXPECT_ERROR(FeatureParts::open(folder_ / "huge", "key", 3, 2, huge, meter, never_stop()),
               "features are not finite, or too large for fp16");
  EXPECT_FALSE(fs::exists(folder_ / "huge"));
}

TEST_F(OutputStoreTest, HeadsAreKeptOnlyWhereTheyFit) {
  Teacher kept = teacher();
  EXPECT_ERROR(kept.logits(at::zeros({1, 512})), "the teacher has no head yet");
  EXPECT_TRUE(testing::says(testing::error_of([&] {
                              kept.keep_head({"a", "b", "c", "d"});
                            }),
                            "has 3 classes, the data 4"));
  kept.keep_head({"a", "b", "c"});
  EXPECT_EQ(kept.logits(at::zeros({2, 512})).sizes(), at::IntArrayRef({2, 3}));
}

}  // namespace
}  // namespace retort::teacher
