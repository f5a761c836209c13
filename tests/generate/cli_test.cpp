// `retort generate` with a script as its engine, as users run it.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "retort/data/manifest.h"
#include "retort/generate/image_file.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"
#include "tests/support/noise.h"
#include "tests/support/program.h"

namespace retort::generate {
namespace {

namespace fs = std::filesystem;
using testing::Outcome;
using testing::put;
using testing::says;

void wait_for(const fs::path& file, pid_t child) {
  while (!fs::exists(file) && !testing::has_ended(child))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

// The tool copies one of three images, chosen by the seed. From its fourth image on it writes
// `waits` and waits for the file `go`.
class GenerateCliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    put(folder_ / "classes.txt", "cat\nsea_lake\n");
    for (int i = 0; i < 3; ++i)
      put(folder_ / (std::to_string(i) + ".png"), encode(testing::noise(i, 9, 7), Format::png, ""));
    put(folder_ / "tool", "cd '" + folder_.path().string() +
                              "'\necho >> calls\nif [ $(wc -l < calls) -gt 3 ]; then touch waits; "
                              "while [ ! -e go ] && [ -e tool ]; do sleep 0.02; done; fi\n"
                              "cp $(($1 % 3)).png \"$2\"\n");
  }
  std::vector<std::string> command(const std::string& out) const {
    return {RETORT_BINARY, "generate",
            "--classes",   (folder_ / "classes.txt").string(),
            "--engine",    "/bin/sh '" + (folder_ / "tool").string() + "' {seed} {out} {prompt}",
            "--per-class", "3",
            "--out",       (folder_ / out).string()};
  }
  std::vector<std::string> command(const std::string& out,
                                   const std::vector<std::string>& more) const {
    std::vector<std::string> words = command(out);
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Outcome run(const std::vector<std::string>& words) const {
    return testing::run_program(words, folder_ / "output.txt");
  }
  std::string files_of(const std::string& out) const {
    const data::Manifest manifest = data::load_manifest(folder_ / out / "manifest.csv");
    std::string all = read_file(folder_ / out / "manifest.csv");
    for (int64_t i = 0; i < static_cast<int64_t>(manifest.items.size()); ++i)
      all += read_file(manifest.file(i));
    return all;
  }
  testing::TestFolder folder_;
};

TEST_F(GenerateCliTest, KilledAndStartedAgainItMakesOnlyWhatIsMissing) {
  put(folder_ / "go", "");
  const Outcome whole = run(command("whole"));
  ASSERT_EQ(whole.code, 0) << whole.text;
  EXPECT_TRUE(says(whole.text, "6 images (6 new): "));
  fs::remove(folder_ / "go");
  fs::remove(folder_ / "waits");
  fs::remove(folder_ / "calls");
  const pid_t child = testing::start_program(command("cut"), folder_ / "cut.txt");
  wait_for(folder_ / "waits", child);
  ::kill(child, SIGKILL);
  testing::await_program(child, folder_ / "cut.txt");
  EXPECT_EQ(data::load_manifest(folder_ / "cut/manifest.csv").items.size(), 3U);
  put(folder_ / "cut/cat/00002.png.tmp12", "half of an image");
  put(folder_ / "go", "");
  const Outcome rest = run(command("cut"));
  ASSERT_EQ(rest.code, 0) << rest.text;
  EXPECT_TRUE(says(rest.text, "6 images (3 new): "));
  EXPECT_EQ(files_of("cut"), files_of("whole"));
  EXPECT_FALSE(fs::exists(folder_ / "cut/cat/00002.png.tmp12"));
}

TEST_F(GenerateCliTest, CtrlCEndsAfterTheImageAtHand) {
  const pid_t child = testing::start_program(command("set"), folder_ / "set.txt");
  wait_for(folder_ / "waits", child);
  ::kill(child, SIGINT);
  put(folder_ / "go", "");
  const Outcome outcome = testing::await_program(child, folder_ / "set.txt");
  EXPECT_EQ(outcome.code, 130);
  EXPECT_TRUE(says(outcome.text, "4 of 6 images are there and listed in"));
  EXPECT_TRUE(says(outcome.text, "the same command goes on from there"));
}

bool is_running(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t end = text.rfind(')');  // the end of its name; its state follows
  return end != std::string::npos && end + 2 < text.size() && text[end + 2] != 'Z' &&
         text[end + 2] != 'X';
}

// However retort ends, the tool and the processes that it started end with it.
TEST_F(GenerateCliTest, TheToolDoesNotOutliveUs) {
  for (const bool killed : {true, false}) {
    fs::remove(folder_ / "waits");
    put(folder_ / "tool", "cd '" + folder_.path().string() +
                              "'\nsleep 1000 &\necho $$ $! > pids\ntouch waits\nwait\n");
    const pid_t child =
        testing::start_program(command(killed ? "killed" : "twice"), folder_ / "set.txt");
    wait_for(folder_ / "waits", child);
    pid_t tool = 0, below = 0;
    std::ifstream(folder_ / "pids") >> tool >> below;
    ASSERT_TRUE(is_running(tool) && is_running(below));
    ::kill(child, killed ? SIGKILL : SIGINT);
    if (!killed) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      EXPECT_TRUE(is_running(tool));  // the first signal lets it finish its image
      ::kill(child, SIGINT);
    }
    EXPECT_EQ(testing::await_program(child, folder_ / "set.txt").code,
              128 + (killed ? SIGKILL : SIGINT));
    while (is_running(tool) || is_running(below))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(GenerateCliTest, WritesJpegWithItsPrompt) {
  put(folder_ / "go", "");
  const Outcome outcome = run(command("set", {"--format", "jpeg", "--prompt", "texture"}));
  ASSERT_EQ(outcome.code, 0) << outcome.text;
  const std::string file = read_file(folder_ / "set/sea_lake/00002.jpg");
  EXPECT_TRUE(file.starts_with("\xff\xd8\xff"));
  EXPECT_TRUE(says(file, "sea lake texture\nSeed: "));
}

TEST_F(GenerateCliTest, FaultsEndInOneMessage) {
  put(folder_ / "prompts.csv", "class,prompt\ncow,a cow\n");
  const Outcome unknown = run(command("a", {"--prompt-file", (folder_ / "prompts.csv").string()}));
  EXPECT_EQ(unknown.code, 1);
  EXPECT_TRUE(says(unknown.text, "prompts.csv:2: there is no class 'cow'"));
  EXPECT_FALSE(fs::exists(folder_ / "a"));
  EXPECT_EQ(run(command("b", {"--steps", "3"})).code, 2);
  const Outcome missing =
      run({RETORT_BINARY, "generate", "--classes", (folder_ / "classes.txt").string(), "--out",
           (folder_ / "c").string(), "--engine-library", (folder_ / "none.so").string()});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(says(missing.text, "scripts/install.sh generate"));
}

}  // namespace
}  // namespace retort::generate
