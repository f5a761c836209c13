// The image set on disk: making, listing, continuing and refusing it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "retort/core/file.h"
#include "retort/data/manifest.h"
#include "retort/generate/generate.h"
#include "retort/generate/model_hash.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"
#include "tests/support/noise.h"

namespace retort::generate {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::put;
using testing::says;

// Draws noise from the seed.
class Noise : public Engine {
 public:
  Settings settings() const override {
    return {{"engine", "noise"}, {"size", std::to_string(size)}};
  }
  void start(Log&, const StopFlag&) override { ++started; }
  data::Image make(const Request& request, const OnStep& on_step) override {
    requests.push_back(request);
    on_step(1, 2);
    if (requests.size() == stop_at) stop.store(true);
    if (requests.size() == fail_at) throw Error("is tired", "noise");
    const int64_t side = requests.size() == large_at ? 64 : size;
    return testing::noise(request.seed, side, side);
  }
  int64_t size = 16;
  int started = 0;
  size_t stop_at = 0, fail_at = 0, large_at = 0;
  StopFlag stop{false};
  std::vector<Request> requests;
};

class ImageSetTest : public ::testing::Test {
 protected:
  SetPlan plan(const std::string& out, int64_t per_class = 3) const {
    SetPlan plan;
    plan.out = folder_ / out;
    plan.classes = {{"cat", "cat", {"a cat", "a café, at night"}}, {"dog", "dog", {"a dog"}}};
    plan.per_class = per_class;
    plan.negative_prompt = "text";
    return plan;
  }
  static std::map<std::string, std::string> files_in(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file())
        files[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
    }
    return files;
  }
  testing::TestFolder folder_;
};

TEST_F(ImageSetTest, MakesAFolderForEachClassThatTheLoaderReads) {
  Noise noise;
  const GenerateResult result = generate(plan("set"), noise, null_log(), never_stop());
  EXPECT_EQ(result.made, 6);
  const data::Manifest manifest = data::load_manifest(result.manifest);
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"cat", "dog"}));
  ASSERT_EQ(manifest.items.size(), 6U);
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(manifest.read(i).width, 16);
  const data::Image made = data::decode_file(folder_ / "set/cat/00002.png");
  EXPECT_EQ(made.rgb,
            testing::noise(picture(plan("set").classes[0], 2, 0, Format::png).seed, 16, 16).rgb);
  EXPECT_NE(read_file(folder_ / "set/dog/00000.png").find("a dog\nNegative prompt: text\nSeed: "),
            std::string::npos);
  EXPECT_TRUE(
      says(read_file(result.manifest), "cat/00001.png,cat,train,\"a café, at night\",text,"));
}

// The settings' file, which is written first, may be cut off.
TEST_F(ImageSetTest, ASetThatWasKilledAtOnceGoesOn) {
  folder_.write("set/settings.json.tmp754f80c9269f6a48", "{");
  Noise noise;
  EXPECT_EQ(generate(plan("set"), noise, null_log(), never_stop()).made, 6);
  EXPECT_FALSE(fs::exists(folder_ / "set/settings.json.tmp754f80c9269f6a48"));
}

TEST_F(ImageSetTest, ASetThatIsStoppedIsBalancedAndGoesOn) {
  Noise whole, cut;
  generate(plan("whole"), whole, null_log(), never_stop());
  cut.stop_at = 4;
  const std::string message = error_of([&] { generate(plan("cut"), cut, null_log(), cut.stop); });
  EXPECT_TRUE(says(message, "4 of 6 images are there"));
  EXPECT_EQ(data::load_manifest(folder_ / "cut/manifest.csv").items.size(), 4U);
  EXPECT_TRUE(fs::exists(folder_ / "cut/dog/00001.png"));
  EXPECT_FALSE(fs::exists(folder_ / "cut/cat/00002.png"));
  Noise rest;
  EXPECT_EQ(generate(plan("cut"), rest, null_log(), never_stop()).made, 2);
  EXPECT_EQ(files_in(folder_ / "cut"), files_in(folder_ / "whole"));
  Noise nothing;
  EXPECT_EQ(generate(plan("cut"), nothing, null_log(), never_stop()).made, 0);
  EXPECT_EQ(nothing.started, 0);
}

TEST_F(ImageSetTest, AnyImageIsMadeAgainAlone) {
  Noise noise, again;
  generate(plan("set"), noise, null_log(), never_stop());
  const auto before = files_in(folder_ / "set");
  fs::remove(folder_ / "set/cat/00001.png");
  EXPECT_EQ(generate(plan("set"), again, null_log(), never_stop()).made, 1);
  EXPECT_EQ(files_in(folder_ / "set"), before);
}

TEST_F(ImageSetTest, ASetMayGrow) {
  Noise noise;
  generate(plan("set"), noise, null_log(), never_stop());
  SetPlan more = plan("set", 5);
  more.classes.push_back({"cow", "cow", {"a cow"}});
  EXPECT_EQ(generate(more, noise, null_log(), never_stop()).made, 9);
  EXPECT_EQ(generate(plan("set", 1), noise, null_log(), never_stop()).made, 0);
  EXPECT_EQ(data::load_manifest(folder_ / "set/manifest.csv").items.size(), 15U);
}

TEST_F(ImageSetTest, OtherSettingsAreRefused) {
  Noise noise;
  generate(plan("set"), noise, null_log(), never_stop());
  const auto before = files_in(folder_ / "set");
  const auto refusal = [&](const SetPlan& other) {
    return error_of([&] { generate(other, noise, null_log(), never_stop()); });
  };
  SetPlan other = plan("set");
  other.negative_prompt = "";
  other.seed = 1;
  EXPECT_TRUE(
      says(refusal(other), "negative_prompt was 'text' and is ''; seed was '0' and is '1'"));
  other = plan("set");
  other.classes[1].prompts = {"a hound"};
  EXPECT_TRUE(says(refusal(other), "class 'dog' made with other prompts"));
  noise.size = 32;
  EXPECT_TRUE(says(refusal(plan("set")), "size was '16' and is '32'"));
  EXPECT_EQ(files_in(folder_ / "set"), before);
  put(folder_ / "set/settings.json", "{");
  EXPECT_TRUE(says(refusal(plan("set")), "settings.json: cannot be read"));
}

TEST_F(ImageSetTest, SettingsThatMadeNoImageBindNobody) {
  Noise noise;
  noise.fail_at = 1;
  EXPECT_TRUE(says(error_of([&] { generate(plan("set"), noise, null_log(), never_stop()); }),
                   "0 of 6 images are there"));
  noise.size = 32;
  EXPECT_EQ(generate(plan("set"), noise, null_log(), never_stop()).made, 6);
}

TEST_F(ImageSetTest, AFailureKeepsAndListsWhatWasMade) {
  Noise noise;
  noise.fail_at = 6;
  const std::string message =
      error_of([&] { generate(plan("set"), noise, null_log(), never_stop()); });
  EXPECT_TRUE(says(message, "noise: is tired"));
  EXPECT_TRUE(says(message, "5 of 6 images are there and listed in"));
  EXPECT_EQ(data::load_manifest(folder_ / "set/manifest.csv").items.size(), 5U);
}

TEST_F(ImageSetTest, AFolderWithOtherFilesIsRefused) {
  Noise noise;
  fs::create_directories(folder_ / "photos");
  put(folder_ / "photos/mine.jpg", "x");
  EXPECT_TRUE(says(error_of([&] { generate(plan("photos"), noise, null_log(), never_stop()); }),
                   "holds other files, such as 'mine.jpg'"));
  EXPECT_EQ(files_in(folder_ / "photos").size(), 1U);
}

TEST_F(ImageSetTest, OnlyOneWorksInAFolder) {
  const ImageSet first(plan("set"));
  EXPECT_TRUE(says(error_of([&] { const ImageSet second(plan("set")); }),
                   "is in use: process " + std::to_string(::getpid())));
}

// A limit on the size of files makes a write fail as a full disk does.
void end_with_limit(rlim_t bytes, const SetPlan& plan, Noise& noise) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  try {
    generate(plan, noise, null_log(), never_stop());
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::_Exit(1);
  }
  std::_Exit(0);
}

TEST_F(ImageSetTest, AFullDiskKeepsAndListsWhatWasMade) {
  Noise noise;
  noise.large_at = 4;
  EXPECT_EXIT(end_with_limit(8000, plan("set"), noise), ::testing::ExitedWithCode(1),
              "cannot write: .*\n.*\n  3 of 6 images are there");
  EXPECT_EQ(files_in(folder_ / "set").size(),
            3U + 3U);  // with .lock, settings.json and manifest.csv
  EXPECT_EQ(data::load_manifest(folder_ / "set/manifest.csv").items.size(), 3U);
  noise.large_at = 0;
  EXPECT_EQ(generate(plan("set"), noise, null_log(), never_stop()).made, 3);
}

TEST_F(ImageSetTest, NoHalfRowIsLeftInTheManifest) {
  Noise noise;
  noise.size = 2;
  SetPlan wordy = plan("set", 4);
  wordy.classes[0].prompts = {std::string(1000, 'c')};
  wordy.classes[1].prompts = {std::string(1000, 'd')};
  EXPECT_EXIT(end_with_limit(4500, wordy, noise), ::testing::ExitedWithCode(1),
              "manifest.csv: cannot be written");
  EXPECT_EQ(data::load_manifest(folder_ / "set/manifest.csv").items.size(), 4U);
  EXPECT_EQ(generate(wordy, noise, null_log(), never_stop()).made, 3);
  EXPECT_EQ(data::load_manifest(folder_ / "set/manifest.csv").items.size(), 8U);
}

TEST_F(ImageSetTest, AModelsHashIsKept) {
  put(folder_ / "model", "weights");
  const fs::path cache = folder_ / "cache";
  const std::string hash = model_hash(folder_ / "model", cache, null_log(), never_stop());
  EXPECT_EQ(hash.size(), 32U);
  for (const auto& entry : fs::directory_iterator(cache / "model-hashes"))
    put(entry.path(), std::string(32, 'k'));
  EXPECT_EQ(model_hash(folder_ / "model", cache, null_log(), never_stop()), std::string(32, 'k'));
  put(folder_ / "model", "other weights");
  EXPECT_NE(model_hash(folder_ / "model", cache, null_log(), never_stop()), std::string(32, 'k'));
  EXPECT_NE(model_hash(folder_ / "model", cache, null_log(), never_stop()), hash);
}

TEST_F(ImageSetTest, ADiffusersFoldersHashIsOfItsParts) {
  const fs::path model = folder_ / "sd", cache = folder_ / "cache";
  fs::create_directories(model / "unet");
  fs::create_directories(model / "vae");
  EXPECT_TRUE(says(error_of([&] { model_hash(model, cache, null_log(), never_stop()); }),
                   "without unet/diffusion_pytorch_model.safetensors"));
  put(model / "unet/diffusion_pytorch_model.safetensors", "u");
  const std::string without = model_hash(model, cache, null_log(), never_stop());
  put(model / "vae/diffusion_pytorch_model.safetensors", "v");
  EXPECT_NE(model_hash(model, cache, null_log(), never_stop()), without);
}

}  // namespace
}  // namespace retort::generate
