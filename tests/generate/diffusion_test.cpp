// stable-diffusion.cpp itself, where it is installed (scripts/install.sh generate), and the error
// where it is not.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <png.h>

#include <chrono>
#include <set>
#include <thread>

#include "retort/data/manifest.h"
#include "retort/generate/diffusion_engine.h"
#include "tests/generate/sd1_checkpoint.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"
#include "tests/support/program.h"
#include "tests/support/safetensors_bytes.h"

namespace retort::generate {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::Outcome;
using testing::put;
using testing::says;

class DiffusionTest : public ::testing::Test {
 protected:
  void SetUp() override { put(folder_ / "classes.txt", "sea_lake\nforest\n"); }
  std::unique_ptr<Engine> engine(const fs::path& library, const fs::path& model) const {
    DiffusionOptions options;
    options.library = library;
    options.files["model"] = model;
    options.threads = 1;
    options.cache = folder_ / "cache";
    return make_diffusion_engine(options, null_log(), never_stop());
  }
  std::string start_with(const fs::path& library, const fs::path& model) const {
    const auto made = engine(library, model);
    return error_of([&] { made->start(null_log(), never_stop()); });
  }
  std::vector<std::string> command(const std::string& out) const {
    return {RETORT_BINARY,
            "generate",
            "--classes",
            (folder_ / "classes.txt").string(),
            "--model",
            (folder_ / "sd1.safetensors").string(),
            "--size",
            "64",
            "--steps",
            "2",
            "--threads",
            "1",
            "--per-class",
            "1",
            "--cache",
            (folder_ / "cache").string(),
            "--negative-prompt",
            "people",
            "--out",
            (folder_ / out).string()};
  }
  testing::TestFolder folder_;
};

#define RETORT_NEEDS_LIBRARY() \
  if (library_file().empty())  \
  GTEST_SKIP() << "no stable-diffusion.cpp is installed (scripts/install.sh generate)"

TEST_F(DiffusionTest, ALibraryThatIsMissingIsToldHowToGet) {
  const auto message = error_of([&] { static_cast<void>(engine(folder_ / "none.so", "x")); });
  EXPECT_TRUE(says(message, "none.so: there is no such file"));
  EXPECT_TRUE(says(message, "scripts/install.sh generate"));
}

TEST_F(DiffusionTest, AnotherLibraryIsRefusedBeforeItIsUsed) {
  put(folder_ / "model", "x");
  put(folder_ / "text.so", "text");
  EXPECT_TRUE(says(start_with(folder_ / "text.so", folder_ / "model"), "text.so: does not load"));
  Dl_info libpng{};
  ASSERT_NE(::dladdr(reinterpret_cast<const void*>(&png_access_version_number), &libpng), 0);
  EXPECT_TRUE(says(start_with(libpng.dli_fname, folder_ / "model"),
                   "it has no function sd_set_log_callback"));
  EXPECT_TRUE(says(start_with(RETORT_OTHER_LIBRARY, folder_ / "model"),
                   "its sd_ctx_params_t is of another size"));
}

TEST_F(DiffusionTest, AModelThatIsNoneEndsInAMessage) {
  RETORT_NEEDS_LIBRARY();
  put(folder_ / "model", "no weights");
  EXPECT_TRUE(says(start_with(library_file(), folder_ / "model"), "unknown format"));
  put(folder_ / "model",
      testing::safetensors_bytes(R"({"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})",
                                 "12345678"));
  EXPECT_TRUE(
      says(start_with(library_file(), folder_ / "model"), "get sd version from file failed"));
}

// With a dtype that no weight has the library throws in a thread of its own, which ends its
// process.
TEST_F(DiffusionTest, AModelThatTheLibraryDiesOfEndsInAMessage) {
  RETORT_NEEDS_LIBRARY();
  const std::string header =
      R"({"te.text_model.embeddings.position_embedding.weight":{"dtype":"I32","shape":[77,768],"data_offsets":[0,236544]},)"
      R"("te.text_model.embeddings.token_embedding.weight":{"dtype":"F16","shape":[1,768],"data_offsets":[236544,238080]},)"
      R"("unet.down_blocks.0.resnets.0.norm1.weight":{"dtype":"F16","shape":[0],"data_offsets":[238080,238080]},)"
      R"("unet.mid_block.resnets.1.norm1.weight":{"dtype":"F16","shape":[0],"data_offsets":[238080,238080]}})";
  put(folder_ / "model", testing::safetensors_bytes(header, std::string(238080, '\0')));
  const std::string message = start_with(library_file(), folder_ / "model");
  EXPECT_TRUE(says(message, "stable-diffusion.cpp was ended by a signal (Aborted)"));
  EXPECT_TRUE(says(message, "type i32 unsupported"));
}

// The whole command on a checkpoint of full size: it is killed while it makes its second image,
// then continued, and one image is made again alone.
TEST_F(DiffusionTest, ACheckpointMakesASetThatSurvivesAKill) {
  RETORT_NEEDS_LIBRARY();
  testing::write_sd1_checkpoint(folder_ / "sd1.safetensors");
  const fs::path first = folder_ / "set/sea_lake/00000.png",
                 second = folder_ / "set/forest/00000.png";
  const pid_t child = testing::start_program(command("set"), folder_ / "output.txt");
  while (!fs::exists(first) && !testing::has_ended(child))
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(fs::exists(first)) << read_file(folder_ / "output.txt");
  ::kill(child, SIGKILL);
  testing::await_program(child, folder_ / "output.txt");
  ASSERT_FALSE(fs::exists(second));

  const Outcome rest = testing::run_program(command("set"), folder_ / "output.txt");
  ASSERT_EQ(rest.code, 0) << rest.text;
  EXPECT_TRUE(says(rest.text, "2 images (1 new)"));
  EXPECT_FALSE(rest.text.find("for its hash") != std::string::npos) << "the hash was kept";
  const std::string before = read_file(first), manifest = read_file(folder_ / "set/manifest.csv");
  fs::remove(first);
  const Outcome again = testing::run_program(command("set"), folder_ / "output.txt");
  ASSERT_EQ(again.code, 0) << again.text;
  EXPECT_EQ(read_file(first), before);
  EXPECT_EQ(read_file(folder_ / "set/manifest.csv"), manifest);

  EXPECT_TRUE(says(before, "tEXtparameters"));
  EXPECT_TRUE(says(before, "a photo of a sea lake\nNegative prompt: people\nSeed: "));
  EXPECT_TRUE(says(before, "Size: 64x64, Steps: 2, CFG scale: 7"));
  EXPECT_TRUE(says(manifest, "sea_lake/00000.png,sea_lake,train,a photo of a sea lake,people,"));
  const data::Image lake = data::decode_file(first), forest = data::decode_file(second);
  EXPECT_EQ(lake.width, 64);
  EXPECT_EQ(lake.height, 64);
  EXPECT_NE(lake.rgb, forest.rgb);
  EXPECT_GT(std::set<uint8_t>(lake.rgb.begin(), lake.rgb.end()).size(),
            50U);  // noise, not one colour
}

}  // namespace
}  // namespace retort::generate
